//! A pooler in transaction mode, such as PgBouncer, that may stand between this process and PostgreSQL.
//!
//! Each transaction may be run by another connection of the server. So nothing here relies on the state of a connection: settings are
//! those of a transaction, and what would rely on it, prepared statements that are kept and `LISTEN`, is left out once a pooler is known.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::result::Error;

use super::failure::{is_missing_statement, is_protocol_error};
use crate::database::error::DatabaseError;
use crate::database::url::{PostgresUrl, wrong};

/// What is known of the way to the server. Shared by all connections to it.
#[derive(Clone, Debug)]
pub(crate) struct Pooler(Arc<PoolerState>);

#[derive(Debug)]
struct PoolerState {
    /// Whether a pooler was found.
    found: AtomicBool,
    /// Whether statements are prepared once and kept.
    prepared: AtomicBool,
    /// Whether that was said, and is not found out.
    said: bool,
}

impl Pooler {
    /// What a setting says; `None` when it is to be found out.
    pub(super) fn new(prepared: Option<bool>) -> Self {
        Self(Arc::new(PoolerState {
            found: AtomicBool::new(prepared == Some(false)),
            prepared: AtomicBool::new(prepared.unwrap_or(true)),
            said: prepared.is_some(),
        }))
    }

    /// Whether statements are prepared once and kept.
    pub(super) fn keeps_prepared(&self) -> bool {
        self.0.prepared.load(Ordering::Acquire)
    }

    /// Whether one was found, so that nothing that another connection says is heard.
    pub(crate) fn is_there(&self) -> bool {
        self.0.found.load(Ordering::Acquire)
    }

    /// Whether the URL or a setting says whether statements are kept, so that nobody has to look.
    pub(super) fn is_configured(&self) -> bool {
        self.0.said
    }

    /// Looks at what a statement came to. `true` when its connection is of no use any more.
    pub(super) fn observe(&self, error: &Error) -> bool {
        if !is_missing_statement(error) {
            return is_protocol_error(error);
        }
        self.found("a prepared statement was not there");
        true
    }

    #[cold]
    pub(super) fn found(&self, reason: &str) {
        self.0.prepared.store(false, Ordering::Release);
        if !self.0.found.swap(true, Ordering::AcqRel) {
            tracing::warn!(
                reason,
                "a pooler in transaction mode stands before PostgreSQL: statements are not kept prepared from now on, and jobs that \
                 other processes submit are found by looking each second; `?prepared_statements=false` in the URL says so from the start"
            );
        }
    }
}

/// What a URL says of prepared statements, which is not PostgreSQL's: `prepared_statements=false`, or `pgbouncer=true`, as others spell
/// it.
pub(super) fn from_url(url: &PostgresUrl) -> Result<Option<bool>, DatabaseError> {
    let flag = |name: &str| match url.get(name) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(wrong(&format!(
            "its `{name}` is neither `true` nor `false`"
        ))),
    };
    let (prepared, pgbouncer) = (flag("prepared_statements")?, flag("pgbouncer")?);
    Ok(prepared.or((pgbouncer == Some(true)).then_some(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_says_of_prepared_statements() {
        let said = |url: &str| PostgresUrl::parse(url).and_then(|url| from_url(&url));
        for (url, prepared) in [
            ("postgres://a@b/c", None),
            ("postgres://a@b/c?prepared_statements=false", Some(false)),
            (
                "postgres://a@b/c?pgbouncer=true&application_name=y",
                Some(false),
            ),
            (
                "postgres://a@b/c?pgbouncer=true&prepared_statements=true",
                Some(true),
            ),
            ("postgres://a@b/c?pgbouncer=false", None),
        ] {
            assert_eq!(said(url).unwrap(), prepared, "{url}");
        }
        let error = said("postgres://a@b/c?pgbouncer=maybe")
            .unwrap_err()
            .to_string();
        assert!(error.contains("`pgbouncer`"), "{error}");
    }
}
