//! Which jobs the key of a request reaches: those of the tasks that it reaches.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use tasks_runtime::jobs::JobId;
use tasks_runtime::jobs::{JobError, JobFilter, JobRecord, PendingCode, Scheduler};

use crate::access::Access;
use crate::problem::Problem;

fn reaches(access: &Access, scheduler: &Scheduler, job: &JobRecord) -> bool {
    let task = job.task_name.as_deref();
    task.is_some_and(|task| scheduler.with_task(task, |task| access.allows(task)))
}

/// The job of the path, if the key reaches it.
pub(super) async fn find(
    request: &HttpRequest,
    scheduler: &Scheduler,
) -> Result<JobRecord, Problem> {
    let text = request.match_info().get("id").unwrap_or_default();
    let unknown = || {
        let shown: String = text.chars().take(100).collect();
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-job",
            format!("there is no job `{shown}`"),
        )
    };
    // What cannot be an id is not that of a job.
    let id: JobId = text.parse().map_err(|_| unknown())?;
    let mut job = scheduler.get(id).await?.ok_or_else(unknown)?;
    match Access::limits(request) {
        Some(access) if !reaches(&access, scheduler, &job) => Err(Problem::forbidden(format!(
            "the key `{}` does not reach the task of this job: it is limited to tasks with other tags",
            access.key_name()
        ))),
        Some(_) => {
            leave_out_others(&mut job);
            Ok(job)
        }
        None => Ok(job),
    }
}

/// Keeps from a key that is limited what a reason says of others: who has paused a queue or a task and why, and how many jobs wait in it.
pub(crate) fn leave_out_others(job: &mut JobRecord) {
    let words = match job.pending_code {
        Some(PendingCode::QueuePaused) => "its queue is paused",
        Some(PendingCode::TaskPaused) => "its task is paused",
        Some(PendingCode::WorkersBusy) => "the workers are busy with other jobs",
        _ => return,
    };
    job.pending_reason = Some(words.to_owned());
}

/// Keeps the jobs that the key reaches.
pub(super) fn limit(
    request: &HttpRequest,
    scheduler: &Scheduler,
    filter: JobFilter,
    task: Option<String>,
    tag: Option<&str>,
) -> JobFilter {
    match tasks(request, scheduler, task, tag) {
        Some(names) => filter.tasks(names),
        None => filter,
    }
}

/// The names of the tasks whose jobs are wanted and that the key reaches; `None` for all, and for closures.
pub(super) fn tasks(
    request: &HttpRequest,
    scheduler: &Scheduler,
    task: Option<String>,
    tag: Option<&str>,
) -> Option<Vec<String>> {
    let access = Access::limits(request);
    if access.is_none() && tag.is_none() {
        return task.map(|task| vec![task]);
    }
    let mut names = scheduler.task_names(|task| {
        let has_tag = |tag: &str| task.tags().iter().any(|own| own == tag);
        tag.is_none_or(has_tag) && access.as_ref().is_none_or(|access| access.allows(task))
    });
    if let Some(task) = task {
        names.retain(|name| *name == task);
    }
    Some(names)
}

/// A job that somebody else deleted in the meantime.
pub(super) fn gone(id: JobId) -> Problem {
    JobError::JobNotFound(id).into()
}
