//! The header `Idempotency-Key` of submissions, and what answers say of it.

use actix_web::HttpRequest;
use tasks_runtime::ArgumentError;

use crate::http::IDEMPOTENCY_KEY;

/// The header of an answer with what an earlier submission stored.
pub(crate) const REPLAYED: &str = "idempotent-replayed";

/// The key of a request, if it has one; or what is wrong with it.
pub(super) fn key(request: &HttpRequest) -> Result<Option<&str>, ArgumentError> {
    let mut keys = request.headers().get_all(&IDEMPOTENCY_KEY);
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let wrong = |detail: &str| ArgumentError::new("/idempotency_key".to_owned(), detail.to_owned());
    if keys.next().is_some() {
        return Err(wrong("given twice"));
    }
    let graphic = |key: &&str| key.bytes().all(|byte| byte.is_ascii_graphic());
    match key.to_str().ok().filter(graphic) {
        Some(key) => Ok(Some(key)),
        None => Err(wrong("use visible ASCII characters, and no spaces")),
    }
}
