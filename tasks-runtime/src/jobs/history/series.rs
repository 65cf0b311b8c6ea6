//! A series of steps, made of sums.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::buckets::Histogram;
use super::levels::{Level, STEPS};
use super::measure::{Count, Known, Measure};
use super::query::JobHistoryQuery;
use super::record::{JobHistory, JobHistoryPoint, JobLatency};
use super::store::{Wanted, sums};
use crate::database::Connection;
use crate::jobs::error::JobError;

/// How many points a series has at most, if its step is not said.
const USUAL_POINTS: i64 = 200;
/// How many points it has at most.
const MAX_POINTS: i64 = 1000;
/// The span that is wanted if none is said, in microseconds.
const USUAL_SPAN: i64 = 3600 * 1_000_000;
/// The earliest and the latest time that is looked at: what is beyond has nothing. The years 1970 and 2500.
const TIMES: (i64, i64) = (0, 16_725_225_600_000_000);

/// What a series is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// In microseconds since 1970, each the beginning of a step.
    from: i64,
    to: i64,
    /// In seconds.
    step: u32,
}

fn micros(step: u32) -> i64 {
    i64::from(step) * 1_000_000
}

impl Span {
    /// The span of a query, or what is wrong with it.
    fn of(
        query: &JobHistoryQuery,
        retention: Option<Duration>,
        now: i64,
    ) -> Result<Self, JobError> {
        let time = |at: DateTime<Utc>| at.timestamp_micros().clamp(TIMES.0, TIMES.1);
        // Nothing is known of what is to come.
        let to = query.to.map_or(now, time).min(now).max(TIMES.0);
        let from = query
            .from
            .map_or_else(|| to.saturating_sub(USUAL_SPAN), time)
            .max(TIMES.0);
        if from >= to {
            return Err(JobError::option(
                "/from",
                "is not before the end of the span",
            ));
        }
        let points = |step: u32| (to - from) / micros(step);
        let step = match query.step {
            Some(wanted) => {
                let mut steps = STEPS.into_iter();
                let is_it = |step: &u32| Duration::from_secs(u64::from(*step)) == wanted;
                let step = steps.find(is_it).ok_or_else(|| {
                    let reason = "is none of a minute, ten minutes, an hour and a day";
                    JobError::option("/step", reason)
                })?;
                if points(step) > MAX_POINTS {
                    let reason = format!("makes more than {MAX_POINTS} points of the span");
                    return Err(JobError::option("/step", reason));
                }
                step
            }
            None => {
                let is_kept = |step: u32| Level::of(step).kept_since(retention, now) <= from;
                let fits = |step: &u32| points(*step) <= USUAL_POINTS && is_kept(*step);
                let [.., longest] = STEPS;
                STEPS.into_iter().find(fits).unwrap_or(longest)
            }
        };
        let width = micros(step);
        let kept = Level::of(step).kept_since(retention, now);
        let end = (to - 1).div_euclid(width) * width + width;
        // The latest ones of a span that is longer than what is kept.
        let first = from.max(kept).max(end.saturating_sub(width * MAX_POINTS));
        Ok(Self {
            from: (first.div_euclid(width) * width).min(end),
            to: end,
            step,
        })
    }
}

/// Reads a series.
pub(in crate::jobs) async fn read(
    conn: &mut Connection,
    query: &JobHistoryQuery,
    retention: Option<Duration>,
    now: i64,
) -> Result<JobHistory, JobError> {
    let span = Span::of(query, retention, now)?;
    let width = micros(span.step);
    let wanted = Wanted {
        level: Level::of(span.step),
        step: width,
        from: span.from,
        to: span.to,
        tasks: query.tasks.as_deref(),
        queue: query.queue.as_deref(),
    };
    let mut points: BTreeMap<i64, Point> = BTreeMap::new();
    let mut total = Point::default();
    for sum in sums(conn, &wanted).await? {
        // One of a later version.
        let Some(known) = Measure::known(sum.measure) else {
            continue;
        };
        let count = sum.total.max(0).unsigned_abs();
        points.entry(sum.slot).or_default().add(known, count);
        total.add(known, count);
    }
    let slots = span.from.div_euclid(width)..span.to.div_euclid(width);
    let empty = Point::default();
    Ok(JobHistory {
        from: time(span.from),
        to: time(span.to),
        step: span.step,
        points: slots
            .map(|slot| points.get(&slot).unwrap_or(&empty).record(slot * width))
            .collect(),
        total: total.record(span.from),
    })
}

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// What was counted in a step.
#[derive(Debug, Default)]
struct Point {
    counts: [u64; 6],
    wait: Histogram,
    run: Histogram,
}

