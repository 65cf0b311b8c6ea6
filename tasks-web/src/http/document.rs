//! JSON that is sent as it is, with an entity tag.

use std::hash::{BuildHasher as _, Hasher as _};

use actix_web::web::Bytes;
use foldhash::quality::FixedState;

/// A JSON document and its entity tag.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) json: Bytes,
    pub(crate) etag: String,
}

impl Document {
    pub(crate) fn new(json: impl Into<Bytes>) -> Self {
        let json = json.into();
        // With a fixed seed: the same bytes have the same tag in every process of one build.
        let mut hasher = FixedState::default().build_hasher();
        hasher.write(&json);
        Self {
            etag: format!("\"{:016x}\"", hasher.finish()),
            json,
        }
    }

    /// The JSON Schema of what is sent to clients.
    #[cfg(feature = "database")]
    pub(crate) fn schema_of<T: schemars::JsonSchema>() -> Self {
        let generator = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        let schema = generator.into_generator().into_root_schema_for::<T>();
        Self::new(serde_json::to_vec(&schema).unwrap_or_default())
    }

    /// Whether the client has it already: `If-None-Match` (RFC 9110, section 13.1.2), compared weakly.
    pub(crate) fn matches(&self, if_none_match: &str) -> bool {
        matches_etag(&self.etag, if_none_match)
    }
}

/// Whether `If-None-Match` names an entity tag.
pub(crate) fn matches_etag(etag: &str, if_none_match: &str) -> bool {
    if_none_match
        .split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}
