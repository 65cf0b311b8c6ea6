//! What a service says about itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The name of a service and what it is for: served at `GET /api/v1/info`, and shown in the OpenAPI document and on the
/// landing page.
///
/// ```
/// use tasks_web::{Contact, License, ServiceInfo};
///
/// let info = ServiceInfo::new("task-service", "Task Service")
///     .version("2.1.0")
///     .summary("Runs reports.")
///     .description("Runs the reports of the *finance* team.")
///     .contact(Contact::new("Finance").email("finance@example.org"))
///     .license(License::spdx("MIT"));
/// assert_eq!(info.version, "2.1.0");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ServiceInfo {
    /// Lower-case words with hyphens: `^[a-z][a-z0-9]*(-[a-z0-9]+)*$`.
    #[schemars(regex(pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"))]
    pub id: String,
    /// The name that people read.
    pub display_name: String,
    /// The version of the service. Defaults to `1.0.0`.
    pub version: String,
    /// One sentence.
    pub summary: Option<String>,
    /// What it is for; `CommonMark` in the OpenAPI document.
    pub description: Option<String>,
    /// Whom to ask.
    pub contact: Option<Contact>,
    /// On what terms.
    pub license: Option<License>,
}

/// Whom to ask about a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Contact {
    /// A person, a team or an organization.
    pub name: String,
    /// Its mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The licence of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct License {
    /// Its name.
    pub name: String,
    /// Its SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Where its text is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl ServiceInfo {
    /// A service with an id and a name. The id is checked when the service is built.
    #[must_use]
    pub fn new(id: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            display_name: display_name.into(),
            version: "1.0.0".to_owned(),
            summary: None,
            description: None,
            contact: None,
            license: None,
        }
    }

    /// Sets the version: `env!("CARGO_PKG_VERSION")`, say.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the summary.
    #[must_use]
    pub fn summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = Some(summary.into());
        self
    }

    /// Sets the description.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the contact.
    #[must_use]
    pub fn contact(mut self, contact: Contact) -> Self {
        self.contact = Some(contact);
        self
    }

    /// Sets the licence.
    #[must_use]
    pub fn license(mut self, license: License) -> Self {
        self.license = Some(license);
        self
    }

    pub(crate) fn check(&self, problems: &mut Vec<String>) {
        if !is_slug(&self.id) {
            problems.push(format!(
                "`{}` cannot be a service's id: use lower-case letters and digits in words joined by hyphens, beginning with \
                 a letter, like `task-service`",
                self.id.escape_debug()
            ));
        }
        for (what, text) in [
            ("display name", &self.display_name),
            ("version", &self.version),
        ] {
            if text.trim().is_empty() {
                problems.push(format!("the service's {what} is empty: give it one"));
            }
        }
    }

    /// What the OpenAPI document's `info` has beside title, version and description. Summary and licence identifier are
    /// new in 3.1.
    pub(crate) fn openapi(&self, is_3_1: bool) -> Map<String, Value> {
        let mut info = Map::new();
        if let (Some(summary), true) = (&self.summary, is_3_1) {
            info.insert("summary".to_owned(), json!(summary));
        }
        if let Some(contact) = &self.contact {
            info.insert("contact".to_owned(), json!(contact));
        }
        if let Some(license) = &self.license {
            let mut license = json!(license);
            if let (false, Some(license)) = (is_3_1, license.as_object_mut()) {
                license.remove("identifier");
            }
            info.insert("license".to_owned(), license);
        }
        info
    }
}

impl Contact {
    /// A contact by name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            email: None,
            url: None,
        }
    }

    /// Sets the mail address.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// Sets the page.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }
}

impl License {
    /// A licence by its [SPDX expression](https://spdx.org/licenses/).
    #[must_use]
    pub fn spdx(identifier: impl Into<String>) -> Self {
        let identifier = identifier.into();
        Self {
            name: identifier.clone(),
            identifier: Some(identifier),
            url: None,
        }
    }

    /// A licence by name and the place of its text.
    #[must_use]
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            identifier: None,
            url: Some(url.into()),
        }
    }
}

/// `^[a-z][a-z0-9]*(-[a-z0-9]+)*$`
fn is_slug(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::is_slug;

    #[test]
    fn slugs() {
        for yes in ["a", "task-service", "a1-2b"] {
            assert!(is_slug(yes), "{yes}");
        }
        for no in ["", "A", "1a", "a--b", "a-", "-a", "a_b", "ä", "a\n"] {
            assert!(!is_slug(no), "{no}");
        }
    }
}
