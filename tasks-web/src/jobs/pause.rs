//! What is said when a queue or a task is paused. It is not about the jobs of a key alone, so keys that are limited may not.

use std::time::Duration;

use actix_web::web::Payload;
use actix_web::{HttpMessage as _, HttpRequest};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::access::Access;
use crate::http::{BodyLimits, check_json, check_same_site, members};
use crate::problem::Problem;

/// How a queue or a task is paused.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseIn {
    /// Why.
    #[serde(default)]
    #[schemars(length(max = 500), extend("pattern" = members::STORABLE))]
    reason: Option<String>,
}

/// The reason that a request says, if it may pause anything.
pub(super) async fn reason(
    request: &HttpRequest,
    payload: Payload,
) -> Result<Option<String>, Problem> {
    // Its body may be empty, which needs no permission of a browser.
    check_same_site(request)?;
    Access::check_unlimited(request)?;
    let limits = BodyLimits {
        bytes: 16 * 1024,
        time: Duration::from_secs(30),
    };
    let body = limits.read(request.headers(), payload.into_inner()).await?;
    if body.is_empty() {
        return Ok(None);
    }
    check_json(request.headers())?;
    let sent: PauseIn = members::read_object(&body)?;
    Ok(sent.reason)
}

/// The name of the key of a request, if it has one.
pub(super) fn key_name(request: &HttpRequest) -> Option<String> {
    let access = request.extensions().get::<Access>().cloned();
    access.map(|access| access.key_name().to_owned())
}
