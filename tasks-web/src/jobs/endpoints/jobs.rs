//! The endpoints of jobs.

use serde_json::{Value, json};
use tasks_runtime::jobs::{
    JobAttempt, JobCount, JobFailures, JobHistory, JobLineage, JobLog, JobOperation, JobRecord,
    JobStats, JobStep, QueueRecord, TaskPause, WorkerRecord,
};

use super::{
    BULK_PROBLEMS, ID, ID_AND_EVENT, NAME, PROBLEMS, QUERY, TOO_MANY, UNKNOWN_JOB,
    UNKNOWN_OPERATION, UNKNOWN_QUEUE, UNKNOWN_TASK, UNKNOWN_WORKER, WRONG_STATE,
};
use crate::endpoint::{Body, Endpoint, Endpoints, Response};
use crate::http::paging::{self, MAX_PAGE_SIZE};
use crate::http::sse;
use crate::jobs::operations::BulkIn;
use crate::jobs::pause::PauseIn;
use crate::jobs::steps::ForkIn;
use crate::jobs::{
    events, handlers, list_stream, operations, past, paused_tasks, query, queues, steps, stream,
};
use crate::openapi::{STORAGE_FULL, StatusText, Writer};

/// What may be wrong with a pause.
const PAUSE_PROBLEMS: &[StatusText] = &[
    (400, "The body is not JSON."),
    (
        403,
        "A page of another site sent it without a body of JSON.",
    ),
    (408, "The body took too long to arrive."),
    (413, "The body is too large."),
    (415, "The body does not say it is JSON."),
    (422, "Something does not fit: `errors` says what."),
];

