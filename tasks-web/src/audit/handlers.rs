//! The audit log as JSON.

use actix_web::HttpRequest;
use actix_web::web::Data;
use tasks_runtime::ArgumentError;
use tasks_runtime::audit::{AuditFilter, AuditLog};

use crate::access::Access;
use crate::http::paging::{self, MAX_PAGE_SIZE, with_next};
use crate::http::query::pairs;
use crate::http::{HandlerResult, json};
use crate::problem::Problem;

pub(super) async fn list(request: HttpRequest, log: Data<AuditLog>) -> HandlerResult {
    Access::check_unlimited(&request)?;
    let filter = filter(request.query_string())?;
    let mut entries = log.list(&filter, MAX_PAGE_SIZE + 1).await?;
    let more = entries.len() > MAX_PAGE_SIZE as usize;
    entries.truncate(MAX_PAGE_SIZE as usize);
    let oldest = entries.last().filter(|_| more);
    let next = oldest.map(|last| paging::at(&request, "before", last.id));
    let body = serde_json::to_vec(&entries).map_err(|_| Problem::internal())?;
    Ok(with_next(json(body.into()), next))
}

fn filter(query: &str) -> Result<AuditFilter, Problem> {
    let mut filter = AuditFilter::default();
    for (name, value) in pairs(query)? {
        match name.as_str() {
            "key" => filter.key = Some(value),
            "operation" => filter.operation = Some(value),
            "path" => filter.path = Some(value),
            _ => {
                let id = value.parse().map_err(|_| {
                    Problem::invalid_query(vec![ArgumentError::new(
                        "?before".to_owned(),
                        "expected the id of an entry".to_owned(),
                    )])
                })?;
                filter.before = Some(id);
            }
        }
    }
    Ok(filter)
}
