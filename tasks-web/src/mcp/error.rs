//! Errors of the protocol. What goes wrong in a tool is no such error, but a result.

use serde_json::{Value, json};

use super::version::Version;

/// What an error is of, as JSON-RPC 2.0 (section 5.1) and the protocol number them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorCode {
    /// The message is not JSON.
    Parse = -32700,
    /// The message is JSON, and no request.
    InvalidRequest = -32600,
    /// There is no such method.
    MethodNotFound = -32601,
    /// Something is wrong with `params`; an unknown tool, too.
    InvalidParams = -32602,
    /// The server failed.
    Internal = -32603,
    /// A header does not say what the message says.
    HeaderMismatch = -32020,
    /// The client lacks a capability that the request needs.
    MissingCapability = -32021,
    /// The version of the protocol is not spoken here.
    UnsupportedVersion = -32022,
}

/// An error of the protocol.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct McpError {
    pub(super) code: ErrorCode,
    pub(super) message: String,
    pub(super) data: Option<Value>,
    /// Whether the request itself is malformed, not what it asks for.
    malformed: bool,
}

impl McpError {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
            malformed: false,
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidParams, message)
    }

    /// A request without what every request has.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self {
            malformed: true,
            ..Self::invalid(message)
        }
    }

    pub(super) fn internal() -> Self {
        Self::new(
            ErrorCode::Internal,
            "the service failed to answer; its log says why",
        )
    }

    pub(super) fn unknown_method(method: &str) -> Self {
        let method: String = method.chars().take(100).collect();
        Self::new(
            ErrorCode::MethodNotFound,
            format!("there is no method `{method}`"),
        )
    }

    pub(super) fn unsupported_version(requested: &str) -> Self {
        let requested: String = requested.chars().take(100).collect();
        let supported: Vec<&str> = Version::ALL.map(Version::as_str).to_vec();
        Self::new(
            ErrorCode::UnsupportedVersion,
            format!(
                "version `{requested}` of the protocol is not supported: use {}",
                supported.join(", ")
            ),
        )
        .with(json!({"supported": supported, "requested": requested}))
    }

    #[cfg(feature = "database")]
    pub(super) fn missing_extension(extension: &str) -> Self {
        Self::new(
            ErrorCode::MissingCapability,
            format!("the client has to declare the extension `{extension}` for that"),
        )
        .with(json!({"requiredCapabilities": {"extensions": {extension: {}}}}))
    }

    pub(super) fn with(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    /// The error as JSON.
    pub(super) fn json(&self) -> String {
        let mut error = json!({"code": self.code as i32, "message": self.message});
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        error.to_string()
    }

    /// The status that it has over HTTP (2026-07-28, Streamable HTTP): that of the request. An error of what was asked for is an answer
    /// like any other.
    pub(super) fn status(&self, version: Version) -> u16 {
        match self.code {
            ErrorCode::Parse
            | ErrorCode::InvalidRequest
            | ErrorCode::HeaderMismatch
            | ErrorCode::MissingCapability
            | ErrorCode::UnsupportedVersion => 400,
            ErrorCode::InvalidParams if self.malformed => 400,
            ErrorCode::MethodNotFound if version.is_stateless() => 404,
            ErrorCode::MethodNotFound | ErrorCode::InvalidParams | ErrorCode::Internal => 200,
        }
    }
}