/// The endpoints of jobs, below a prefix.
pub(in crate::jobs) fn jobs(prefix: &str) -> Endpoints {
    let list = vec![
        Endpoint::get("", "list_jobs", handlers::list)
            .summary("All jobs, newest first")
            .description(paging::DESCRIPTION)
            .query(query::LIST)
            .responds(Response::json_like(200, |writer| {
                paging::list_of(&writer.output::<JobRecord>())
            }))
            .problems(&[QUERY]),
        Endpoint::get("/$schema", "get_job_schema", handlers::schema)
            .summary("The JSON Schema of a job")
            .responds(Response::json_like(200, |_| json!({"type": "object"})))
            .conditional(),
        Endpoint::get("/$stats", "get_job_stats", handlers::stats)
            .summary("How many jobs there are")
            .responds(Response::json::<JobStats>(200)),
        Endpoint::get("/$stream", "stream_jobs", list_stream::stream)
            .summary("A page of the list of jobs as it changes, as server-sent events")
            .description(
                "It takes the query of the list but for `before`. The first events say how it is now; after that there is one when something on the page has changed, \
                 at most every 200 ms. However many clients look at the same page, the database is asked once, and the busier it is, the less often. \
                 A client that reconnects with `Last-Event-ID` hears of what it does not know yet.",
            )
            .query(query::LIST_STREAM)
            .responds(
                Response::text(200, "text/event-stream")
                    .description(
                        "An event without a name, whose data is the page, and an event `stats`, whose data is what `$stats` answers, unless the \
                         key is limited to tags.",
                    ),
            )
            .problems(&[QUERY, TOO_MANY]),
        Endpoint::get("/$history", "get_job_history", past::history)
            .summary("What jobs came to over time, step by step")
            .description(
                "How many were submitted, completed, failed and were canceled, and how long attempts waited and ran, by the processes that share the \
                 database. Minutes are kept for 2 days, ten minutes for 14, hours and days for 30. The latest 10 seconds may be missing.",
            )
            .query(past::HISTORY)
            .responds(Response::json::<JobHistory>(200))
            .problems(&[QUERY]),
        Endpoint::get("/$failures", "get_job_failures", past::failures)
            .summary("What failed, in groups")
            .description(
                "Attempts that failed or whose process died, whether others followed or not, by task and by the type, code and location of the error. \
                 Those of jobs that are kept, at most the latest 10,000.",
            )
            .query(past::FAILURES)
            .responds(Response::json::<JobFailures>(200))
            .problems(&[QUERY]),
        Endpoint::get("/$workers", "list_workers", handlers::workers)
            .summary("The processes that run jobs")
            .description(
                "One that ended without a word is among them until its lease is over.",
            )
            .responds(Response::json::<Vec<WorkerRecord>>(200)),
        Endpoint::post(
            "/$workers/{id}/$expire",
            "expire_worker",
            handlers::expire_worker,
        )
        .summary("Take a worker for dead at once")
        .description(
            "Its jobs are ready again, which counts as a crash of each. If it lives, it stops them when it sees that, and goes on as a new worker.",
        )
        .parameters(ID)
        .responds(Response::empty(
            204,
            "The next worker that looks takes its jobs, within seconds.",
        ))
        .problems(&[UNKNOWN_WORKER]),
        Endpoint::get("/$queues", "list_queues", queues::list)
            .summary("The queues, by name")
            .description(
                "Each queue that a worker serves, that has a job which has not ended, or that is paused.",
            )
            .responds(Response::json::<Vec<QueueRecord>>(200)),
        Endpoint::post("/$queues/{name}/$pause", "pause_queue", queues::pause)
            .summary("Pause a queue for all processes")
            .description(
                "Workers begin no job of it any more, about a second later at most; jobs that run go on, and jobs are still submitted. A \
                 queue that is paused already gets the new reason.",
            )
            .parameters(NAME)
            .body(
                Body::json::<PauseIn>()
                    .example(|| json!({"reason": "the mail server is down"}))
                    .optional(),
            )
            .responds(Response::json::<QueueRecord>(200))
            .problems(PAUSE_PROBLEMS)
            .problems(&[UNKNOWN_QUEUE]),
        Endpoint::post("/$queues/{name}/$resume", "resume_queue", queues::resume)
            .summary("Resume a queue; one that is not paused stays as it is")
            .parameters(NAME)
            .responds(Response::json::<QueueRecord>(200))
            .problems(&[UNKNOWN_QUEUE]),
        Endpoint::get("/$tasks/$paused", "list_paused_tasks", paused_tasks::list)
            .summary("The tasks that are paused, by name")
            .responds(Response::json::<Vec<TaskPause>>(200)),
        Endpoint::post(
            "/$tasks/{name}/$pause",
            "pause_task",
            paused_tasks::pause,
        )
        .summary("Pause a task for all processes")
        .description(
            "Workers begin no job of it any more, about a second later at most, and go on with the other jobs of its queue; jobs that run go on, and jobs are \
             still submitted. A task that is paused already gets the new reason. Executions that are no jobs are not affected.",
        )
        .parameters(NAME)
        .body(
            Body::json::<PauseIn>()
                .example(|| json!({"reason": "the mail server is down"}))
                .optional(),
        )
        .responds(Response::json::<TaskPause>(200))
        .problems(PAUSE_PROBLEMS)
        .problems(&[UNKNOWN_TASK]),
        Endpoint::post(
            "/$tasks/{name}/$resume",
            "resume_task",
            paused_tasks::resume,
        )
        .summary("Resume a task; one that is not paused stays as it is")
        .parameters(NAME)
        .responds(Response::json::<TaskPause>(200))
        .problems(&[UNKNOWN_TASK]),
        Endpoint::post("/$bulk", "start_operation", operations::start)
            .summary("Cancel, retry or delete all jobs that fit a filter")
            .description(
                "It is done in the background, 10 seconds later, to jobs that are there now and fit the filter then. Until it is done it can be canceled. \
                 A limited key reaches the jobs of its tasks alone.",
            )
            .body(Body::json::<BulkIn>().example(retry_reports))
            .responds(Response::json::<JobOperation>(202))
            .problems(BULK_PROBLEMS)
            .problems(&[(409, "20 operations are not over yet."), STORAGE_FULL]),
        Endpoint::post("/$bulk/$count", "count_operation", operations::count)
            .summary("How many jobs `$bulk` would change, if it came to it now")
            .description("It takes the body of `$bulk`, changes nothing, and counts up to 10,000.")
            .body(Body::json::<BulkIn>().example(retry_reports))
            .responds(Response::json::<JobCount>(200))
            .problems(BULK_PROBLEMS),
        Endpoint::get("/$operations", "list_operations", operations::list)
            .summary("The latest 100 operations on many jobs, newest first")
            .description("A limited key sees those that were asked for with it.")
            .responds(Response::json::<Vec<JobOperation>>(200)),
        Endpoint::get("/$operations/{id}", "get_operation", operations::get)
            .summary("One operation on many jobs")
            .parameters(ID)
            .responds(Response::json::<JobOperation>(200))
            .problems(&[UNKNOWN_OPERATION]),
        Endpoint::post(
            "/$operations/{id}/$cancel",
            "cancel_operation",
            operations::cancel,
        )
        .summary("Cancel an operation; one that is over stays as it is")
        .parameters(ID)
        .responds(Response::json::<JobOperation>(200))
        .problems(&[UNKNOWN_OPERATION]),
        Endpoint::get("/{id}", "get_job", handlers::get)
            .summary("One job")
            .parameters(ID)
            .responds(Response::json::<JobRecord>(200))
            .problems(&[UNKNOWN_JOB]),
        Endpoint::delete("/{id}", "delete_job", handlers::delete)
            .summary("Delete a job; one that has not ended is canceled first")
            .parameters(ID)
            .responds(Response::empty(
                204,
                "It is deleted, or will be when its code has ended.",
            ))
            .problems(&[UNKNOWN_JOB]),
        Endpoint::get("/{id}/$result", "get_job_result", handlers::result)
            .summary("How a job ended")
            .description(
                "The envelope of `$execute`, when the job completed or failed; of a job in another state it is 409.",
            )
            .parameters(ID)
            .responds(Response::json_like(200, |_| {
                json!({
                    "type": "object",
                    "required": ["task_name", "params", "result", "error"],
                    "description": "As `$execute` answers.",
                })
            }))
            .problems(&[UNKNOWN_JOB, WRONG_STATE]),
        Endpoint::get("/{id}/$logs", "get_job_logs", handlers::logs)
            .summary("The log of a job, oldest line first")
            .parameters(ID)
            .query(query::LOGS)
            .responds(Response::json_like(200, lines))
            .problems(&[UNKNOWN_JOB, QUERY]),
        Endpoint::get("/{id}/$attempts", "get_job_attempts", handlers::attempts)
            .summary("The attempts of a job, oldest first")
            .description(
                "The latest 100 attempts that failed or crashed, and then the current or last attempt, however it ended.",
            )
            .parameters(ID)
            .responds(Response::json::<Vec<JobAttempt>>(200))
            .problems(&[UNKNOWN_JOB]),
        Endpoint::get("/{id}/$steps", "get_job_steps", steps::list)
            .summary("The durable steps of a job, in the order in which they began")
            .description(
                "Steps that are done or failed, and what the job waits for. A step that runs is not among them before it has ended. At most 1,000.",
            )
            .parameters(ID)
            .responds(Response::json::<Vec<JobStep>>(200))
            .problems(&[UNKNOWN_JOB]),
        Endpoint::post("/{id}/$fork", "fork_job", steps::fork)
            .summary("Run a job that has ended again from one of its steps, as a new job")
            .description(
                "The results of the steps that began before that one are kept, and their code does not run. The new job has the parameters and options of the first one, which stays as it is; \
                 `$lineage` of each has the other. A request that is sent twice makes two jobs. The steps have other idempotency keys: where it is not known whether a service outside has done what a step asked for, use `$retry`, which keeps them.",
            )
            .parameters(ID)
            .body(Body::json::<ForkIn>().example(|| json!({"from_step": "ship"})))
            .responds(Response::json::<JobRecord>(202).location("Where the new job is."))
            .problems(&[
                (400, "The body is not JSON."),
                (404, "No such job, or it has no such step."),
                (408, "The body took too long to arrive."),
                (409, "The job has not ended, or its task runs once at a time with the same parameters and another job has them."),
                (413, "The body is too large."),
                (415, "The body does not say it is JSON."),
                (422, "Something does not fit: `errors` says what."),
            ]),
        Endpoint::post("/{id}/$event/{event}", "send_event", events::send)
            .summary("Send an event to a job that waits for it, or will")
            .description(
                "The body is what `wait_for` of the task returns; none is `null`. Events of a name are taken in the order in which they came, each by one wait. \
                 One that nobody waits for yet is kept.",
            )
            .parameters(ID_AND_EVENT)
            .body(
                Body::json_like(|_| json!({}))
                    .example(|| json!({"approved": true}))
                    .optional(),
            )
            .responds(Response::json::<JobRecord>(202))
            .problems(&[
                (400, "The body is not JSON."),
                (403, "A page of another site sent it without a body of JSON."),
                UNKNOWN_JOB,
                (408, "The body took too long to arrive."),
                (409, "The job has ended, or 100 events wait for it."),
                (413, "The body is too large."),
                (415, "The body does not say it is JSON."),
                (422, "Something does not fit: `errors` says what."),
            ]),
        Endpoint::get("/{id}/$lineage", "get_job_lineage", handlers::lineage)
            .summary("Which jobs a job comes from, and which come from it")
            .description(
                "The job whose code submitted it, the one it runs again, and those that it submitted or that run it again. A limited key sees those of its tasks.",
            )
            .parameters(ID)
            .responds(Response::json::<JobLineage>(200))
            .problems(&[UNKNOWN_JOB]),
        Endpoint::get("/{id}/$stream", "stream_job", stream::stream)
            .summary("A job as it changes, as server-sent events")
            .description(
                "The stream ends when the job ends. Its durable steps come as events `step`, each when it has ended or begins to wait, and again after a reconnect. A client that reconnects after the last event (`Last-Event-ID`) gets 204. When the job is deleted, the last event is `deleted`.",
            )
            .parameters(ID)
            .query(sse::QUERY)
            .responds(
                Response::text(200, "text/event-stream")
                    .description(
                        "An event without a name for each change, whose data is the job. An event `step` for each durable step, whose data is as in `$steps`. An event `deleted`, whose data is \
                         `{\"id\": \"…\"}`, when the job is deleted: it is the last one.",
                    ),
            )
            .responds(Response::empty(
                204,
                "The event of `Last-Event-ID` was the last one: do not come back.",
            ))
            .problems(&[UNKNOWN_JOB, QUERY, TOO_MANY]),
        Endpoint::post("/{id}/$cancel", "cancel_job", handlers::cancel)
            .summary("Cancel a job, or ask it to stop")
            .parameters(ID)
            .responds(Response::json::<JobRecord>(200))
            .problems(&[UNKNOWN_JOB]),
        Endpoint::post("/{id}/$retry", "retry_job", handlers::retry)
            .summary("Queue a job again that failed or was canceled")
            .parameters(ID)
            .responds(Response::json::<JobRecord>(202))
            .problems(&[UNKNOWN_JOB, WRONG_STATE]),
    ];
    Endpoints::new("jobs", prefix, PROBLEMS, list)
}

fn retry_reports() -> Value {
    json!({"action": "retry", "filter": {"status": "failed", "task": "report"}})
}

fn lines(writer: &mut Writer<'_>) -> Value {
    json!({"type": "array", "items": writer.output::<JobLog>(), "maxItems": MAX_PAGE_SIZE})
}
