//! JSON that is sent as it is, with an entity tag.

use std::hash::{BuildHasher as _, Hasher as _};
use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use foldhash::quality::FixedState;

/// A JSON document and its entity tag.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) json: Bytes,
    pub(crate) etag: String,
    /// The tag as a header, which is shared by all answers.
    pub(super) etag_header: HeaderValue,
    /// The same compressed, once somebody asked for it; `None` when it is never.
    gzip: Option<Arc<OnceLock<Option<Self>>>>,
}

impl Document {
    pub(crate) fn new(json: impl Into<Bytes>) -> Self {
        let json = json.into();
        // With a fixed seed: the same bytes have the same tag in every process of one build.
        let mut hasher = FixedState::default().build_hasher();
        hasher.write(&json);
        Self::tagged(json, format!("\"{:016x}\"", hasher.finish()))
    }

    fn tagged(json: Bytes, etag: String) -> Self {
        let header = HeaderValue::from_maybe_shared(Bytes::from(etag.clone()));
        Self {
            json,
            // Digits, letters and quotes: this cannot fail.
            etag_header: header.unwrap_or_else(|_| HeaderValue::from_static("")),
            etag,
            gzip: None,
        }
    }

    /// Lets it be sent compressed, to those who ask for that. For what is made once and sent often.
    pub(crate) fn compressible(mut self) -> Self {
        /// Shorter ones fit into one packet anyway.
        const MIN_COMPRESSED: usize = 1024;
        self.gzip = (self.json.len() >= MIN_COMPRESSED).then(Arc::default);
        self
    }

    pub(crate) fn is_compressible(&self) -> bool {
        self.gzip.is_some()
    }

    /// The compressed one, with an entity tag of its own.
    pub(crate) fn gzip(&self) -> Option<&Self> {
        let compress = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&self.json).ok()?;
            let etag = format!("{}-gzip\"", self.etag.trim_end_matches('"'));
            Some(Self::tagged(encoder.finish().ok()?.into(), etag))
        };
        self.gzip.as_ref()?.get_or_init(compress).as_ref()
    }

    /// The JSON Schema of what is sent to clients.
    #[cfg(feature = "database")]
    pub(crate) fn schema_of<T: schemars::JsonSchema>() -> Self {
        let generator = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        let schema = generator.into_generator().into_root_schema_for::<T>();
        Self::new(serde_json::to_vec(&schema).unwrap_or_default())
    }
}

/// Whether `If-None-Match` names an entity tag (RFC 9110, section 13.1.2), compared weakly.
pub(super) fn matches_etag(etag: &str, if_none_match: &str) -> bool {
    if_none_match
        .split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}
