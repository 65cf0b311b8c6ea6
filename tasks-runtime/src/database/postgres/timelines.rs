//! Which of several servers is the primary: a former one that takes writes again, after another has taken its place, is not used.
//!
//! A standby that is promoted begins a new timeline of the write-ahead log, whose number is higher than those before. The server that it has
//! taken the place of stays on the old one, if somebody starts it again as it was; what is written there is lost to all others.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use tokio_postgres::error::SqlState;

/// The system identifier, and the file that the write-ahead log is written to, which begins with the number of the timeline in eight
/// hexadecimal digits; none in a standby.
pub(super) const QUERY: &str = "SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()) AS system, \
     CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL ELSE pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) END AS wal_file";

/// What was seen of timelines. Shared by all connections to a server.
#[derive(Clone, Debug, Default)]
pub(super) struct Timelines(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// The server does not say: some who speak the protocol of PostgreSQL have no such functions, or let nobody call them.
    unknown: AtomicBool,
    /// Timelines of another system cannot be compared.
    system: OnceLock<String>,
    /// The highest one; 0 while none was seen.
    highest: AtomicU32,
    /// The highest one when the log last said that a server was refused.
    logged: AtomicU32,
    /// Whether the last connection was refused, and there was no other one.
    refused: AtomicBool,
}

/// The timeline of a connection; 0 when it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Timeline(u32);

impl Timelines {
    /// Whether connections are to be asked.
    pub(super) fn are_known(&self) -> bool {
        !self.0.unknown.load(Ordering::Relaxed)
    }

    /// Looks at why a server has not answered. One that cannot is not asked again.
    pub(super) fn not_answered(&self, error: &SqlState) {
        let never = [
            SqlState::UNDEFINED_FUNCTION,
            SqlState::INSUFFICIENT_PRIVILEGE,
            SqlState::FEATURE_NOT_SUPPORTED,
            SqlState::SYNTAX_ERROR,
        ];
        if never.contains(error) && !self.0.unknown.swap(true, Ordering::Relaxed) {
            tracing::debug!(
                code = error.code(),
                "the server does not say on which timeline it is: a former primary that takes writes again is not told from the present one"
            );
        }
    }

    /// Takes what a new connection says, or the reason why it is not to be used.
    pub(super) fn admit(
        &self,
        system: Option<&str>,
        wal_file: Option<&str>,
    ) -> Result<Timeline, String> {
        let number = wal_file.and_then(|file| u32::from_str_radix(file.get(..8)?, 16).ok());
        let (Some(system), Some(number)) = (system, number) else {
            return Ok(Timeline::default());
        };
        if self.0.system.get_or_init(|| system.to_owned()) != system {
            return Ok(Timeline::default());
        }
        let highest = self.0.highest.fetch_max(number, Ordering::AcqRel);
        if number >= highest {
            if highest != 0 && number > highest {
                tracing::warn!(
                    timeline = number,
                    before = highest,
                    "another PostgreSQL server is the primary: connections to the one before are not used any more"
                );
            }
            return Ok(Timeline(number));
        }
        if self.0.logged.swap(highest, Ordering::AcqRel) != highest {
            tracing::error!(
                timeline = number,
                highest,
                "a PostgreSQL server is not used: it is a former primary, and another one has taken its place. Stop it, or make it a standby"
            );
        }
        Err(format!(
            "the server that answers is a former primary: it is on timeline {number}, and another one has taken its place on timeline {highest}"
        ))
    }

    /// Notes whether the last connection was refused, and there was no other one.
    pub(super) fn set_refused(&self, refused: bool) {
        self.0.refused.store(refused, Ordering::Release);
    }

    pub(super) fn is_refused(&self) -> bool {
        self.0.refused.load(Ordering::Acquire)
    }

    /// Whether a connection still leads to the primary, as far as that is known.
    pub(super) fn is_current(&self, timeline: Timeline) -> bool {
        timeline.0 == 0 || timeline.0 >= self.0.highest.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_timeline_is_refused_and_what_is_not_known_is_not() {
        let timelines = Timelines::default();
        let admit = |system, file| timelines.admit(Some(system), file);
        let first = admit("7", Some("000000010000000000000003")).unwrap();
        assert!(timelines.is_current(first));
        let second = admit("7", Some("0000000A0000000000000003")).unwrap();
        assert!(timelines.is_current(second) && !timelines.is_current(first));
        let reason = admit("7", Some("000000010000000000000009")).unwrap_err();
        assert!(
            reason.contains("timeline 1,") && reason.ends_with("timeline 10"),
            "{reason}"
        );
        for (system, file) in [
            ("7", None),
            ("7", Some("x")),
            ("8", Some("000000010000000000000003")),
        ] {
            let unknown = admit(system, file).unwrap();
            assert_eq!(unknown, Timeline::default());
            assert!(timelines.is_current(unknown));
        }
        assert!(timelines.are_known());
        timelines.not_answered(&SqlState::QUERY_CANCELED);
        assert!(timelines.are_known());
        timelines.not_answered(&SqlState::UNDEFINED_FUNCTION);
        assert!(!timelines.are_known());
    }
}
