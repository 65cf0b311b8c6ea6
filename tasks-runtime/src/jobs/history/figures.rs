//! What this process has counted and not written yet.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use super::levels::{LEVELS, MINUTE};
use super::measure::{Count, Measure};

/// How many pairs of a task and a queue a process tells apart. All further ones are one without a name: no program has so many.
const MAX_SERIES: usize = 2000;
/// How many numbers a process keeps while the database does not take them.
const MAX_CELLS: usize = 50_000;

/// A task and a queue, as [`Figures`] knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::jobs) struct SeriesId(usize);

/// How long an attempt waited and ran.
#[derive(Clone, Copy, Debug)]
pub(in crate::jobs) struct Timing {
    pub(in crate::jobs) series: SeriesId,
    /// In microseconds; none of what did not wait for a worker.
    pub(in crate::jobs) wait: Option<u64>,
    /// In microseconds.
    pub(in crate::jobs) run: u64,
}

/// A number to be added to the table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    /// In seconds.
    pub(super) step: i32,
    /// In microseconds since 1970.
    pub(super) at: i64,
    pub(super) task: String,
    pub(super) queue: String,
    pub(super) measure: i32,
    pub(super) total: i64,
}

/// Counts what jobs of this process come to.
#[derive(Debug, Default)]
pub(in crate::jobs) struct Figures(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Numbers of series, by task and queue.
    ids: HashMap<String, HashMap<String, usize>>,
    names: Vec<(String, String)>,
    /// By the minute, since 1970.
    cells: HashMap<(i64, SeriesId, Measure), u64>,
}

impl Figures {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The series of a task, or of closures, in a queue.
    pub(in crate::jobs) fn series(&self, task: Option<&str>, queue: &str) -> SeriesId {
        self.lock().series(task.unwrap_or_default(), queue)
    }

    /// Counts a job of a task, or of closures, in a queue.
    pub(in crate::jobs) fn count_job(
        &self,
        (task, queue): (Option<&str>, &str),
        count: Count,
        at: i64,
    ) {
        let mut inner = self.lock();
        let series = inner.series(task.unwrap_or_default(), queue);
        inner.add(at, series, Measure::count(count), 1);
    }

    /// Counts an attempt that has ended.
    pub(in crate::jobs) fn attempt(&self, timing: Timing, count: Count, at: i64) {
        let mut inner = self.lock();
        inner.add(at, timing.series, Measure::count(count), 1);
        if let Some(wait) = timing.wait {
            inner.add(at, timing.series, Measure::wait(wait), 1);
        }
        inner.add(at, timing.series, Measure::run(timing.run), 1);
    }

    /// Forgets what was counted.
    pub(in crate::jobs) fn forget(&self) {
        self.lock().cells.clear();
    }

    /// Takes what was counted since the last time, for each step: in the order of the table, so that processes that add to it at once do not
    /// wait for each other.
    pub(super) fn take(&self) -> Vec<Row> {
        let mut inner = self.lock();
        let cells = std::mem::take(&mut inner.cells);
        let mut sums: BTreeMap<(i32, i64, SeriesId, Measure), u64> = BTreeMap::new();
        for ((minute, series, measure), count) in cells {
            for level in LEVELS {
                let at = level.start(minute * MINUTE.micros());
                *sums.entry((level.step, at, series, measure)).or_default() += count;
            }
        }
        let mut rows: Vec<Row> = sums
            .into_iter()
            .map(|((step, at, series, measure), count)| {
                let (task, queue) = inner.names.get(series.0).cloned().unwrap_or_default();
                Row {
                    step,
                    at,
                    task,
                    queue,
                    measure: measure.number(),
                    total: i64::try_from(count).unwrap_or(i64::MAX),
                }
            })
            .collect();
        rows.sort_unstable();
        rows
    }
}

impl Inner {
    fn series(&mut self, task: &str, queue: &str) -> SeriesId {
        let known = self.ids.get(task).and_then(|queues| queues.get(queue));
        if let Some(id) = known {
            return SeriesId(*id);
        }
        let (task, queue) = if self.names.len() < MAX_SERIES {
            (task, queue)
        } else {
            ("", "")
        };
        let next = self.names.len();
        let queues = self.ids.entry(task.to_owned()).or_default();
        let id = *queues.entry(queue.to_owned()).or_insert(next);
        if id == next {
            self.names.push((task.to_owned(), queue.to_owned()));
        }
        SeriesId(id)
    }

    fn add(&mut self, at: i64, series: SeriesId, measure: Measure, count: u64) {
        let cell = (at.div_euclid(MINUTE.micros()), series, measure);
        let has_room = self.cells.len() < MAX_CELLS;
        if let Some(sum) = self.cells.get_mut(&cell) {
            *sum = sum.saturating_add(count);
        } else if has_room {
            self.cells.insert(cell, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_there_for_each_step_and_once() {
        let figures = Figures::default();
        let hour = 3_600_000_000;
        let minute = 60_000_000;
        for at in [hour, hour + minute - 1, hour + minute, hour + 11 * minute] {
            figures.count_job((Some("a"), "q"), Count::Submitted, at);
        }
        let rows = figures.take();
        let all: Vec<_> = rows
            .iter()
            .map(|row| (row.step, (row.at - hour) / minute, row.total))
            .collect();
        let expected = [
            (60, 0, 2),
            (60, 1, 1),
            (60, 11, 1),
            (600, 0, 3),
            (600, 10, 1),
            (3600, 0, 4),
        ];
        assert_eq!(all, expected);
        assert!(rows.iter().all(|row| row.task == "a" && row.queue == "q"));
        assert_eq!(figures.take(), []);
    }

    #[test]
    fn a_process_tells_only_so_many_tasks_apart_and_keeps_only_so_much() {
        let figures = Figures::default();
        for n in 0..MAX_SERIES + 100 {
            figures.count_job((Some(&format!("task{n}")), "q"), Count::Completed, 0);
        }
        let rows = figures.take();
        assert_eq!(rows.len(), (MAX_SERIES + 1) * LEVELS.len());
        let other = rows.iter().find(|row| row.task.is_empty()).unwrap();
        assert_eq!((other.queue.as_str(), other.total), ("", 100));
        let series = figures.series(Some("task1"), "q");
        for minute in 0..MAX_CELLS as i64 + 1000 {
            let at = minute * MINUTE.micros();
            let failed = Measure::count(Count::Failed);
            figures.lock().add(at, series, failed, 1);
        }
        assert_eq!(figures.lock().cells.len(), MAX_CELLS);
    }
}
