//! The id that a request has in the answer, in problems and in the log.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use ulid::Ulid;

/// The header that carries it both ways.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: the client's own when it is well-formed (1 to 128 letters, digits, `.`, `_` and `-`), else a new
/// ULID. It is in the extensions of every request that a [`Service`](crate::Service) answers:
///
/// ```
/// use actix_web::{HttpMessage, HttpRequest};
/// use tasks_web::RequestId;
///
/// async fn handler(request: HttpRequest) -> String {
///     request.extensions().get::<RequestId>().map_or("none", RequestId::as_str).to_owned()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// A new one.
    pub(crate) fn generate() -> Self {
        let mut buffer = [0; ulid::ULID_LEN];
        let id = Ulid::new().array_to_str(&mut buffer);
        // Letters and digits: this cannot fail.
        Self(HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static("none")))
    }

    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match headers.get(&X_REQUEST_ID) {
            Some(sent) if is_well_formed(sent.as_bytes()) => Self(sent.clone()),
            _ => Self::generate(),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_well_formed(id: &[u8]) -> bool {
    (1..=128).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
