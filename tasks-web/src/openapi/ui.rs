//! Swagger UI, from files that are part of the program.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use utoipa_swagger_ui::Config;

use crate::html::escape;
use crate::http::HandlerResult;
use crate::problem::Problem;

/// Nothing from elsewhere, and nothing to elsewhere. Swagger UI sets styles by script, and has icons in its CSS.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; \
                      object-src 'none'; base-uri 'self'";

/// What Swagger UI lacks on a phone: its tables stay in their cards.
const STYLE: &str = ".swagger-ui .markdown table, .swagger-ui .renderedMarkdown table { display: block; max-width: 100%; overflow-x: auto; } \
                     .swagger-ui .opblock-body, .swagger-ui .table-container { overflow-x: auto; } \
                     .swagger-ui .opblock-summary-path { overflow-wrap: anywhere; }";

/// The files of the UI, set up for one document.
#[derive(Clone)]
pub(super) struct Files {
    config: Arc<Config<'static>>,
    title: Arc<str>,
}

impl Files {
    pub(super) fn new(document: &str, title: &str) -> Self {
        let config = Config::from(document.to_owned())
            .try_it_out_enabled(true)
            .display_request_duration(true)
            .doc_expansion("list")
            .filter(true)
            // Only the online validator would go out.
            .validator_url("none");
        Self {
            config: Arc::new(config),
            title: escape(title).into(),
        }
    }

    /// The page, whose files are in the folder `base` beside it.
    pub(super) fn page(&self, base: &str) -> HandlerResult {
        self.answer("index.html", |page| {
            let page = String::from_utf8_lossy(&page);
            let head = format!(
                "<head>\n<base href=\"{}\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
                 <style>{STYLE}</style>",
                escape(base)
            );
            let title = format!("<title>{}</title>", self.title);
            page.replacen("<head>", &head, 1)
                .replacen("<title>Swagger UI</title>", &title, 1)
                .into_bytes()
        })
    }

    pub(super) fn get(&self, path: &str) -> HandlerResult {
        if path.is_empty() || path == "index.html" {
            return self.page("./");
        }
        self.answer(path, |bytes| bytes)
    }

    fn answer(&self, path: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> HandlerResult {
        match utoipa_swagger_ui::serve(path, Arc::clone(&self.config)) {
            Ok(Some(file)) => Ok(HttpResponse::Ok()
                .insert_header((CONTENT_TYPE, file.content_type))
                .insert_header((CONTENT_SECURITY_POLICY, POLICY))
                .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .insert_header((CACHE_CONTROL, "no-cache"))
                .body(change(file.bytes.into_owned()))),
            Ok(None) => Err(Problem::not_found()),
            Err(error) => {
                tracing::error!(%error, "the UI's configuration cannot be written");
                Err(Problem::not_found())
            }
        }
    }
}
