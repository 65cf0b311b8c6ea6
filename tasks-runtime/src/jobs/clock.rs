//! The clock that decides when jobs are due: that of the database, so that machines whose clocks differ agree.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};

use super::error::JobError;
use crate::database::{Connection, ConnectionKind};

/// What moments are measured from.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// For how long a reading of the database's clock is good when no round of a worker renews it.
const MAX_READING_AGE: Duration = Duration::from_secs(60);
/// No reading.
const NO_READING: i64 = i64::MIN;

/// Tells the time of the database in microseconds since 1970. Between two readings it goes on with the steady clock of this machine.
///
/// SQLite has no clock, so it is that of this machine, except that it is never set back: what waits for a time would wait for as much longer.
/// Workers write down what time it is for them, so that all processes that share the file agree.
#[derive(Clone, Debug)]
pub(crate) struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// What to add to the microseconds since [`START`] for the time of the database.
    offset: AtomicI64,
    /// When that, or what others wrote down, was read, in microseconds since [`START`].
    read_at: AtomicI64,
    /// The most that there ever was to add to the microseconds since [`START`] for the time of this machine, or of a worker that writes down
    /// what time it is.
    latest: AtomicI64,
}

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(Inner {
            offset: AtomicI64::new(NO_READING),
            read_at: AtomicI64::new(NO_READING),
            latest: AtomicI64::new(NO_READING),
        }))
    }
}

fn elapsed() -> i64 {
    i64::try_from(START.elapsed().as_micros()).unwrap_or(i64::MAX)
}

impl Clock {
    /// The time now.
    pub(in crate::jobs) fn now(&self) -> i64 {
        match self.0.offset.load(Ordering::Acquire) {
            NO_READING => self.never_back(Utc::now().timestamp_micros()),
            offset => elapsed().saturating_add(offset),
        }
    }

    /// A time, or what time it is already.
    fn never_back(&self, time: i64) -> i64 {
        let elapsed = elapsed();
        let offset = time.saturating_sub(elapsed);
        let latest = self.0.latest.fetch_max(offset, Ordering::AcqRel);
        elapsed.saturating_add(latest.max(offset))
    }

    /// What time it is for workers, where the database has no clock of its own, as they have written it down; none, if nobody has.
    pub(in crate::jobs) fn observe(&self, time: Option<i64>) {
        if let Some(time) = time {
            self.never_back(time);
        }
        self.0.read_at.store(elapsed(), Ordering::Release);
    }

    /// The time after a delay.
    pub(in crate::jobs) fn after(&self, delay: Duration) -> i64 {
        let delay = i64::try_from(delay.as_micros()).unwrap_or(i64::MAX);
        self.now().saturating_add(delay)
    }

    /// The database has just said what time it is; it was asked at `asked`.
    ///
    /// It looked at its clock somewhere on the way there and back, so a slow answer tells little: what earlier answers told is kept if it may
    /// be right. The first one is taken for as early as it may be, so that later ones do not set the clock back.
    pub(in crate::jobs) fn set(&self, time: i64, asked: Instant) {
        let round_trip = i64::try_from(asked.elapsed().as_micros()).unwrap_or(i64::MAX);
        let now = elapsed();
        let lowest = time.saturating_sub(now);
        let highest = lowest.saturating_add(round_trip);
        let _ = self
            .0
            .offset
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |offset| {
                Some(if offset == NO_READING {
                    lowest
                } else {
                    offset.clamp(lowest, highest)
                })
            });
        self.0.read_at.store(now, Ordering::Release);
    }

    /// Whether it is that of the database.
    pub(in crate::jobs) fn is_of_database(&self) -> bool {
        self.0.offset.load(Ordering::Acquire) != NO_READING
    }

    /// How far the wall clock of this machine is ahead.
    pub(in crate::jobs) fn machine_is_ahead(&self) -> TimeDelta {
        TimeDelta::microseconds(Utc::now().timestamp_micros().saturating_sub(self.now()))
    }

    /// Asks the database for the time, if nobody has lately.
    pub(in crate::jobs) async fn refresh(&self, conn: &mut Connection) -> Result<(), JobError> {
        let read_at = self.0.read_at.load(Ordering::Acquire);
        let fresh = i64::try_from(MAX_READING_AGE.as_micros()).unwrap_or(i64::MAX);
        if read_at != NO_READING && elapsed().saturating_sub(read_at) < fresh {
            return Ok(());
        }
        match conn.kind() {
            #[cfg(feature = "sqlite")]
            ConnectionKind::Sqlite(conn) => self.observe(time_of_workers(conn).await?),
            #[cfg(feature = "postgres")]
            ConnectionKind::Postgres(conn) => {
                let asked = Instant::now();
                self.set(time_of(conn).await?, asked);
            }
        }
        Ok(())
    }

    /// Whether a reading is missing or old.
    pub(in crate::jobs) fn is_stale(&self) -> bool {
        let read_at = self.0.read_at.load(Ordering::Acquire);
        read_at == NO_READING
            || u64::try_from(elapsed().saturating_sub(read_at))
                .is_ok_and(|age| Duration::from_micros(age) >= MAX_READING_AGE)
    }
}

