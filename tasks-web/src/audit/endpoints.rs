//! The endpoint of the audit log.

use serde_json::json;
use tasks_runtime::audit::AuditEntry;

use super::handlers;
use crate::endpoint::{Endpoint, Endpoints, Response};
use crate::http::ULID;
use crate::http::paging::MAX_PAGE_SIZE;
use crate::http::query::QueryParameter;
use crate::openapi::{ANOTHER_METHOD, DATABASE_FAILED, StatusText};

const PROBLEMS: &[StatusText] = &[
    ANOTHER_METHOD,
    DATABASE_FAILED,
    (503, "The database is not available."),
];

/// The query of the list.
const LIST: &[QueryParameter] = &[
    QueryParameter::new(
        "key",
        "Keeps the changes made with a key, by its name.",
        || json!({"type": "string"}),
    ),
    QueryParameter::new(
        "operation",
        "Keeps the changes of a kind: an `operationId` of this document.",
        || json!({"type": "string"}),
    ),
    QueryParameter::new(
        "path",
        "Keeps the changes made by requests of this path.",
        || json!({"type": "string"}),
    ),
    QueryParameter::new(
        "before",
        "The id of an entry: older ones are wanted.",
        || json!({"type": "string", "pattern": ULID}),
    ),
];

pub(super) fn audit_log(prefix: &str) -> Endpoints {
    let list = vec![
        Endpoint::get("", "list_audit_log", handlers::list)
            .summary("Who has changed what, newest first")
            .description(
                "Each change that was made through the endpoints of jobs, schedules and artifacts. Executions and submissions are not among them: a job says itself \
                 who has submitted it. At most 100 at once: the header `Link` with `rel=\"next\"` leads to the rest.",
            )
            .query(LIST)
            .responds(Response::json_like(200, |writer| {
                json!({"type": "array", "items": writer.output::<AuditEntry>(), "maxItems": MAX_PAGE_SIZE})
            }))
            .problems(&[(422, "The query does not fit: `errors` says where.")]),
    ];
    Endpoints::new("audit", prefix, PROBLEMS, list)
}
