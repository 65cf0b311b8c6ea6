//! Rows of jobs whose id cannot be read: workers meet them at every look, and the log has each of them once an hour.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::text::cut;

/// How often a row is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// For how long a row that was met is part of the health.
const HEALTH_PERIOD: Duration = Duration::from_secs(5 * 60);
/// How many rows are told apart.
const MAX_ROWS: usize = 100;
/// As much of an id is kept, in bytes.
const MAX_ID_BYTES: usize = 80;

/// The rows that this process has met, of all its databases.
static ROWS: LazyLock<Mutex<DamagedRows>> = LazyLock::new(Mutex::default);

fn rows() -> MutexGuard<'static, DamagedRows> {
    ROWS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes a row whose id cannot be read, and logs it unless that was done within the hour.
pub(super) fn met(id: &str, error: &dyn std::fmt::Display) {
    let mut id = id.to_owned();
    cut(&mut id, MAX_ID_BYTES);
    if rows().is_worth_a_line(&id, Instant::now()) {
        tracing::error!(
            id,
            %error,
            "a row of `tasks_jobs` has an id that cannot be read, and is passed over: correct the id, or delete the row"
        );
    }
}

/// What the health says of such rows, if any was met lately.
pub(super) fn warning() -> Option<String> {
    rows().warning(Instant::now())
}

#[derive(Default)]
struct DamagedRows {
    /// When each was logged, and when it was met.
    known: HashMap<String, (Instant, Instant)>,
}

impl DamagedRows {
    fn is_worth_a_line(&mut self, id: &str, now: Instant) -> bool {
        let logged_lately = |logged: Instant| now.duration_since(logged) < LOG_INTERVAL;
        if let Some((logged, met)) = self.known.get_mut(id) {
            *met = now;
            let due = !logged_lately(*logged);
            if due {
                *logged = now;
            }
            return due;
        }
        if self.known.len() >= MAX_ROWS {
            self.known.retain(|_, (logged, _)| logged_lately(*logged));
        }
        let has_space = self.known.len() < MAX_ROWS;
        if has_space {
            self.known.insert(id.to_owned(), (now, now));
        }
        has_space
    }

    fn warning(&self, now: Instant) -> Option<String> {
        let met = |(_, (_, met)): &(&String, &(Instant, Instant))| {
            now.duration_since(*met) < HEALTH_PERIOD
        };
        let mut ids: Vec<&str> = self
            .known
            .iter()
            .filter(met)
            .map(|(id, _)| id.as_str())
            .collect();
        ids.sort_unstable();
        let first = ids.first()?;
        let count = match ids.len() {
            1 => "1 row".to_owned(),
            MAX_ROWS => format!("{MAX_ROWS} or more rows"),
            count => format!("{count} rows"),
        };
        Some(format!(
            "{count} of `tasks_jobs` cannot be read and will not run, such as that with the id `{}`: correct the id, or delete the row",
            first.escape_debug()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_logged_once_an_hour_and_memory_is_bounded() {
        let mut rows = DamagedRows::default();
        let start = Instant::now();
        let after = |minutes: u64| start + Duration::from_secs(60 * minutes);
        assert_eq!(rows.warning(start), None);
        assert!(rows.is_worth_a_line("a", start));
        for minute in 0..60 {
            assert!(!rows.is_worth_a_line("a", after(minute)));
        }
        assert!(rows.is_worth_a_line("a", after(60)));
        assert!(rows.is_worth_a_line("b\n", after(60)));
        let warning = rows.warning(after(64)).unwrap();
        assert!(warning.starts_with("2 rows of `tasks_jobs`"), "{warning}");
        assert_eq!(rows.warning(after(65)), None);

        let lines = (0..10 * MAX_ROWS)
            .filter(|number| rows.is_worth_a_line(&format!("row {number}"), after(70)))
            .count();
        assert_eq!((lines, rows.known.len()), (MAX_ROWS - 2, MAX_ROWS));
        let warning = rows.warning(after(70)).unwrap();
        assert!(warning.starts_with("98 rows"), "{warning}");
        assert!(rows.is_worth_a_line("new", after(131)));
        assert_eq!(rows.known.len(), 1);
    }
}
