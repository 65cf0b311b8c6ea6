//! Schedules whose next times were planned while a clock was ahead.

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use super::row::{ScheduleRow, tasks_schedules};
use crate::database::Session;
use crate::jobs::error::JobError;
use crate::with_conn;

/// How many schedules are looked at at once.
const PAGE: i64 = 200;

/// Plans schedules again whose next times are later than their recurrences can give from now on, and says so. Those that are paused are looked
/// at when they go on. Returns whether there were any.
pub(in crate::jobs) async fn replan(session: &Session, now: i64) -> Result<bool, JobError> {
    let (mut after, mut any) = (String::new(), false);
    loop {
        let page: Result<Vec<ScheduleRow>, JobError> = session
            .read(async |conn| {
                Ok(with_conn!(conn, |conn| {
                    tasks_schedules::table
                        .filter(diesel::dsl::sql::<Bool>("paused = 0"))
                        .filter(tasks_schedules::name.gt(&after))
                        .filter(tasks_schedules::next_run_at.gt(now))
                        .order(tasks_schedules::name)
                        .limit(PAGE)
                        .select(ScheduleRow::as_select())
                        .load(conn)
                        .await
                })?)
            })
            .await;
        let page = page?;
        let Some(last) = page.last() else {
            return Ok(any);
        };
        after.clone_from(&last.name);
        for row in page {
            let planned = row.next_run_at;
            let earlier = row
                .recurrence()
                .and_then(|recurrence| recurrence.earlier(now, planned));
            let Some(earlier) = earlier else {
                continue;
            };
            let changed: Result<usize, JobError> = session
                .transaction(async |tx| {
                    Ok(with_conn!(tx, |conn| {
                        diesel::update(
                            tasks_schedules::table
                                .find(&row.name)
                                .filter(tasks_schedules::next_run_at.eq(planned)),
                        )
                        .set(tasks_schedules::next_run_at.eq(earlier))
                        .execute(conn)
                        .await
                    })?)
                })
                .await;
            if changed? == 1 {
                any = true;
                tracing::warn!(
                    schedule = row.name,
                    planned = planned.map(shown),
                    next_run = shown(earlier),
                    "the next run of a schedule was planned while a clock was ahead: it is planned again"
                );
            }
        }
        tokio::task::yield_now().await;
    }
}

fn shown(at: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp_micros(at).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
