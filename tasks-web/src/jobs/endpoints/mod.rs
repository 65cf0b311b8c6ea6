//! The endpoints of jobs, schedules and graphs.

mod graphs;
mod jobs;
mod schedules;

pub(super) use graphs::graphs;
pub(super) use jobs::jobs;
pub(super) use schedules::schedules;

use crate::endpoint::Parameter;
use crate::http::{ENTITY_TAGS, ULID};
use crate::openapi::{ANOTHER_METHOD, DATABASE_FAILED, StatusText};

/// What each of them may answer.
pub(super) const PROBLEMS: &[StatusText] = &[ANOTHER_METHOD, DATABASE_FAILED, UNAVAILABLE];

pub(in crate::jobs) const UNAVAILABLE: StatusText = (503, "The database is not available.");
pub(super) const UNKNOWN_JOB: StatusText = (404, "No such job.");
pub(super) const WRONG_STATE: StatusText = (
    409,
    "The job is not in a state for that: `job_status` says how it is.",
);
pub(in crate::jobs) const STOPPING: StatusText = (
    409,
    "The job that this would be the same as was canceled, and has not ended yet: nothing was stored, submit again when it has ended.",
);
pub(super) const TOO_MANY: StatusText = (429, "Too many streams are open.");
pub(super) const QUERY: StatusText = (422, "The query does not fit: `errors` says where.");
pub(super) const UNKNOWN_OPERATION: StatusText = (404, "No such operation.");
pub(super) const UNKNOWN_WORKER: StatusText = (404, "No such worker.");
pub(super) const UNKNOWN_TASK: StatusText = (404, "No such task.");
pub(super) const UNKNOWN_QUEUE: StatusText = (
    404,
    "No such queue: no worker serves it, and no job waits in it.",
);
pub(super) const UNKNOWN_SCHEDULE: StatusText = (404, "No such schedule.");

pub(super) const BULK_PROBLEMS: &[StatusText] = &[
    (400, "The body is not JSON."),
    (408, "The body took too long to arrive."),
    (413, "The body is too large."),
    (415, "The body does not say it is JSON."),
    (422, "Something does not fit: `errors` says what."),
];

pub(super) const ID: &[Parameter] = &[Parameter::path("id", ULID)];
pub(super) const THE_NAME: Parameter = Parameter::path("name", "^[A-Za-z0-9_-]{1,64}$");
pub(super) const ID_AND_EVENT: &[Parameter] = &[
    Parameter::path("id", ULID),
    // What every client can write. The service takes other letters as well.
    Parameter::path("event", r#"^[!-"$-.0-~]{1,200}$"#),
];
pub(super) const ID_AND_NAME: &[Parameter] = &[Parameter::path("id", ULID), THE_NAME];
pub(super) const NAME: &[Parameter] = &[THE_NAME];
pub(super) const NAME_IF_NEW: &[Parameter] = &[
    THE_NAME,
    Parameter::header("If-None-Match", "`*`: only if there is none of this name.")
        .matching(ENTITY_TAGS),
];

#[cfg(test)]
mod tests {
    #[test]
    fn the_documentation_has_these_endpoints() {
        super::jobs("{prefix}").check_file("src/jobs/jobs.md");
        super::schedules("{prefix}").check_file("src/jobs/schedules.md");
        super::graphs("{prefix}").check_file("src/jobs/graphs.md");
    }
}
