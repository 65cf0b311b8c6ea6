//! When a commit is answered: what was answered must not be lost with a crash of the server.

/// The value of `synchronous_commit` that the transactions of a connection have.
///
/// It is the one that the server, the database or the role has set, except for `off`: with that the server answers before the commit is on
/// its disk, and a job that was accepted is lost when the server crashes. Later changes of the setting have an effect on new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Durability(&'static str);

impl Durability {
    /// For what the server says. `None` for a value that is not known, which stays.
    pub(super) fn of(setting: &str) -> Option<Self> {
        const KNOWN: [&str; 4] = ["on", "remote_apply", "remote_write", "local"];
        if setting == "off" {
            return Some(Self("on"));
        }
        KNOWN.into_iter().find(|known| *known == setting).map(Self)
    }

    /// The setting, to follow another statement.
    pub(super) fn statement(self) -> String {
        format!("; SET LOCAL synchronous_commit = {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_loses_commits_is_replaced() {
        for (setting, expected) in [
            ("off", Some("on")),
            ("on", Some("on")),
            ("local", Some("local")),
            ("remote_write", Some("remote_write")),
            ("remote_apply", Some("remote_apply")),
            ("on; DROP", None),
        ] {
            assert_eq!(Durability::of(setting).map(|found| found.0), expected);
        }
    }
}
