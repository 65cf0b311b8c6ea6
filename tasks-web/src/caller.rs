//! Who sent a request, as tasks see it.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage as _, HttpRequest};
use tasks_runtime::Caller;

use crate::access::Access;
use crate::http::RequestId;

/// Who sent a request. Of its headers, a task sees those that are named.
pub(crate) fn caller(request: &HttpRequest, headers: &[HeaderName]) -> Caller {
    let extensions = request.extensions();
    let mut caller = Caller::new();
    if let Some(id) = extensions.get::<RequestId>() {
        caller = caller.with_request_id(id.as_str());
    }
    if let Some(access) = extensions.get::<Access>() {
        caller = caller.with_key_name(access.key_name());
    }
    for name in headers {
        if let Some(value) = combined(request.headers(), name) {
            caller = caller.with_header(name.as_str(), value);
        }
    }
    caller
}

/// The value of a header, of all its lines (RFC 9110, section 5.3); `None` if there is none, or if one is not text.
fn combined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Result<Vec<_>, _> = headers.get_all(name).map(HeaderValue::to_str).collect();
    let lines = lines.ok()?;
    (!lines.is_empty()).then(|| lines.join(", "))
}
