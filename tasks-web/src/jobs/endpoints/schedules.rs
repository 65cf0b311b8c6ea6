//! The endpoints of schedules.

use serde_json::json;
use tasks_runtime::jobs::{JobRecord, ScheduleRecord};

use super::{NAME, NAME_IF_NEW, PROBLEMS, STOPPING, UNKNOWN_SCHEDULE};
use crate::endpoint::{Body, Endpoint, Endpoints, Response};
use crate::jobs::schedules;
use crate::jobs::schedules::ScheduleIn;
use crate::openapi::STORAGE_FULL;

/// The endpoints of schedules, below a prefix.
pub(in crate::jobs) fn schedules(prefix: &str) -> Endpoints {
    let list = vec![
        Endpoint::get("", "list_schedules", schedules::list)
            .summary("All schedules, by name")
            .responds(Response::json::<Vec<ScheduleRecord>>(200)),
        Endpoint::get("/{name}", "get_schedule", schedules::get)
            .summary("One schedule")
            .description("`next_runs` has its next five times, and `recurrence` says in words when it runs.")
            .parameters(NAME)
            .responds(Response::json::<ScheduleRecord>(200))
            .problems(&[UNKNOWN_SCHEDULE]),
        Endpoint::put("/{name}", "put_schedule", schedules::put)
            .summary("Make a schedule, or change the one of this name")
            .description(
                "`task_name` and `params` say what it runs, and exactly one of `cron` (with `timezone`), `interval` and `run_at` says \
                 when. `interval` and `timeout` are seconds, or a text like `2s`, `5m`, `1h30m`. What `GET` answers may be sent back, with \
                 the values of secret parameters, which it does not show: of what is read-only, another `created_at` is refused, and what time \
                 changes is ignored.",
            )
            .parameters(NAME_IF_NEW)
            .body(Body::json::<ScheduleIn>().example(
                || json!({"task_name": "report", "cron": "30 2 * * *", "timezone": "Europe/Berlin"}),
            ))
            .responds(Response::json::<ScheduleRecord>(200))
            .responds(Response::json::<ScheduleRecord>(201))
            .problems(&[
                (400, "The body is not JSON."),
                (404, "No such task."),
                (408, "The body took too long to arrive."),
                (412, "There is one of this name, and `If-None-Match` is `*`; or there is `If-Match`, and schedules have no entity tags."),
                (413, "The body is too large."),
                (415, "The body does not say it is JSON."),
                (422, "Something does not fit: `errors` says what."),
            ]),
        Endpoint::delete("/{name}", "delete_schedule", schedules::delete)
            .summary("Delete a schedule")
            .parameters(NAME)
            .responds(Response::empty(204, "It is gone; its jobs stay."))
            .problems(&[UNKNOWN_SCHEDULE]),
        Endpoint::post("/{name}/$pause", "pause_schedule", schedules::pause)
            .summary("Pause a schedule")
            .description("Its times pass without a run.")
            .parameters(NAME)
            .responds(Response::json::<ScheduleRecord>(200))
            .problems(&[UNKNOWN_SCHEDULE]),
        Endpoint::post("/{name}/$resume", "resume_schedule", schedules::resume)
            .summary("Resume a schedule")
            .parameters(NAME)
            .responds(Response::json::<ScheduleRecord>(200))
            .problems(&[UNKNOWN_SCHEDULE]),
        Endpoint::post("/{name}/$run", "run_schedule", schedules::run)
            .summary("Run a schedule now, beside its times")
            .parameters(NAME)
            .responds(Response::json::<JobRecord>(202).location("Where the job is."))
            .problems(&[STOPPING, UNKNOWN_SCHEDULE, STORAGE_FULL]),
    ];
    Endpoints::new("jobs", prefix, PROBLEMS, list)
}
