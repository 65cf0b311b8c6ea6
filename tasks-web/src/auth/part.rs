//! The endpoint that lists the keys.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;

use super::guard::Guard;
use crate::access::Access;
use crate::endpoint::{Endpoint, Endpoints, Response};
use crate::part::Part;
use crate::problem::Problem;

/// A key, without its secret.
#[derive(Debug, Serialize, JsonSchema)]
struct ApiKeyInfo {
    /// Name of the key.
    name: String,
    /// Tags of the tasks that the key is limited to; null when it is not limited.
    tags: Option<Vec<String>>,
    /// Whether the key changes nothing.
    read_only: bool,
}

impl ApiKeyInfo {
    fn new(access: &Access) -> Self {
        Self {
            name: access.key_name().to_owned(),
            tags: access.tags().map(<[String]>::to_vec),
            read_only: access.is_read_only(),
        }
    }
}

/// `GET {path}`.
pub(crate) fn part(path: &str, guard: &Arc<Guard>) -> Part {
    let guard = Arc::clone(guard);
    let list = move |request: HttpRequest| {
        let guard = Arc::clone(&guard);
        async move {
            Access::check_unlimited(&request)?;
            let mut keys: Vec<ApiKeyInfo> = guard.accesses().iter().map(ApiKeyInfo::new).collect();
            keys.sort_by(|one, other| one.name.cmp(&other.name));
            Ok::<_, Problem>(HttpResponse::Ok().json(keys))
        }
    };
    let endpoint = Endpoint::get("", "list_keys", list)
        .summary("The API keys, by name and without their secrets")
        .description("A limited key does not see them.")
        .responds(Response::json::<Vec<ApiKeyInfo>>(200));
    Part::new("keys")
        .serve(Endpoints::of_service(path, vec![endpoint]))
        .link(path, "Keys")
}
