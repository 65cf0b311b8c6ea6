//! What `deny.toml` allows. Only the few lines that matter are read, and only as that file writes them: a section header
//! on a line of its own, `key = "text"`, `key = ["text", …]`.

use anyhow::{Context as _, Result, bail};

use super::{Package, spdx};

#[derive(Debug, Default)]
pub(super) struct Policy {
    allowed: Vec<String>,
    /// Licences allowed for one package by name.
    exceptions: Vec<(String, Vec<String>)>,
}

impl Policy {
    pub(super) fn parse(deny: &str) -> Result<Self> {
        let mut policy = Self::default();
        for (header, body) in sections(deny) {
            match header.as_str() {
                "[licenses]" => policy.allowed = strings(&body, "allow"),
                "[[licenses.exceptions]]" => {
                    let name = strings(&body, "crate")
                        .pop()
                        .context("an exception in deny.toml names no `crate`")?;
                    policy.exceptions.push((name, strings(&body, "allow")));
                }
                _ => {}
            }
        }
        if policy.allowed.is_empty() {
            bail!("deny.toml allows no licence at all: there is no `allow` under [licenses]");
        }
        Ok(policy)
    }

    /// Why a package may not be used, if it may not.
    pub(super) fn complaint(&self, package: &Package<'_>) -> Option<String> {
        let Package {
            name,
            version,
            licence,
        } = package;
        if licence.is_empty() {
            return Some(format!("{name} {version}: names no licence"));
        }
        let exceptions = self
            .exceptions
            .iter()
            .filter(|(own, _)| own == name)
            .flat_map(|(_, allowed)| allowed);
        let allowed: Vec<&str> = self
            .allowed
            .iter()
            .chain(exceptions)
            .map(String::as_str)
            .collect();
        match spdx::allows(licence, &|id| allowed.contains(&id)) {
            Ok(true) => None,
            Ok(false) => Some(format!("{name} {version}: {licence}")),
            Err(error) => Some(format!(
                "{name} {version}: cannot read `{licence}`: {error}"
            )),
        }
    }
}

/// The file's sections, each as its header and its lines without comments.
fn sections(text: &str) -> Vec<(String, String)> {
    let mut sections = vec![(String::new(), String::new())];
    for line in text.lines() {
        let line = without_comment(line).trim();
        if line.starts_with('[') && line.ends_with(']') && !line.contains(['"', ',']) {
            sections.push((line.to_owned(), String::new()));
        } else if let Some((_, body)) = sections.last_mut() {
            body.push_str(line);
            body.push('\n');
        }
    }
    sections
}

fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let comment = line.find(|character| {
        quoted ^= character == '"';
        character == '#' && !quoted
    });
    &line[..comment.unwrap_or(line.len())]
}

/// The string of a key, or the strings of its list; none if the key is not there.
fn strings(body: &str, key: &str) -> Vec<String> {
    let value = body.match_indices(key).find_map(|(at, _)| {
        let starts_line = at == 0 || body[..at].ends_with('\n');
        let value = body[at + key.len()..]
            .trim_start()
            .strip_prefix('=')?
            .trim_start();
        starts_line.then_some(value)
    });
    let value = value.unwrap_or_default();
    let end = if value.starts_with('[') {
        value.find(']')
    } else {
        value.find('\n')
    };
    // Between quotes is every second part.
    value[..end.unwrap_or(value.len())]
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = r##"
        [graph]
        allow = ["GPL-3.0"]
        [licenses]
        # "AGPL-3.0" is not allowed.
        allow = [
            "MIT", # and "ISC" neither
            "Zlib",
        ]
        unused-allowed-license = "warn"
        [[licenses.exceptions]]
        allow = ["MPL-2.0"]
        crate = "webdriver"
        [bans]
        allow = ["EUPL-1.2"]
    "##;

    fn complaint(name: &str, licence: &str) -> Option<String> {
        Policy::parse(DENY)
            .expect("it is well formed")
            .complaint(&Package {
                name,
                version: "v1.0.0",
                licence,
            })
    }

    #[test]
    fn what_is_not_allowed_is_refused() {
        assert_eq!(complaint("a", "MIT"), None);
        assert_eq!(complaint("a", "GPL-3.0 OR Zlib"), None);
        for licence in [
            "GPL-3.0",
            "AGPL-3.0",
            "ISC",
            "EUPL-1.2",
            "warn",
            "MIT AND GPL-3.0",
        ] {
            assert_eq!(
                complaint("a", licence),
                Some(format!("a v1.0.0: {licence}"))
            );
        }
        assert_eq!(
            complaint("a", ""),
            Some("a v1.0.0: names no licence".to_owned())
        );
    }

    #[test]
    fn exceptions_are_for_one_package() {
        assert_eq!(complaint("webdriver", "MPL-2.0"), None);
        assert!(complaint("webdrivers", "MPL-2.0").is_some());
    }

    #[test]
    fn a_file_without_a_list_is_an_error() {
        assert!(Policy::parse("[bans]\nallow = [\"MIT\"]").is_err());
    }

    #[test]
    fn the_file_of_this_workspace_can_be_read() {
        let policy = Policy::parse(include_str!("../../../deny.toml")).expect("it is well formed");
        assert!(policy.allowed.contains(&"MIT".to_owned()));
        assert!(!policy.allowed.iter().any(|licence| licence.contains("GPL")));
        assert!(
            policy
                .exceptions
                .iter()
                .all(|(name, allowed)| !name.is_empty() && !allowed.is_empty())
        );
    }
}
