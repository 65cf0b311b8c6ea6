//! Where clients get tokens (RFC 9728), for services behind an identity provider.

use serde_json::{Value, json};

/// What a client learns of the identity provider in front of the service: OAuth 2.0 Protected Resource Metadata (RFC 9728).
///
/// The service itself checks no tokens: a proxy in front of it does, and sends a key of the service along, in its header of keys.
///
/// ```
/// use tasks_web::mcp::{Mcp, ProtectedResource};
///
/// let resource = ProtectedResource::new("https://tasks.example.org/mcp", "https://login.example.org").scopes(["tasks"]);
/// let mcp = Mcp::new().oauth(resource);
/// # let _ = mcp;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedResource {
    resource: String,
    authorization_servers: Vec<String>,
    scopes: Vec<String>,
}

impl ProtectedResource {
    /// The address of the MCP endpoint as clients know it, and that of the authorization server.
    #[must_use]
    pub fn new(resource: impl Into<String>, authorization_server: impl Into<String>) -> Self {
        Self {
            resource: resource.into(),
            authorization_servers: vec![authorization_server.into()],
            scopes: Vec::new(),
        }
    }

    /// Another authorization server.
    #[must_use]
    pub fn authorization_server(mut self, address: impl Into<String>) -> Self {
        self.authorization_servers.push(address.into());
        self
    }

    /// The scopes that a token needs. Defaults to none.
    #[must_use]
    pub fn scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// The document (RFC 9728, section 2).
    pub(super) fn document(&self) -> Value {
        let mut document = json!({
            "resource": self.resource,
            "authorization_servers": self.authorization_servers,
            "bearer_methods_supported": ["header"],
        });
        if !self.scopes.is_empty() {
            document["scopes_supported"] = json!(self.scopes);
        }
        document
    }

    /// What a client without a token is told (RFC 9728, section 5.1).
    pub(crate) fn challenge(&self) -> String {
        let base = self.origin().unwrap_or_default();
        let path = self.resource.get(base.len()..).unwrap_or_default();
        let path = path.trim_end_matches('/');
        let mut challenge =
            format!("Bearer resource_metadata=\"{base}{PROTECTED_RESOURCE}{path}\"");
        if !self.scopes.is_empty() {
            challenge.push_str(&format!(", scope=\"{}\"", self.scopes.join(" ")));
        }
        challenge
    }

    /// What is wrong with it.
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        let is_address = |text: &str| {
            let rest = text
                .strip_prefix("https://")
                .or_else(|| text.strip_prefix("http://"));
            let is_plain = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
            rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_plain))
        };
        let addresses = std::iter::once(&self.resource).chain(&self.authorization_servers);
        for address in addresses.filter(|address| !is_address(address)) {
            problems.push(format!(
                "`{}` of the MCP server's `oauth` is no address: write it like `https://example.org/mcp`",
                address.escape_debug()
            ));
        }
        let is_scope = |scope: &&String| {
            // RFC 6749, section 3.3.
            !scope.is_empty()
                && scope
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
        };
        for scope in self.scopes.iter().filter(|scope| !is_scope(scope)) {
            problems.push(format!(
                "`{}` of the MCP server's `oauth` is no scope: leave out spaces, quotes and backslashes",
                scope.escape_debug()
            ));
        }
    }

    fn origin(&self) -> Option<&str> {
        let start = self.resource.find("://")? + 3;
        let end = self.resource[start..]
            .find('/')
            .map_or(self.resource.len(), |at| start + at);
        Some(&self.resource[..end])
    }
}

/// Where the document is (RFC 9728, section 3).
pub(super) const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// What clients look for when they are refused. Without an identity provider nothing is there, and the answer to that is 404: on any other one, common hosts begin to
/// ask for a token.
pub(super) const WELL_KNOWN: [&str; 3] = [
    PROTECTED_RESOURCE,
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

#[cfg(test)]
mod tests {
    use super::ProtectedResource;

    #[test]
    fn the_challenge_leads_to_the_document() {
        let resource = ProtectedResource::new("https://a.example/mcp", "https://login.example");
        assert_eq!(
            resource.scopes(["a", "b"]).challenge(),
            "Bearer resource_metadata=\"https://a.example/.well-known/oauth-protected-resource/mcp\", scope=\"a b\""
        );
        let root = ProtectedResource::new("https://a.example", "https://login.example");
        assert_eq!(
            root.challenge(),
            "Bearer resource_metadata=\"https://a.example/.well-known/oauth-protected-resource\""
        );
    }
}
