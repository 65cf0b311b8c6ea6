//! Which pages of other sites a browser lets in.

use std::time::Duration;

use actix_web::http::header::HeaderName;
use actix_web::http::{Method, Uri};

/// Cross-origin resource sharing: which sites' pages may use the service in a browser. Off unless asked for.
///
/// Preflight requests are answered without a key. Pages may send and read the headers that the service itself knows.
///
/// ```
/// use std::time::Duration;
/// use tasks_web::Cors;
///
/// let cors = Cors::origins(["https://app.example.org"]).max_age(Duration::from_secs(600));
/// # let _ = cors;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    origins: Option<Vec<String>>,
    headers: Vec<String>,
    exposed: Vec<String>,
    max_age: Duration,
}

/// What our own protocol has requests carry.
const ALLOWED: [&str; 12] = [
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "range",
    "x-api-key",
    "x-request-id",
];

/// What our own protocol has answers carry.
const EXPOSED: [&str; 10] = [
    "allow",
    "content-disposition",
    "content-range",
    "etag",
    "idempotent-replayed",
    "link",
    "location",
    "retry-after",
    "www-authenticate",
    "x-request-id",
];

/// Whether browsers send it like this: in lower case, without the port that goes without saying, and with nothing after it.
fn is_sent(origin: &str, host: &str) -> bool {
    let default_port = if origin.starts_with("https:") {
        ":443"
    } else {
        ":80"
    };
    let has_more = host.contains(['/', '?', '#', '@', '*']) || host.ends_with(default_port);
    let uri = origin.parse::<Uri>().ok();
    !has_more
        && !host.bytes().any(|byte| byte.is_ascii_uppercase())
        && uri.is_some_and(|uri| uri.host().is_some_and(|host| !host.is_empty()))
}

impl Cors {
    /// Lets the pages of these sites in: scheme, host and port, as a browser sends them.
    #[must_use]
    pub fn origins<T: Into<String>>(origins: impl IntoIterator<Item = T>) -> Self {
        Self {
            origins: Some(origins.into_iter().map(Into::into).collect()),
            ..Self::any_origin()
        }
    }

    /// Lets the pages of all sites in.
    #[must_use]
    pub fn any_origin() -> Self {
        Self {
            origins: None,
            headers: ALLOWED.map(str::to_owned).to_vec(),
            exposed: EXPOSED.map(str::to_owned).to_vec(),
            max_age: Duration::from_secs(3600),
        }
    }

    /// Lets pages send one more header, besides those that the service itself heeds: `content-type`, `idempotency-key`, `if-match`,
    /// `if-none-match`, `last-event-id`, `range`, `x-api-key`, `x-request-id`, and that of the keys.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.headers.push(name.into());
        self
    }

    /// Lets pages read one more header of answers, besides those of the service itself: `allow`, `content-disposition`,
    /// `content-range`, `etag`, `idempotent-replayed`, `link`, `location`, `retry-after` and `x-request-id`.
    #[must_use]
    pub fn expose_header(mut self, name: impl Into<String>) -> Self {
        self.exposed.push(name.into());
        self
    }

    /// How long a browser may remember that a site is let in, in whole seconds. Defaults to an hour.
    #[must_use]
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = time;
        self
    }

    /// Whether pages of this origin are let in.
    pub(crate) fn lets_in(&self, origin: &str) -> bool {
        let allowed = self.origins.as_ref();
        allowed.is_none_or(|allowed| allowed.iter().any(|allowed| allowed == origin))
    }

    pub(crate) fn check(&self, problems: &mut Vec<String>) {
        for origin in self.origins.iter().flatten() {
            let host = origin
                .strip_prefix("https://")
                .or_else(|| origin.strip_prefix("http://"));
            let is_origin = host.is_some_and(|host| is_sent(origin, host));
            if !is_origin {
                problems.push(format!(
                    "`{}` is not an origin that CORS could let in: write it like `https://app.example.org`",
                    origin.escape_debug()
                ));
            }
        }
        for name in self.headers.iter().chain(&self.exposed) {
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                problems.push(format!(
                    "`{}` is not the name of a header that CORS could let in",
                    name.escape_debug()
                ));
            }
        }
    }

    /// The middleware, for a service whose keys come in this header.
    pub(crate) fn middleware(&self, key_header: Option<&str>) -> actix_cors::Cors {
        let mut cors = actix_cors::Cors::default()
            .allowed_methods([
                Method::GET,
                Method::HEAD,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
            ])
            .allowed_headers(self.headers.iter().map(String::as_str))
            .expose_headers(self.exposed.iter().map(String::as_str))
            .max_age(usize::try_from(self.max_age.as_secs()).ok());
        if let Some(header) = key_header {
            cors = cors.allowed_header(header);
        }
        match &self.origins {
            None => cors.allow_any_origin().send_wildcard(),
            Some(origins) => origins
                .iter()
                .fold(cors, |cors, origin| cors.allowed_origin(origin)),
        }
    }
}
