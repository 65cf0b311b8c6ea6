//! What all routes have in common: bodies, conditional answers, documents.

mod body;
mod document;
mod respond;

pub(crate) use body::{BodyLimits, check_json, check_same_site, is_announced};
pub(crate) use document::Document;
#[cfg(feature = "database")]
pub(crate) use document::matches_etag;
pub(crate) use respond::{answer, conditional, json, only_get};
