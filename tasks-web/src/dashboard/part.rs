//! The paths of the dashboard.

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::ACCEPT;
use actix_web::{HttpRequest, web};

use super::assets::{self, FOLDER};
use super::page::{self, PageConfig};
use crate::http::{HandlerResult, Methods, handled_by};
use crate::part::{Claim, Part};
use crate::problem::Problem;

/// The page at its path and at every path below it, which are its views; its files in a folder there.
pub(crate) fn part(config: PageConfig) -> Part {
    let path = config.dashboard.clone();
    let config = Arc::new(config);
    Part::new("dashboard")
        .claim(Claim::below(&path))
        .link(&path, "Dashboard")
        .routes(move |service| {
            let config = Arc::clone(&config);
            let get = move |request: HttpRequest| {
                let answer = get(&config, &request);
                async move { answer }
            };
            let resource = web::resource([path.clone(), format!("{path}/{{view:.*}}")]);
            let methods = Methods::at(resource);
            service.service(methods.route(&Method::GET, |route| handled_by(route, get)));
        })
}

fn get(config: &PageConfig, request: &HttpRequest) -> HandlerResult {
    let view = request.match_info().get("view").unwrap_or_default();
    if view.starts_with(FOLDER) {
        return assets::answer(view, request).ok_or_else(Problem::not_found);
    }
    if accepts_page(request) {
        return Ok(page::answer(config, request));
    }
    Err(Problem::not_found())
}

/// Whether the client takes HTML, by name or as anything. Programs that look for JSON learn that there is none.
fn accepts_page(request: &HttpRequest) -> bool {
    let mut accepted = request.headers().get_all(ACCEPT).peekable();
    accepted.peek().is_none()
        || accepted
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|media| media.split(';').next())
            .any(|media| matches!(media.trim(), "text/html" | "text/*" | "*/*"))
}
