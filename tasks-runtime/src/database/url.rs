//! Where a database is, as text.

use super::{Backend, DatabaseError};

/// A URL that was understood.
#[derive(Clone)]
pub(super) enum Location {
    /// A file.
    File(String),
    /// A private file that is gone afterwards.
    Memory,
    /// The URL for tokio-postgres.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "refused later"))]
    Postgres(String),
}

impl Location {
    /// Reads `sqlite://path`, `sqlite::memory:` and `postgres://…`.
    ///
    /// The text is not shown in the error: it may have a password in it.
    pub(super) fn parse(text: &str) -> Result<Self, DatabaseError> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        match scheme {
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                match path {
                    ":memory:" => Ok(Self::Memory),
                    "" => Err(DatabaseError::Configuration(
                        "the database URL names no file: `sqlite://tasks.db`, or `sqlite::memory:`"
                            .to_owned(),
                    )),
                    path => Ok(Self::File(path.to_owned())),
                }
            }
            "postgres" | "postgresql" => {
                let url = url::Url::parse(text).map_err(|error| {
                    DatabaseError::Configuration(format!(
                        "the PostgreSQL URL cannot be read: {error}; it looks like `postgres://user:password@host/database`"
                    ))
                })?;
                Ok(Self::Postgres(url.into()))
            }
            _ => Err(DatabaseError::Configuration(
                "the database URL begins with neither `sqlite:` nor `postgres:`: use `sqlite://tasks.db`, `sqlite::memory:` \
                 or `postgres://user:password@host/database`"
                    .to_owned(),
            )),
        }
    }

    pub(super) fn backend(&self) -> Backend {
        match self {
            Self::File(_) | Self::Memory => Backend::Sqlite,
            Self::Postgres(_) => Backend::Postgres,
        }
    }

    /// For people: without a password.
    pub(super) fn masked(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite://{path}"),
            Self::Memory => "sqlite::memory:".to_owned(),
            Self::Postgres(text) => mask(text),
        }
    }
}

/// Masks the password, wherever libpq's URLs may have one.
fn mask(text: &str) -> String {
    let Ok(mut url) = url::Url::parse(text) else {
        return "postgres://***".to_owned();
    };
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "postgres://***".to_owned();
    }
    let secret = |key: &str| matches!(key, "password" | "sslpassword" | "passfile");
    if url.query_pairs().any(|(key, _)| secret(&key)) {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let mut query = url.query_pairs_mut();
        query.clear();
        for (key, value) in pairs {
            let value = if secret(&key) { "***" } else { &value };
            query.append_pair(&key, value);
        }
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        Location::parse(text).expect("a URL").masked()
    }

    #[test]
    fn passwords_are_masked() {
        for (url, shown) in [
            (
                "postgres://ada:s3cret@db.example/app",
                "postgres://ada:***@db.example/app",
            ),
            (
                "postgresql://ada@db.example/app?password=s3cret&application_name=x",
                "postgresql://ada@db.example/app?password=***&application_name=x",
            ),
            (
                "postgres://ada@db.example/app",
                "postgres://ada@db.example/app",
            ),
            (
                "postgres:///app?host=/run/postgresql&user=ada",
                "postgres:///app?host=/run/postgresql&user=ada",
            ),
        ] {
            assert_eq!(masked(url), shown);
        }
    }

    #[test]
    fn sqlite_is_a_path() {
        for (url, path) in [
            ("sqlite://tasks.db", "tasks.db"),
            ("sqlite:///var/tasks.db", "/var/tasks.db"),
            ("sqlite:tasks.db", "tasks.db"),
        ] {
            assert!(
                matches!(Location::parse(url), Ok(Location::File(found)) if found == path),
                "{url}"
            );
        }
        assert_eq!(masked("sqlite::memory:"), "sqlite::memory:");
        assert_eq!(masked("sqlite://:memory:"), "sqlite::memory:");
    }

    #[test]
    fn what_is_not_understood_is_not_shown() {
        for url in [
            "",
            "sqlite:",
            "mysql://ada:s3cret@db/app",
            "ada:s3cret@db",
            "postgres://ada:s3cret@db:port/app",
        ] {
            let error = Location::parse(url).err().expect("refused").to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
