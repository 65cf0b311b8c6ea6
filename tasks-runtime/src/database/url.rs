//! Where a database is, as text.

mod postgres;

pub(super) use self::postgres::PostgresUrl;
#[cfg(feature = "postgres")]
pub(super) use self::postgres::wrong;
use super::backend::Backend;
use super::error::DatabaseError;

/// A URL that was understood.
#[derive(Clone)]
pub(super) enum Location {
    /// A file.
    File(SqliteFile),
    /// A private file that is gone afterwards.
    Memory,
    /// A server.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "refused later"))]
    Postgres(PostgresUrl),
}

/// A file of SQLite.
#[derive(Clone, Debug)]
pub(super) struct SqliteFile {
    pub(super) path: String,
    pub(super) mode: SqliteMode,
}

#[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "refused later"))]
impl SqliteFile {
    /// Of any name; it is made when it is not there.
    pub(super) fn at(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            mode: SqliteMode::default(),
        }
    }

    /// The same file, which is not made when it is not there.
    pub(super) fn existing(&self) -> Self {
        Self {
            path: self.path.clone(),
            mode: match self.mode {
                SqliteMode::Create => SqliteMode::Existing,
                mode => mode,
            },
        }
    }

    /// What SQLite opens: a path, or a URI that has the mode.
    pub(super) fn target(&self) -> String {
        let mode = match self.mode {
            SqliteMode::Create => return self.path.clone(),
            SqliteMode::Existing => "rw",
            SqliteMode::ReadOnly => "ro",
        };
        let path = percent_encoding::utf8_percent_encode(&self.path, IN_URI);
        format!("file:{path}?mode={mode}")
    }
}

/// What has a meaning in a URI.
#[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "refused later"))]
const IN_URI: &percent_encoding::AsciiSet =
    &percent_encoding::CONTROLS.add(b'%').add(b'?').add(b'#');

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SqliteMode {
    /// It is made when it is not there (`rwc`).
    #[default]
    Create,
    /// It has to be there (`rw`).
    Existing,
    /// It has to be there, and is not written (`ro`).
    ReadOnly,
}

impl Location {
    /// Reads `sqlite://path`, `sqlite::memory:` and `postgres://…`. White space around it is not part of it: a file that holds a URL ends
    /// with a line feed.
    ///
    /// The text is not shown in the error: it may have a password in it.
    pub(super) fn parse(text: &str) -> Result<Self, DatabaseError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        match scheme {
            "sqlite" => sqlite(rest),
            "postgres" | "postgresql" => Ok(Self::Postgres(PostgresUrl::parse(text)?)),
            "" => Err(DatabaseError::Configuration(
                "the database URL is empty: it is one such as `sqlite://tasks.db`, `sqlite::memory:` or \
                 `postgres://user:password@host/database`"
                    .to_owned(),
            )),
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
            Self::File(file) => {
                let mode = match file.mode {
                    SqliteMode::Create => "",
                    SqliteMode::Existing => "?mode=rw",
                    SqliteMode::ReadOnly => "?mode=ro",
                };
                format!("sqlite://{}{mode}", file.path)
            }
            Self::Memory => "sqlite::memory:".to_owned(),
            Self::Postgres(url) => url.masked().to_owned(),
        }
    }
}

/// What comes after `sqlite:`.
fn sqlite(rest: &str) -> Result<Location, DatabaseError> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut mode = SqliteMode::default();
    let mut memory = path == ":memory:";
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair {
            "mode=rwc" => mode = SqliteMode::Create,
            "mode=rw" => mode = SqliteMode::Existing,
            "mode=ro" => mode = SqliteMode::ReadOnly,
            "mode=memory" => memory = true,
            other => {
                return Err(DatabaseError::Configuration(format!(
                    "the SQLite URL has the parameter `{}`: there are `mode=rwc` (the file is made when it is not there), `mode=rw`, \
                     `mode=ro` and `mode=memory`; the name of a file that has a `?` in it is one for `Database::sqlite`",
                    other.escape_debug()
                )));
            }
        }
    }
    if memory {
        return Ok(Location::Memory);
    }
    if path.is_empty() {
        return Err(DatabaseError::Configuration(
            "the database URL names no file: `sqlite://tasks.db`, or `sqlite::memory:`".to_owned(),
        ));
    }
    Ok(Location::File(SqliteFile {
        path: path.to_owned(),
        mode,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_is_a_path() {
        use SqliteMode::{Create, Existing, ReadOnly};
        for (url, path, mode) in [
            ("sqlite://tasks.db", "tasks.db", Create),
            ("sqlite:///var/tasks.db", "/var/tasks.db", Create),
            ("sqlite:tasks.db", "tasks.db", Create),
            ("sqlite://tasks.db\n", "tasks.db", Create),
            ("sqlite://tasks.db?mode=rwc", "tasks.db", Create),
            ("sqlite://tasks.db?mode=rw", "tasks.db", Existing),
            ("sqlite://a b.db?mode=ro\r\n", "a b.db", ReadOnly),
        ] {
            match Location::parse(url) {
                Ok(Location::File(file)) => {
                    assert_eq!((file.path.as_str(), file.mode), (path, mode), "{url}");
                }
                _ => panic!("{url}"),
            }
        }
        for url in [
            "sqlite::memory:",
            "sqlite://:memory:",
            "sqlite://x?mode=memory",
        ] {
            let location = Location::parse(url).expect("a URL");
            assert_eq!(location.masked(), "sqlite::memory:");
        }
        for url in ["sqlite://x.db?cache=shared", "sqlite://x.db?mode=rwx"] {
            let error = Location::parse(url).err().expect("refused").to_string();
            assert!(error.contains("`mode=rwc`"), "{error}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_shown() {
        for url in [
            "",
            " \n",
            "sqlite:",
            "mysql://ada:s3cret@db/app",
            "ada:s3cret@db",
            "postgres://ada:s3cret@db:port/app",
        ] {
            let error = Location::parse(url).err().expect("refused").to_string();
            assert!(!error.contains("s3cret"), "{error}");
            assert!(error.contains("`sqlite://tasks.db`") || error.contains("`postgres://"));
        }
    }
}
