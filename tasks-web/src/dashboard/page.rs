//! The page that loads the dashboard, and what it is told of the service.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use serde::Serialize;

use super::assets::{self, FOLDER};
use crate::access::Access;
use crate::html::escape;
use crate::http::public_prefix;

/// Scripts and styles of the service itself alone; requests to it alone.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// What the page is told: where the endpoints are that it shows. `None` of one that there is not.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PageConfig {
    pub(crate) title: String,
    pub(crate) version: String,
    /// The path of the dashboard itself.
    pub(crate) dashboard: String,
    pub(crate) tasks: String,
    pub(crate) jobs: Option<String>,
    pub(crate) schedules: Option<String>,
    pub(crate) graphs: Option<String>,
    pub(crate) artifacts: Option<String>,
    pub(crate) audit_log: Option<String>,
    pub(crate) keys: Option<String>,
    pub(crate) health: Option<String>,
    pub(crate) system: Option<String>,
    pub(crate) docs: Option<String>,
}

/// The same with what each request determines.
#[derive(Serialize)]
struct RequestedConfig<'a> {
    #[serde(flatten)]
    config: &'a PageConfig,
    prefix: &'a str,
    /// The name of the key that a person has logged in with, and whether it changes nothing.
    key: Option<&'a str>,
    read_only: bool,
}

pub(super) fn answer(config: &PageConfig, request: &HttpRequest) -> HttpResponse {
    let prefix = public_prefix(request);
    let access = request.extensions().get::<Access>().cloned();
    let requested = RequestedConfig {
        config,
        prefix,
        key: access.as_ref().map(Access::key_name),
        read_only: access.as_ref().is_some_and(Access::is_read_only),
    };
    let json = match serde_json::to_string(&requested) {
        Ok(json) => json,
        Err(error) => {
            tracing::error!(%error, "the page of the dashboard cannot be written");
            return HttpResponse::InternalServerError().finish();
        }
    };
    let files = format!("\"{}{}/{FOLDER}", escape(prefix), escape(&config.dashboard));
    let page = assets::page()
        .replace("%DASHBOARD%", &escape(&json))
        .replace(&format!("\"./{FOLDER}"), &files);
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "same-origin"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(page)
}
