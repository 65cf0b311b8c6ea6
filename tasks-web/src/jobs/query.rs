//! The queries of lists.

use tasks_runtime::ArgumentError;
use tasks_runtime::artifacts::Ulid;
use tasks_runtime::jobs::{JobFilter, JobStatus};

use crate::http::ulid;
use crate::problem::Problem;

/// How many jobs, or lines, one answer lists.
pub(super) const MOST: u32 = 100;
/// The last page: more than anybody has, and less than what overflows.
pub(super) const LAST_PAGE: u64 = 1_000_000_000;

/// What is wanted of the list of jobs.
pub(super) struct Wanted {
    pub(super) filter: JobFilter,
    pub(super) task: Option<String>,
    pub(super) part: Part,
}

/// Which part of it.
pub(super) enum Part {
    Before(Option<Ulid>),
    Page { page: u64, size: u64 },
}

fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    actix_web::web::Query::<Vec<(String, String)>>::from_query(query)
        .map(actix_web::web::Query::into_inner)
        .map_err(|error| Problem::bad_query(format!("the query cannot be read: {error}")))
}

fn number(text: &str, least: u64, most: u64) -> Option<u64> {
    let number = text.parse::<u64>().ok();
    number.filter(|number| (least..=most).contains(number))
}

pub(super) fn wanted(query: &str) -> Result<Wanted, Problem> {
    let (mut page, mut size, mut before, mut task) = (None, None, None, None);
    let mut filter = JobFilter::new();
    let mut errors = Vec::new();
    for (key, value) in pairs(query)? {
        let mut wrong = |detail: String| {
            errors.push(ArgumentError {
                pointer: format!("?{key}"),
                detail,
            });
        };
        match key.as_str() {
            "status_filter" => {
                match JobStatus::ALL
                    .iter()
                    .find(|status| status.as_str() == value)
                {
                    Some(status) => filter = filter.status(*status),
                    None => wrong(format!(
                        "expected one of {}",
                        JobStatus::ALL.map(JobStatus::as_str).join(", ")
                    )),
                }
            }
            "task" => task = Some(value),
            "page" => match number(&value, 1, LAST_PAGE) {
                Some(number) => page = Some(number),
                None => wrong(format!("expected a number from 1 to {LAST_PAGE}")),
            },
            "size" => match number(&value, 1, u64::from(MOST)) {
                Some(number) => size = Some(number),
                None => wrong(format!("expected a number from 1 to {MOST}")),
            },
            "before" => match ulid(&value) {
                Some(id) => before = Some(id),
                None => wrong("expected the id of a job".to_owned()),
            },
            _ => {}
        }
    }
    if !errors.is_empty() {
        return Err(Problem::invalid_query(errors));
    }
    let part = match (page, size) {
        (None, None) => Part::Before(before),
        (page, size) => Part::Page {
            page: page.unwrap_or(1),
            size: size.unwrap_or_else(|| u64::from(MOST)),
        },
    };
    Ok(Wanted { filter, task, part })
}

/// After which line the log is wanted.
pub(super) fn after(query: &str) -> Result<u32, Problem> {
    let mut after = 0;
    for (key, value) in pairs(query)? {
        if key == "after" {
            after = value.parse().map_err(|_| {
                Problem::invalid_query(vec![ArgumentError {
                    pointer: "?after".to_owned(),
                    detail: "expected the number of a line".to_owned(),
                }])
            })?;
        }
    }
    Ok(after)
}
