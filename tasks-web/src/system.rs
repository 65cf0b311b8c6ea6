//! What the service runs on, and what it can do.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use chrono::{SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::endpoint::{Endpoint, Endpoints, Response};
use crate::part::Part;

/// What clients see.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "SystemInfo")]
struct System {
    /// In UTC.
    #[schemars(extend("format" = "date-time"))]
    current_time: String,
    /// The time zone of the server.
    timezone: String,
    /// The operating system and the kind of processor.
    platform: String,
    hostname: String,
    /// Of the service, and of what it is made with.
    versions: BTreeMap<&'static str, String>,
    /// Which parts the service has.
    capabilities: BTreeMap<&'static str, bool>,
}

/// `GET {path}`.
pub(crate) fn part(path: &str, version: &str, capabilities: BTreeMap<&'static str, bool>) -> Part {
    let fixed = System {
        current_time: String::new(),
        timezone: iana_time_zone::get_timezone().unwrap_or_else(|_| "UTC".to_owned()),
        platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        hostname: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        versions: BTreeMap::from([
            ("service", version.to_owned()),
            ("tasks", env!("CARGO_PKG_VERSION").to_owned()),
        ]),
        capabilities,
    };
    let get = move || {
        let system = System {
            current_time: Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true),
            ..fixed.clone()
        };
        async move { Ok(HttpResponse::Ok().json(system)) }
    };
    let endpoint = Endpoint::get("", "get_system", get)
        .summary("What the service runs on and what it can do")
        .responds(Response::json::<System>(200));
    Part::new("system")
        .for_management()
        .serve(Endpoints::of_service(path, vec![endpoint]))
        .link(path, "System")
}
