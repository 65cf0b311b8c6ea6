//! What the server contributes to a service.

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::HeaderName;
use actix_web::web;

use super::http::{Endpoint, EndpointService};
use super::oauth::{PROTECTED_RESOURCE, WELL_KNOWN};
use super::server::McpServer;
use crate::http::sse::Streams;
use crate::http::{self, AllowedHosts, BodyLimits, Methods, handled_by};
use crate::part::{Claim, Part};

/// What the endpoint has in common with the rest of a service.
pub(crate) struct EndpointConfig {
    pub(crate) limits: BodyLimits,
    pub(crate) streams: Streams,
    pub(crate) hosts: AllowedHosts,
    /// Headers that tasks may see.
    pub(crate) caller_headers: Vec<HeaderName>,
}

/// The endpoint at its path, and what clients look for that were refused.
pub(crate) fn part(path: &str, server: &Arc<McpServer>, access: EndpointConfig) -> Part {
    let EndpointConfig {
        limits,
        streams,
        hosts,
        caller_headers,
    } = access;
    let endpoint = Arc::new(Endpoint {
        server: Arc::clone(server),
        limits,
        streams,
        hosts,
        caller_headers,
    });
    let mut part = Part::new("mcp")
        .claim(Claim::exact(path))
        .claim(Claim::exact(&format!("{path}/")));
    for well_known in WELL_KNOWN {
        part = part.claim(Claim::below(well_known).open());
    }
    let oauth = server.oauth_document();
    let path = path.to_owned();
    part.routes(move |config| {
        config.service(EndpointService {
            path: path.clone(),
            endpoint: Arc::clone(&endpoint),
        });
        if let Some(document) = &oauth {
            let document = document.clone();
            let get = move || {
                let document = document.clone();
                async move { Ok(http::json(document)) }
            };
            // With the path of the endpoint, and without (RFC 9728, section 3.1).
            let resource = web::resource([
                PROTECTED_RESOURCE.to_owned(),
                format!("{PROTECTED_RESOURCE}{path}"),
            ]);
            config
                .service(Methods::at(resource).route(&Method::GET, |route| handled_by(route, get)));
        }
    })
}
