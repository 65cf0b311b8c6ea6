//! Jobs of a low priority do not wait for ever: of those that are claimed, some are the ones that have waited longest.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use diesel::sql_types::{BigInt, Integer, Text};
use diesel_async::RunQueryDsl;

use super::claim::ClaimKind;
use crate::database::{Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::state::sql;
use crate::with_conn;

/// One of so many claims is one of those.
const ONE_OF: usize = 10;
/// How often to look for them.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// How many priorities are looked at, from the lowest.
const LEVELS: usize = 100;

/// What this process has claimed since it looked last, by queue and kind.
#[derive(Default)]
pub(super) struct Aging {
    claimed: HashMap<(String, String), ClaimCount>,
}

struct ClaimCount {
    count: usize,
    looked: Instant,
}

fn key(queue: &str, kind: &ClaimKind) -> Option<(String, String)> {
    let task = match kind {
        ClaimKind::Normal => "",
        ClaimKind::ByName(task) => task,
        // They are few, and all of them are tried.
        ClaimKind::Limited | ClaimKind::Quarantined(_) => return None,
    };
    Some((queue.to_owned(), task.to_owned()))
}

impl Aging {
    /// So many were claimed.
    pub(super) fn count(&mut self, queue: &str, kind: &ClaimKind, jobs: usize) {
        if let Some(key) = key(queue, kind).filter(|_| jobs > 0) {
            let claimed = self.claimed.entry(key).or_insert_with(|| ClaimCount {
                count: 0,
                looked: Instant::now(),
            });
            claimed.count += jobs;
        }
    }

    /// How many of those that have waited longest are to be claimed now.
    pub(super) fn share(&mut self, queue: &str, kind: &ClaimKind) -> usize {
        let Some(claimed) = key(queue, kind).and_then(|key| self.claimed.get_mut(&key)) else {
            return 0;
        };
        if claimed.count < ONE_OF || claimed.looked.elapsed() < CHECK_INTERVAL {
            return 0;
        }
        let share = claimed.count / ONE_OF;
        (claimed.count, claimed.looked) = (0, Instant::now());
        share
    }
}

#[derive(diesel::QueryableByName)]
struct Level {
    #[diesel(sql_type = Integer)]
    priority: i32,
    #[diesel(sql_type = BigInt)]
    oldest: i64,
}

/// The priority whose first job has waited longest, if that is longer than `before` says, and there are jobs of a higher one. Reads two
/// entries of an index for each priority.
pub(super) async fn starved(
    conn: &mut Connection,
    queue: &str,
    kind: &ClaimKind,
    before: i64,
) -> Result<Option<i32>, JobError> {
    let (which, task) = match kind {
        ClaimKind::Normal => (format!("{} AND $2 = ''", sql::READY_SHARED), ""),
        ClaimKind::ByName(task) => (
            format!("{} AND task_name = $2", sql::READY_BY_NAME),
            task.as_str(),
        ),
        ClaimKind::Limited | ClaimKind::Quarantined(_) => return Ok(None),
    };
    let ready = format!("FROM tasks_jobs WHERE {which} AND queue = $1");
    let sql = format!(
        "WITH RECURSIVE levels(priority, number) AS (SELECT MIN(priority), 1 {ready} UNION ALL \
         SELECT (SELECT MIN(priority) {ready} AND priority > levels.priority), number + 1 FROM levels \
         WHERE levels.priority IS NOT NULL AND number < {LEVELS}) \
         SELECT priority, (SELECT MIN(run_at) {ready} AND priority = levels.priority) AS oldest \
         FROM levels WHERE priority IS NOT NULL"
    );
    let levels: Vec<Level> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(queue)
            .bind::<Text, _>(task)
            .load(conn)
            .await
    })?;
    let highest = levels.iter().map(|level| level.priority).max();
    let oldest = levels
        .iter()
        .filter(|level| level.oldest < before && Some(level.priority) < highest)
        .min_by_key(|level| level.oldest);
    Ok(oldest.map(|level| level.priority))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_ten_is_for_those_that_have_waited() {
        let mut aging = Aging::default();
        let kind = ClaimKind::ByName("a".to_owned());
        assert_eq!(aging.share("q", &kind), 0);
        aging.count("q", &kind, 35);
        aging.count("q", &ClaimKind::Normal, 9);
        aging.count("q", &ClaimKind::Quarantined(Vec::new()), 100);
        assert_eq!(aging.share("q", &kind), 0, "it has just looked");
        for claimed in aging.claimed.values_mut() {
            claimed.looked -= CHECK_INTERVAL;
        }
        assert_eq!(aging.share("q", &kind), 3);
        assert_eq!(aging.share("q", &kind), 0);
        assert_eq!(aging.share("q", &ClaimKind::Normal), 0);
        assert_eq!(aging.share("q", &ClaimKind::Quarantined(Vec::new())), 0);
    }
}
