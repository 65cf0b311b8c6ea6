//! Swagger UI, from files that are part of the program.

use std::sync::Arc;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpResponse, ResponseError};
use utoipa_swagger_ui::Config;

use crate::problem::Problem;

/// Nothing from elsewhere, and nothing to elsewhere. Swagger UI sets styles by script, and has icons in its CSS.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; \
                      object-src 'none'; base-uri 'self'";

/// The files of the UI, set up for one document.
#[derive(Clone)]
pub(super) struct Files(Arc<Config<'static>>);

impl Files {
    pub(super) fn new(document: &str) -> Self {
        let config = Config::from(document.to_owned())
            .try_it_out_enabled(true)
            .display_request_duration(true)
            .doc_expansion("list")
            .filter(true)
            // Only the online validator would go out.
            .validator_url("none");
        Self(Arc::new(config))
    }

    pub(super) fn get(&self, path: &str) -> HttpResponse {
        match utoipa_swagger_ui::serve(path, Arc::clone(&self.0)) {
            Ok(Some(file)) => HttpResponse::Ok()
                .insert_header((CONTENT_TYPE, file.content_type))
                .insert_header((CONTENT_SECURITY_POLICY, POLICY))
                .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .insert_header((CACHE_CONTROL, "no-cache"))
                .body(file.bytes.into_owned()),
            Ok(None) => Problem::not_found().error_response(),
            Err(error) => {
                tracing::error!(%error, "the UI's configuration cannot be written");
                Problem::not_found().error_response()
            }
        }
    }
}
