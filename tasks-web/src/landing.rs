//! The page at `/`: what the service is, and where everything is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

#[cfg(feature = "dashboard")]
use actix_web::HttpRequest;
#[cfg(feature = "dashboard")]
use actix_web::http::header::LOCATION;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};
use tasks_runtime::{RegisteredTask, TaskRegistry};

use crate::endpoint::{Endpoint, Endpoints, Response};
use crate::html::{STYLE, escape};
#[cfg(feature = "dashboard")]
use crate::http::public_prefix;
use crate::part::{Link, Part};
use crate::service_info::ServiceInfo;

/// Nothing from anywhere; its own styles are in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// `GET /`.
///
/// Without a registry nothing is said of the tasks: that is for those with a key.
pub(crate) fn part(
    info: &ServiceInfo,
    tasks_path: &str,
    registry: Option<&TaskRegistry>,
    links: &[Link],
) -> Part {
    let page = web::Bytes::from(page(info, tasks_path, registry, links));
    let get = move || {
        let page = page.clone();
        async move {
            Ok(HttpResponse::Ok()
                .content_type("text/html; charset=utf-8")
                .insert_header((CONTENT_SECURITY_POLICY, POLICY))
                .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .body(page))
        }
    };
    let endpoint = Endpoint::get("/", "get_landing_page", get)
        .open()
        .page()
        .summary("The page for people")
        .responds(Response::text(200, "text/html"));
    Part::new("landing_page").serve(Endpoints::of_service("", vec![endpoint]))
}

/// `GET /` where another page is in its place.
#[cfg(feature = "dashboard")]
pub(crate) fn to(path: &str) -> Part {
    let path = path.to_owned();
    let get = move |request: HttpRequest| {
        let location = format!("{}{path}", public_prefix(&request));
        async move {
            Ok(HttpResponse::SeeOther()
                .insert_header((LOCATION, location))
                .finish())
        }
    };
    let endpoint = Endpoint::get("/", "get_first_page", get).open().page();
    Part::new("first_page")
        .last()
        .serve(Endpoints::of_pages(vec![endpoint]))
}

fn page(
    info: &ServiceInfo,
    tasks_path: &str,
    registry: Option<&TaskRegistry>,
    links: &[Link],
) -> String {
    let name = escape(&info.display_name);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{name}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{name}</h1>\n<p class=\"version\">{} · version {}</p>\n",
        escape(&info.id),
        escape(&info.version),
    );
    for text in [&info.summary, &info.description].into_iter().flatten() {
        let _ = writeln!(page, "<p class=\"description\">{}</p>", escape(text));
    }
    page.push_str("<ul class=\"links\">\n");
    for link in links {
        let path = escape(&link.path);
        // Relative: behind a proxy the service may be below another path.
        let _ = writeln!(
            page,
            "<li><a href=\"{}\"><strong>{}</strong><code>{path}</code></a></li>",
            path.trim_start_matches('/'),
            escape(link.text),
        );
    }
    page.push_str("</ul>\n");
    if let Some(registry) = registry {
        tasks(&mut page, tasks_path, registry);
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// How many tasks there are, and their tags.
fn tasks(page: &mut String, path: &str, registry: &TaskRegistry) {
    let count = registry.len();
    let _ = writeln!(
        page,
        "<h2>{count} {}</h2>",
        if count == 1 { "task" } else { "tasks" }
    );
    let mut tags: BTreeMap<&str, usize> = BTreeMap::new();
    for tag in registry.iter().flat_map(RegisteredTask::tags) {
        *tags.entry(tag).or_default() += 1;
    }
    if !tags.is_empty() {
        page.push_str("<ul class=\"tags\">\n");
        for (tag, count) in tags {
            let query: String = form_urlencoded(tag);
            let _ = writeln!(
                page,
                "<li><a href=\"{}?tag={query}\">{} <span>{count}</span></a></li>",
                escape(path.trim_start_matches('/')),
                escape(tag)
            );
        }
        page.push_str("</ul>\n");
    }
}

/// A text in a query.
fn form_urlencoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
