//! What tools and prompts give besides text and JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A piece of content for an agent, as the Model Context Protocol has it: a text, a picture, a sound, or a resource.
///
/// A task that returns one, or a list of them, has it passed on as it is; over HTTP it is JSON like any other result. What other tasks return is sent as
/// JSON and as the text of that.
///
/// ```
/// use tasks_web::mcp::Content;
/// use tasks_web::prelude::*;
///
/// /// Draws a dot.
/// #[task(read_only)]
/// async fn dot() -> Vec<Content> {
///     let svg = r#"<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>"#;
///     vec![Content::text("A dot:"), Content::image(svg, "image/svg+xml")]
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(extend("x-mcp-content" = true))]
#[non_exhaustive]
pub enum Content {
    /// A text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image {
        /// Its bytes in base64.
        data: String,
        /// Its media type, such as `image/png`.
        #[serde(rename = "mimeType")]
        mime_type: String,
    },
    /// A sound.
    Audio {
        /// Its bytes in base64.
        data: String,
        /// Its media type, such as `audio/wav`.
        #[serde(rename = "mimeType")]
        mime_type: String,
    },
    /// Where a resource is that the agent may read.
    ResourceLink {
        /// Address of the resource: `artifact://01ARZ3NDEKTSV4RRFFQ69G5FAV`, say.
        uri: String,
        /// Its name.
        name: String,
        /// Its media type, if known.
        #[serde(rename = "mimeType", default, skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
    },
    /// A resource itself.
    Resource {
        /// The resource.
        resource: EmbeddedResource,
    },
}

/// A resource that is sent along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct EmbeddedResource {
    /// Address of the resource.
    pub uri: String,
    /// Its media type.
    #[serde(rename = "mimeType")]
    pub mime_type: String,
    /// Its text, unless it is bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its bytes in base64, unless it is a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
}

impl Content {
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// A picture of these bytes, of a media type such as `image/png`.
    #[must_use]
    pub fn image(bytes: impl AsRef<[u8]>, mime_type: impl Into<String>) -> Self {
        Self::Image {
            data: STANDARD.encode(bytes),
            mime_type: mime_type.into(),
        }
    }

    /// A sound of these bytes, of a media type such as `audio/wav`.
    #[must_use]
    pub fn audio(bytes: impl AsRef<[u8]>, mime_type: impl Into<String>) -> Self {
        Self::Audio {
            data: STANDARD.encode(bytes),
            mime_type: mime_type.into(),
        }
    }

    /// Where a resource is: of an artifact `artifact://{id}`.
    #[must_use]
    pub fn link(uri: impl Into<String>, name: impl Into<String>) -> Self {
        Self::ResourceLink {
            uri: uri.into(),
            name: name.into(),
            mime_type: None,
        }
    }

    /// A resource that is a text, by its address, of a media type such as `text/markdown`.
    #[must_use]
    pub fn text_resource(
        uri: impl Into<String>,
        text: impl Into<String>,
        mime_type: impl Into<String>,
    ) -> Self {
        let resource = EmbeddedResource {
            uri: uri.into(),
            mime_type: mime_type.into(),
            text: Some(text.into()),
            blob: None,
        };
        Self::Resource { resource }
    }

    /// A resource of these bytes, by its address.
    #[must_use]
    pub fn binary_resource(
        uri: impl Into<String>,
        bytes: impl AsRef<[u8]>,
        mime_type: impl Into<String>,
    ) -> Self {
        let resource = EmbeddedResource {
            uri: uri.into(),
            mime_type: mime_type.into(),
            text: None,
            blob: Some(STANDARD.encode(bytes)),
        };
        Self::Resource { resource }
    }
}

/// A message of a prompt: what a task with `#[task(prompt)]` returns, or a list of them. A text alone is a message of the user.
///
/// ```
/// use tasks_web::mcp::PromptMessage;
/// use tasks_web::prelude::*;
///
/// /// Asks for a review of some code.
/// #[task(prompt)]
/// async fn review(code: String) -> Vec<PromptMessage> {
///     vec![PromptMessage::user(format!("Review this code:\n\n{code}"))]
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct PromptMessage {
    /// Who says it.
    pub role: PromptRole,
    /// What is said.
    pub content: Content,
}

/// Who says a message of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PromptRole {
    /// Whoever uses the agent.
    User,
    /// The model.
    Assistant,
}

impl PromptMessage {
    /// A text of the user.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(PromptRole::User, Content::text(text))
    }

    /// A text of the model.
    #[must_use]
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(PromptRole::Assistant, Content::text(text))
    }

    /// Any content.
    #[must_use]
    pub fn new(role: PromptRole, content: Content) -> Self {
        Self { role, content }
    }
}
