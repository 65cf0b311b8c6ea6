//! What is to be stored.

use crate::artifacts::id::ArtifactId;
use bytes::Bytes;
use serde::Serialize;

use super::body::Body;
use super::json_text::JsonText;
use super::{ArtifactError, tags};

/// An artifact to be saved, or a new version of one.
///
/// ```
/// use serde_json::json;
/// use tasks_runtime::artifacts::NewArtifact;
///
/// let result = NewArtifact::json(json!({"accuracy": 0.95}))
///     .metadata(json!({"model": "baseline"}))
///     .tags(["evaluation", "nightly"]);
/// let report = NewArtifact::bytes("a,b\n1,2\n", "text/csv").file_name("report.csv");
/// # let _ = (result, report);
/// ```
#[derive(Debug, Default)]
pub struct NewArtifact {
    pub(super) id: Option<ArtifactId>,
    pub(super) parent_id: Option<ArtifactId>,
    tags: Vec<String>,
    metadata: Option<JsonText>,
    pub(super) body: Body,
    pub(super) content_type: Option<String>,
    pub(super) file_name: Option<String>,
    /// A value that could not be written; said when the artifact is saved, so that nothing before that needs a `?`.
    error: Option<serde_json::Error>,
}

impl NewArtifact {
    /// Without data: for an [`Upload`](super::Upload), whose data comes apart, and for an update that keeps the content.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With anything that serializes to JSON.
    #[must_use]
    pub fn json(data: impl Serialize) -> Self {
        let mut artifact = Self::new();
        match JsonText::new(&data) {
            Ok(json) => artifact.body = Body::Json(json),
            Err(error) => artifact.error = Some(error),
        }
        artifact
    }

    /// Sets the data, from JSON that is text already.
    #[must_use]
    pub fn data(mut self, data: JsonText) -> Self {
        self.body = Body::Json(data);
        self
    }

    /// Without data again: an update keeps the content that is there.
    #[must_use]
    pub fn keep_data(mut self) -> Self {
        self.body = Body::None;
        self
    }

    /// With bytes of a media type: a `Vec<u8>`, a `String`, an array, a `&'static` slice or text, [`Bytes`]; they are not copied.
    #[must_use]
    pub fn bytes(
        content: impl AsRef<[u8]> + Send + 'static,
        content_type: impl Into<String>,
    ) -> Self {
        Self {
            body: Body::Bytes(Bytes::from_owner(content)),
            ..Self::new().content_type(content_type)
        }
    }

    /// Sets the media type of bytes. Defaults to `application/octet-stream`.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Sets the name under which the bytes are downloaded.
    #[must_use]
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = Some(name.into());
        self
    }

    /// Sets the id, which is made otherwise.
    #[must_use]
    pub fn id(mut self, id: ArtifactId) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the parent.
    #[must_use]
    pub fn parent(mut self, parent: impl Into<Option<ArtifactId>>) -> Self {
        self.parent_id = parent.into();
        self
    }

    /// Sets what is known about the data: anything that serializes to a JSON object.
    #[must_use]
    pub fn metadata(mut self, metadata: impl Serialize) -> Self {
        match JsonText::new(&metadata) {
            Ok(json) => self.metadata = Some(json),
            Err(error) => self.error = Some(error),
        }
        self
    }

    /// Sets the metadata from JSON that is text already.
    #[must_use]
    pub fn metadata_text(mut self, metadata: JsonText) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Sets the tags: letters, digits, `-` and `_`; at most 50 of at most 100 characters; none twice.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// The id it will have, if it was set.
    #[must_use]
    pub fn wanted_id(&self) -> Option<ArtifactId> {
        self.id
    }

    /// The parent it will have.
    #[must_use]
    pub fn parent_id(&self) -> Option<ArtifactId> {
        self.parent_id
    }

    /// The tags it will have.
    #[must_use]
    pub fn tag_list(&self) -> &[String] {
        &self.tags
    }

    /// The JSON it will have.
    #[must_use]
    pub fn json_data(&self) -> Option<&JsonText> {
        match &self.body {
            Body::Json(json) => Some(json),
            _ => None,
        }
    }

    /// Everything but the data, checked: tags and metadata as JSON.
    pub(super) fn checked(&mut self) -> Result<(String, String), ArtifactError> {
        if let Some(error) = self.error.take() {
            return Err(error.into());
        }
        tags::check(&self.tags)?;
        let metadata = match &self.metadata {
            None => "{}".to_owned(),
            Some(json) if json.is_object() => json.as_str().to_owned(),
            Some(_) => return Err(ArtifactError::InvalidMetadata),
        };
        Ok((serde_json::to_string(&self.tags)?, metadata))
    }
}
