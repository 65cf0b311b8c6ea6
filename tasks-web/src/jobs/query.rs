//! The queries of lists.

use tasks_runtime::ArgumentError;
use tasks_runtime::jobs::JobId;
use tasks_runtime::jobs::{JobFilter, JobStatus};

use crate::http::paging::{self, Page, pairs};
use crate::problem::Problem;

/// What is wanted of the list of jobs.
pub(super) struct Wanted {
    pub(super) filter: JobFilter,
    pub(super) task: Option<String>,
    pub(super) part: Part,
}

/// Which part of it.
pub(super) enum Part {
    Before(Option<JobId>),
    Page(Page),
}

pub(super) fn wanted(query: &str) -> Result<Wanted, Problem> {
    let (mut before, mut task) = (None, None);
    let mut filter = JobFilter::new();
    let page = paging::read(query, |key, value| {
        match key {
            "status_filter" => filter = std::mem::take(&mut filter).status(status(value)?),
            "task" => task = Some(value.to_owned()),
            "schedule" => filter = std::mem::take(&mut filter).schedule(value),
            "before" => {
                let id = value
                    .parse()
                    .map_err(|_| "expected the id of a job".to_owned())?;
                before = Some(id);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(Wanted {
        filter,
        task,
        part: page.map_or(Part::Before(before), Part::Page),
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
