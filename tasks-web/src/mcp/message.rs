//! One message of a client: a request or a notification of JSON-RPC 2.0.

use std::borrow::Cow;

use super::error::{ErrorCode, McpError};
use super::json::{self, Object};

/// The longest id of a request, in bytes: it is sent back.
const MAX_ID: usize = 512;

/// A message of a client.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// As JSON; `None` of a notification, which has no answer.
    pub(super) id: Option<&'a str>,
    pub(super) method: Cow<'a, str>,
    pub(super) params: Object<'a>,
    pub(super) meta: Object<'a>,
}

/// A message that cannot be read, and its id as far as that is known.
#[derive(Debug)]
pub(super) struct Unreadable<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) error: McpError,
}

impl<'a> Message<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Unreadable<'a>> {
        let refused = |id, code, message: &str| {
            let error = McpError::new(code, message);
            Unreadable { id, error }
        };
        let text = std::str::from_utf8(body).ok();
        let object = text.and_then(|text| Object::opening(text, &["params", "_meta"]));
        let Some(mut object) = object else {
            let text = text.filter(|text| json::is_json(text)).map(str::trim);
            let (code, message) = match text {
                None => (ErrorCode::Parse, "the message is not JSON in UTF-8"),
                Some(text) if text.starts_with('[') => (
                    ErrorCode::InvalidRequest,
                    "several messages at once are not taken: send each in a request of its own",
                ),
                Some(_) => (
                    ErrorCode::InvalidRequest,
                    "a message is an object of JSON-RPC 2.0, without members that are there twice",
                ),
            };
            return Err(refused(None, code, message));
        };
        let id = object.get("id");
        if id.is_some_and(|id| !is_id(id)) {
            let message = "the id of a request is a text or an integer, of at most 512 bytes";
            return Err(refused(None, ErrorCode::InvalidRequest, message));
        }
        if object.get("jsonrpc") != Some("\"2.0\"") {
            let message = "`jsonrpc` is \"2.0\"";
            return Err(refused(id, ErrorCode::InvalidRequest, message));
        }
        let Ok(Some(method)) = object.text("method") else {
            let message = "a message has a `method`, which is a text; responses are not taken";
            return Err(refused(id, ErrorCode::InvalidRequest, message));
        };
        let Ok(params) = object.take("params") else {
            let message = "`params` is an object, without members that are there twice";
            return Err(refused(id, ErrorCode::InvalidParams, message));
        };
        let mut params = params.unwrap_or_default();
        let Ok(meta) = params.take("_meta") else {
            let message = "`_meta` is an object, without members that are there twice";
            return Err(refused(id, ErrorCode::InvalidParams, message));
        };
        Ok(Self {
            id,
            method,
            meta: meta.unwrap_or_default(),
            params,
        })
    }

    /// What the client knows the progress of a call by, as JSON, if it wants to hear of that.
    pub(super) fn progress_token(&self) -> Result<Option<&'a str>, McpError> {
        match self.meta.some("progressToken") {
            Some(token) if !is_id(token) => Err(McpError::invalid(
                "`progressToken` is a text or an integer, of at most 512 bytes",
            )),
            token => Ok(token),
        }
    }

    /// A text among the parameters that has to be there.
    pub(super) fn text(&self, name: &str) -> Result<Cow<'a, str>, McpError> {
        match self.params.text(name) {
            Ok(Some(text)) => Ok(text),
            Ok(None) => Err(McpError::invalid(format!("`params` lacks `{name}`"))),
            Err(_) => Err(McpError::invalid(format!("`{name}` is a text"))),
        }
    }
}

/// A string or an integer, of a length that may be sent back.
pub(super) fn is_id(json: &str) -> bool {
    let is_integer = || {
        let digits = json.strip_prefix('-').unwrap_or(json);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    json.len() <= MAX_ID && (json.starts_with('"') || is_integer())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_refused() {
        let code = |text: &str| {
            Message::read(text.as_bytes())
                .map(|_| ())
                .map_err(|it| (it.error.code, it.id.map(str::to_owned)))
        };
        let request = ErrorCode::InvalidRequest;
        assert_eq!(code("{"), Err((ErrorCode::Parse, None)));
        assert_eq!(code("[]"), Err((request, None)));
        assert_eq!(code("1"), Err((request, None)));
        assert_eq!(
            code(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#),
            Err((request, None))
        );
        assert_eq!(
            code(r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#),
            Err((request, None))
        );
        let id = Some("7".to_owned());
        assert_eq!(
            code(r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#),
            Err((request, id.clone()))
        );
        assert_eq!(
            code(r#"{"jsonrpc":"2.0","id":7}"#),
            Err((request, id.clone()))
        );
        let params = ErrorCode::InvalidParams;
        assert_eq!(
            code(r#"{"jsonrpc":"2.0","id":7,"method":"x","params":[]}"#),
            Err((params, id))
        );
        assert_eq!(
            code(r#"{"jsonrpc":"2.0","id":"a","method":"ping","params":{}}"#),
            Ok(())
        );
        assert_eq!(
            code(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#),
            Ok(())
        );
    }
}
