//! The queries of lists.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tasks_runtime::ArgumentError;
use tasks_runtime::jobs::JobId;
use tasks_runtime::jobs::{JobFilter, JobStatus};

use crate::http::ULID;
use crate::http::paging::{self, Page};
use crate::http::query::{QueryParameter, pairs, search_schema, searched, unread};
use crate::problem::Problem;

/// The query of the list.
pub(super) const LIST: &[QueryParameter] = &[
    paging::PAGE,
    paging::SIZE,
    QueryParameter::new(
        "status_filter",
        "Keeps the jobs that are like this.",
        || json!({"type": "string", "enum": JobStatus::ALL.map(JobStatus::as_str)}),
    ),
    QueryParameter::new(
        "task",
        "Keeps the jobs of a task.",
        || json!({"type": "string"}),
    ),
    QueryParameter::new(
        "schedule",
        "Keeps the runs of a schedule, by its name.",
        || json!({"type": "string"}),
    ),
    QueryParameter::new(
        "queue",
        "Keeps the jobs of a queue.",
        || json!({"type": "string"}),
    ),
    QueryParameter::new(
        "error_type",
        "Keeps the jobs whose latest failed attempt has an error of this type.",
        || json!({"type": "string"}),
    ),
    QueryParameter::new(
        "error_code",
        "Keeps the jobs whose latest failed attempt has an error with this code; if it is empty, those that have failed with an error that has none.",
        || json!({"type": "string"}),
    ),
    QueryParameter::new(
        "error_location",
        "Keeps the jobs whose latest failed attempt has an error that began here, as `$failures` says it; if it is empty, those where that is not known.",
        || json!({"type": "string"}),
    ),
    QueryParameter::new(
        "tag",
        "Keeps the jobs of tasks with this tag.",
        || json!({"type": "string"}),
    ),
    QueryParameter::new(
        "submitted_after",
        "A time (RFC 3339): keeps the jobs that were submitted then or later.",
        time_schema,
    ),
    QueryParameter::new(
        "submitted_before",
        "A time (RFC 3339): keeps the jobs that were submitted earlier.",
        time_schema,
    ),
    QueryParameter::new(
        "search",
        "Keeps the jobs with this text in the message of their error or in their parameters, of the newest 100,000. Parameters of tasks with secret \
         ones are not searched, nor are those of more than 8 KiB.",
        search_schema,
    ),
    QueryParameter::new(
        "before",
        "The id of a job: older ones are wanted. It is refused beside `page` and `size`.",
        || json!({"type": "string", "pattern": ULID}),
    ),
];

/// The query of a page of the list as it changes: it has no `before`, which is the last of these.
pub(super) const LIST_STREAM: &[QueryParameter] = match LIST.split_last() {
    Some((_, rest)) => rest,
    None => &[],
};

/// The query of a log.
pub(super) const LOGS: &[QueryParameter] = &[QueryParameter::new(
    "after",
    "The number of a line: those after it are wanted.",
    || json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
)];

/// What is wanted of the list of jobs.
pub(super) struct JobListQuery {
    pub(super) filter: JobFilter,
    pub(super) task: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) part: JobPaging,
}

/// Which part of it.
pub(super) enum JobPaging {
    Before(Option<JobId>),
    Page(Page),
}

pub(super) fn parse_list(query: &str) -> Result<JobListQuery, Problem> {
    let (mut before, mut task, mut tag) = (None, None, None);
    let mut filter = JobFilter::new();
    let page = paging::read(query, "before", |key, value| {
        match key {
            "status_filter" => filter = std::mem::take(&mut filter).status(status(value)?),
            "task" => task = Some(value.to_owned()),
            "schedule" => filter = std::mem::take(&mut filter).schedule(value),
            "queue" => filter = std::mem::take(&mut filter).queue(value),
            "error_type" => filter = std::mem::take(&mut filter).error_type(value),
            "error_code" => filter = std::mem::take(&mut filter).error_code(value),
            "error_location" => filter = std::mem::take(&mut filter).error_location(value),
            "tag" => tag = Some(value.to_owned()),
            "submitted_after" => filter = std::mem::take(&mut filter).submitted_after(time(value)?),
            "submitted_before" => {
                filter = std::mem::take(&mut filter).submitted_before(time(value)?);
            }
            "search" => filter = std::mem::take(&mut filter).search(searched(value)?),
            "before" => {
                let id = value
                    .parse()
                    .map_err(|_| "expected the id of a job".to_owned())?;
                before = Some(id);
            }
            other => return Err(unread(other)),
        }
        Ok(())
    })?;
    Ok(JobListQuery {
        filter,
        task,
        tag,
        part: page.map_or(JobPaging::Before(before), JobPaging::Page),
    })
}

/// The schema of a time in a query.
pub(super) fn time_schema() -> Value {
    json!({"type": "string", "format": "date-time"})
}

/// Reads a time.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc));
    time.map_err(|_| {
        "expected a time like 2026-03-31T09:30:00Z; the `+` of an offset is written `%2B`"
            .to_owned()
    })
}

fn status(text: &str) -> Result<JobStatus, String> {
    let mut all = JobStatus::ALL.into_iter();
    all.find(|status| status.as_str() == text).ok_or_else(|| {
        let names = JobStatus::ALL.map(JobStatus::as_str).join(", ");
        format!("expected one of {names}")
    })
}

/// After which line the log is wanted.
pub(super) fn after(query: &str) -> Result<u32, Problem> {
    let mut after = 0;
    for (key, value) in pairs(query)? {
        if key == "after" {
            let is_digits = value.bytes().all(|byte| byte.is_ascii_digit());
            after = value.parse().ok().filter(|_| is_digits).ok_or_else(|| {
                Problem::invalid_query(vec![ArgumentError::new(
                    "?after".to_owned(),
                    "expected the number of a line".to_owned(),
                )])
            })?;
        }
    }
    Ok(after)
}