impl Point {
    fn add(&mut self, known: Known, count: u64) {
        match known {
            Known::Count(which) => {
                let sum = &mut self.counts[which as usize];
                *sum = sum.saturating_add(count);
            }
            Known::Wait(bucket) => self.wait.add(bucket, count),
            Known::Run(bucket) => self.run.add(bucket, count),
        }
    }

    fn record(&self, at: i64) -> JobHistoryPoint {
        let count = |which: Count| self.counts[which as usize];
        JobHistoryPoint {
            at: time(at),
            submitted: count(Count::Submitted),
            completed: count(Count::Completed),
            failed: count(Count::Failed),
            canceled: count(Count::Canceled),
            retried: count(Count::Retried),
            crashed: count(Count::Crashed),
            wait: latency(&self.wait),
            run: latency(&self.run),
        }
    }
}

fn latency(histogram: &Histogram) -> JobLatency {
    JobLatency {
        count: histogram.count(),
        p50: histogram.quantile(0.5),
        p95: histogram.quantile(0.95),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;
    const DAY: i64 = 24 * 60 * MINUTE;
    /// Half past the tenth minute of a day.
    const NOW: i64 = 20_000 * DAY + 10 * MINUTE + 30_000_000;

    fn span(query: &JobHistoryQuery) -> Result<(i64, i64, u32), String> {
        let month = Some(Duration::from_secs(30 * 86_400));
        Span::of(query, month, NOW)
            .map(|span| (span.from, span.to, span.step))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_span_has_whole_steps_and_not_too_many() {
        let all = JobHistoryQuery::new();
        let end = 20_000 * DAY + 11 * MINUTE;
        assert_eq!(span(&all), Ok((end - 61 * MINUTE, end, 60)));
        let since = |days: i64| all.clone().from(time(NOW - days * DAY));
        assert_eq!(span(&since(1)).unwrap().2, 600);
        assert_eq!(span(&since(7)).unwrap().2, 3600);
        // Older figures are not kept.
        let (from, to, step) = span(&since(400)).unwrap();
        assert_eq!(((to - from) / DAY, step), (31, 86_400));
        let minutes = since(7).step(Duration::from_secs(60));
        assert!(span(&minutes).unwrap_err().contains("1000 points"));
        let odd = all.clone().step(Duration::from_secs(61));
        assert!(span(&odd).unwrap_err().starts_with("/step"));
        let none = all.clone().from(time(NOW));
        assert!(span(&none).unwrap_err().starts_with("/from"));
        // Nothing is kept of that time.
        let old = all.from(time(DAY)).to(time(DAY + MINUTE));
        let (from, to, _) = span(&old).unwrap();
        assert_eq!(from, to);
    }

    #[test]
    fn every_count_has_a_place() {
        let mut point = Point::default();
        for (number, count) in [
            Count::Submitted,
            Count::Completed,
            Count::Failed,
            Count::Canceled,
            Count::Retried,
            Count::Crashed,
        ]
        .into_iter()
        .enumerate()
        {
            point.add(Known::Count(count), number as u64 + 1);
        }
        let record = point.record(0);
        let read = [
            record.submitted,
            record.completed,
            record.failed,
            record.canceled,
            record.retried,
            record.crashed,
        ];
        assert_eq!(read, [1, 2, 3, 4, 5, 6]);
    }
}
