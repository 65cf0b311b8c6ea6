//! What the audit log contributes to a service.

use actix_web::web::Data;
use tasks_runtime::audit::AuditLog;

use super::endpoints;
use crate::part::{Claim, Part};

/// The endpoint below `prefix`, and the log itself, which other endpoints write to.
pub(crate) fn part(prefix: &str, log: &AuditLog) -> Part {
    let endpoints = endpoints::audit_log(prefix);
    let log = Data::new(log.clone());
    let part = Part::new("audit")
        .claim(Claim::below(prefix))
        .link(prefix, "Audit log");
    Part::describe(part, &endpoints).routes(move |config| {
        config.app_data(log.clone());
        config.service(endpoints.clone());
    })
}
