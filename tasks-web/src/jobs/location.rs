//! Where a job is.

use actix_web::HttpRequest;
use tasks_runtime::jobs::JobId;

use crate::http::public_base;

/// Where a job is: its path, or its URL when a trusted proxy says what comes before. The request is one below the path `tasks`, and the
/// jobs are beside that.
pub(crate) fn location(request: &HttpRequest, tasks: &str, jobs: &str, id: JobId) -> String {
    // What comes before the prefix, when the scopes are mounted inside of another one.
    let path = request.path();
    let base = path.find(tasks).map_or("", |start| &path[..start]);
    format!("{}{base}{jobs}/{id}", public_base(request))
}