/// The expression for the time of PostgreSQL, which goes on inside of a transaction.
#[cfg(feature = "postgres")]
pub(in crate::jobs) const POSTGRES_NOW: &str =
    "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";

#[cfg(feature = "postgres")]
async fn time_of(conn: &mut crate::database::PgConnection) -> Result<i64, JobError> {
    use crate::database::statement;
    use diesel::sql_types::BigInt;
    use diesel_async::RunQueryDsl as _;

    #[derive(diesel::QueryableByName)]
    struct Time {
        #[diesel(sql_type = BigInt)]
        time: i64,
    }
    let read: Time = statement(format!("SELECT {POSTGRES_NOW} AS time"))
        .get_result(conn)
        .await?;
    Ok(read.time)
}

/// The latest time that a worker has written down.
#[cfg(feature = "sqlite")]
async fn time_of_workers(
    conn: &mut crate::database::SqliteConnection,
) -> Result<Option<i64>, JobError> {
    use super::table::tasks_workers;
    use diesel::{QueryDsl as _, dsl::max};
    use diesel_async::RunQueryDsl as _;

    let latest = tasks_workers::table.select(max(tasks_workers::time));
    Ok(latest.get_result(conn).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_stops_nothing() {
        let clock = Clock::default();
        let hour = 3_600_000_000;
        // As if it had been an hour later before.
        let before = clock.never_back(Utc::now().timestamp_micros() + hour);
        assert!(clock.now() >= before && clock.now() - before < 1_000_000);
        assert!((clock.machine_is_ahead().num_seconds() + 3600).abs() <= 1);
        std::thread::sleep(Duration::from_millis(5));
        assert!(clock.now() - before >= 5000);
        // It catches up.
        let later = clock.never_back(before + hour);
        assert_eq!(later, before + hour);
        // Another process is told.
        let other = Clock::default();
        other.observe(None);
        assert!((other.now() - Utc::now().timestamp_micros()).abs() < 1_000_000);
        other.observe(Some(later));
        assert!(other.now() >= later);
    }

    #[test]
    fn the_time_of_the_database_goes_on_whatever_the_machine_says() {
        let clock = Clock::default();
        assert!(clock.is_stale());
        assert!((clock.now() - Utc::now().timestamp_micros()).abs() < 1_000_000);
        let hour = 3_600_000_000;
        clock.set(Utc::now().timestamp_micros() + hour, Instant::now());
        assert!((clock.now() - Utc::now().timestamp_micros() - hour).abs() < 1_000_000);
        assert!((clock.machine_is_ahead().num_seconds() + 3600).abs() <= 1);
        assert!(!clock.is_stale());
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(5));
        assert!(clock.now() - before >= 5000);
    }

    #[test]
    fn a_slow_answer_does_not_set_the_clock_back() {
        let clock = Clock::default();
        let asked = Instant::now();
        let time = Utc::now().timestamp_micros();
        std::thread::sleep(Duration::from_millis(50));
        // It may be as late as 50 ms after that.
        clock.set(time, asked);
        let first = clock.now();
        assert!(first < time + 40_000, "{first} after {time}");
        // A fast answer says more.
        let time = Utc::now().timestamp_micros();
        clock.set(time, Instant::now());
        let second = clock.now();
        assert!(second >= time && second >= first);
        // A slow one says no more than that.
        let asked = Instant::now();
        let time = Utc::now().timestamp_micros();
        std::thread::sleep(Duration::from_millis(50));
        clock.set(time, asked);
        assert!(clock.now() >= time + 40_000);
        // The clock of the database was set back by an hour.
        let before = clock.now();
        clock.set(before - 3_600_000_000, Instant::now());
        assert!(clock.now() < before - 3_599_000_000);
    }
}
