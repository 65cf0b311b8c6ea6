//! Which site's page a request is from, as its browser says.

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderName, ORIGIN};

use super::check_json;
use super::hosts::AllowedHosts;
use super::proxies::forwarded_host;
use crate::cors::Cors;
use crate::problem::Problem;

/// By which browsers say whose page sends a request (Fetch Metadata Request Headers, section 2.3).
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origin of the page that sent a request, if a browser says it.
pub(crate) fn origin(request: &HttpRequest) -> Option<&str> {
    request.headers().get(ORIGIN)?.to_str().ok()
}

/// Whether the origin is that by which the client knows the service. The scheme is not compared: a proxy may have another one than the
/// service.
pub(crate) fn is_own_origin(request: &HttpRequest) -> bool {
    let host = forwarded_host(request).or_else(|| request.headers().get(HOST)?.to_str().ok());
    let origin = origin(request).and_then(|origin| origin.split_once("://"));
    matches!((origin, host), (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host))
}

/// Whether a page of another site or of another origin sent the request, and CORS does not let that in.
///
/// Browsers say so themselves (Fetch Metadata Request Headers, section 2.3), except those that are old, and all where the service is reached
/// without TLS: these say the origin, if the request may change something (Fetch, section 3.2).
pub(crate) fn is_of_other_site(request: &HttpRequest) -> bool {
    let is_other = match request.headers().get(&SEC_FETCH_SITE) {
        Some(site) if site == "cross-site" => true,
        // A page of another port or of a sibling domain: it is not the service's own.
        Some(site) if site == "same-site" => !is_own_origin(request),
        Some(_) => false,
        None => request.headers().contains_key(ORIGIN) && !is_own_origin(request),
    };
    let is_let_in = || {
        request
            .app_data::<Cors>()
            .is_some_and(|cors| origin(request).is_some_and(|origin| cors.lets_in(origin)))
    };
    is_other && !is_let_in()
}

/// Whether a page of another origin sent the request, by the header that browsers send with each `POST` (Fetch, section 3.2), and CORS does not let
/// that in. For what only programs use, so stricter than [`is_of_other_site`]: the origin has a name that no other site can have, since a page of any site may have led its own name
/// here (DNS rebinding).
pub(crate) fn is_other_origin(request: &HttpRequest, hosts: &AllowedHosts) -> bool {
    let Some(sent) = request.headers().get(ORIGIN) else {
        return is_of_other_site(request);
    };
    let lets_in = |cors: &Cors| sent.to_str().is_ok_and(|origin| cors.lets_in(origin));
    let name = origin(request).and_then(|origin| origin.split_once("://"));
    let is_own = is_own_origin(request) && name.is_some_and(|(_, name)| hosts.has(name));
    !is_own && !request.app_data::<Cors>().is_some_and(lets_in)
}

/// Refuses what a page of another origin sends without having been let in: a request without a body, or with an empty form.
pub(crate) fn check_same_site(request: &HttpRequest) -> Result<(), Problem> {
    if is_of_other_site(request) && check_json(request.headers()).is_err() {
        return Err(Problem::cross_site());
    }
    Ok(())
}
