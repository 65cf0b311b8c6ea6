//! The page at `/`: what the service is, and where everything is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use actix_web::http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};
use serde_json::json;
use tasks_runtime::{RegisteredTask, TaskRegistry};

use crate::http::page as page_at;
use crate::openapi::Endpoint;
use crate::service::{Claim, Link, Part, ServiceInfo};

/// Nothing from anywhere; its own styles are in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// What the pages of a service look like.
pub(crate) const STYLE: &str = "
:root { color-scheme: light dark; --text: #1c2430; --dim: #5b6675; --line: #d9dee6; --back: #f5f7fa; --card: #fff; --accent: #1f5fbf; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6eaf0; --dim: #9aa5b4; --line: #2c3542; --back: #12161c; --card: #1a2029; --accent: #7fb2ff; }
}
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); }
main { max-width: 44rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
.version { color: var(--dim); font-size: .95rem; margin: .25rem 0 1rem; }
.description { white-space: pre-line; overflow-wrap: anywhere; }
.links { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .75rem; padding: 0; margin: 2rem 0; list-style: none; }
.links a { display: block; padding: .8rem 1rem; border: 1px solid var(--line); border-radius: .6rem; background: var(--card); color: inherit; text-decoration: none; }
.links a:hover, .links a:focus-visible { border-color: var(--accent); }
.links strong { display: block; color: var(--accent); font-weight: 600; }
.links code { color: var(--dim); font-size: .85rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.tags { display: flex; flex-wrap: wrap; gap: .4rem; padding: 0; margin: 0; list-style: none; }
.tags a { display: block; color: inherit; text-decoration: none; padding: .1rem .6rem; border: 1px solid var(--line); border-radius: 1rem; font-size: .9rem; background: var(--card); }
.tags a:hover, .tags a:focus-visible { border-color: var(--accent); }
.tags span { color: var(--dim); }
";

/// `GET /`.
///
/// Without a registry nothing is said of the tasks: that is for those with a key.
pub(crate) fn part(
    info: &ServiceInfo,
    tasks_path: &str,
    registry: Option<&TaskRegistry>,
    links: &[Link],
) -> Part {
    let page = page(info, tasks_path, registry, links);
    Part::new("landing_page")
        .claim(Claim::exact("/").open())
        .endpoint(
            Endpoint::new("get", "/", |writer| {
                writer.read(
                    "get_landing_page",
                    "The page for people",
                    "text/html",
                    &json!({"type": "string"}),
                )
            })
            .open()
            .page(),
        )
        .routes(move |config| {
            let page = web::Bytes::from(page.clone());
            let get = move || {
                let page = page.clone();
                async move {
                    HttpResponse::Ok()
                        .content_type("text/html; charset=utf-8")
                        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
                        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                        .body(page)
                }
            };
            // Inside of a scope without a prefix, the root is the empty path as well.
            config.service(page_at(web::resource(["", "/"]), get));
        })
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

/// A text in HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
