//! `POST {tasks}/{name}/$submit`.

use actix_web::{HttpMessage as _, HttpRequest};
use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tasks_runtime::ArgumentError;
use tasks_runtime::jobs::{JobId, Scheduler, Submitted};

use super::idempotency;
use crate::access::Access;
use crate::http::duration::Seconds;
use crate::http::members;
use crate::problem::Problem;

/// What may stand beside `params`. A misspelt option would run a job that was meant for later.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "JobOptions")]
pub(super) struct BodyOptions {
    /// Read by the task.
    #[serde(default, rename = "params")]
    #[schemars(skip)]
    _params: Option<IgnoredAny>,
    /// What it is about.
    #[serde(default)]
    #[schemars(length(max = 4096), extend("pattern" = members::STORABLE))]
    description: Option<String>,
    /// How much later it is to run, in place of `scheduled_at`: seconds, or a text like `2s`, `5m`, `1h30m`.
    #[serde(default)]
    #[schemars(schema_with = "delay")]
    delay: Option<Delay>,
    /// When it is to run, in place of `delay`.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    scheduled_at: Option<DateTime<Utc>>,
    /// Jobs of a higher one go first.
    #[serde(default)]
    priority: Option<i32>,
    /// The queue it waits in.
    #[serde(default)]
    queue: Option<String>,
    /// How many attempts there may be.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    max_attempts: Option<u32>,
    /// Whether a new job is stored when the one with the same `Idempotency-Key` has failed or was canceled; without it, that one is
    /// given back. Refused without that header.
    #[serde(default)]
    again_after_failure: bool,
    /// The id of a job of this task that it runs again, with the same parameters or changed ones: `$lineage` of each has the other.
    #[serde(default)]
    rerun_of: Option<JobId>,
    /// How long an attempt may take: seconds, or a text like `2s`, `5m`, `1h30m`.
    #[serde(default)]
    #[schemars(schema_with = "timeout")]
    timeout: Option<Timeout>,
    /// Runs the first submission of a burst: those that follow it within the period, of the same task, with the same key of the burst and the same API key, give its job
    /// back, whatever their parameters are.
    #[serde(default)]
    throttle: Option<BurstIn>,
    /// Runs the last submission of a burst, once none has followed it for the period: each takes the place of the one before, and all give the same job. Not together with
    /// `throttle`, nor of a task whose jobs are unique.
    #[serde(default)]
    debounce: Option<BurstIn>,
}

/// Submissions that are run once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `key` and `period`")]
#[schemars(rename = "JobBurst")]
struct BurstIn {
    /// What the submissions have in common, beside their task and the API key that they come with.
    #[schemars(length(min = 1, max = 255), extend("pattern" = members::STORABLE))]
    key: String,
    /// How long the burst lasts: seconds, or a text like `2s`, `5m`, `1h30m`.
    #[schemars(schema_with = "period")]
    period: Timeout,
}

/// Stores the job.
pub(crate) async fn submit(
    request: &HttpRequest,
    scheduler: &Scheduler,
    name: &str,
    body: &[u8],
) -> Result<Submitted, Problem> {
    let mut submit = scheduler.submit_json(name, body);
    let options = if body.iter().all(u8::is_ascii_whitespace) {
        None
    } else {
        // What is not JSON at all is for the parameters to say.
        match serde_json::from_slice::<Option<BodyOptions>>(body) {
            Ok(options) => options,
            Err(_) if serde_json::from_slice::<IgnoredAny>(body).is_err() => None,
            Err(_) => {
                submit = submit.with_errors(wrong_options(body));
                None
            }
        }
    }
    .unwrap_or_default();
    if let Some(text) = options.description {
        submit = submit.description(text);
    }
    if options.delay.is_some() && options.scheduled_at.is_some() {
        submit = submit.with_errors([ArgumentError::new(
            "/scheduled_at".to_owned(),
            "`delay` says when it runs as well: send one of the two".to_owned(),
        )]);
    }
    if let Some(Seconds(delay)) = options.delay {
        submit = submit.delay(delay);
    }
    if let Some(at) = options.scheduled_at {
        submit = submit.at(at.into());
    }
    if let Some(priority) = options.priority {
        submit = submit.priority(priority);
    }
    if let Some(queue) = options.queue {
        submit = submit.queue(queue);
    }
    if let Some(attempts) = options.max_attempts {
        submit = submit.max_attempts(attempts);
    }
    if let Some(job) = options.rerun_of {
        submit = submit.rerun_of(job);
    }
    if let Some(Seconds(timeout)) = options.timeout {
        submit = submit.timeout(timeout);
    }
    if let Some(burst) = options.throttle {
        submit = submit.throttle(burst.key, burst.period.0);
    }
    if let Some(burst) = options.debounce {
        submit = submit.debounce(burst.key, burst.period.0);
    }
    if let Some(access) = request.extensions().get::<Access>() {
        submit = submit.submitted_by(access.key_name());
    }
    // Of a header that is wrong, that is said alone.
    let mut again = options.again_after_failure;
    submit = match idempotency::key(request) {
        Ok(None) => submit,
        Ok(Some(key)) => submit.idempotency_key(key),
        Err(wrong) => {
            again = false;
            submit.with_errors([wrong])
        }
    };
    if again {
        submit = submit.again_after_failure();
    }
    Ok(submit.store().await?)
}

/// Says which options do not fit.
fn wrong_options(body: &[u8]) -> Vec<ArgumentError> {
    let mut errors = members::read::<Option<BodyOptions>>(body)
        .err()
        .unwrap_or_default();
    for error in &mut errors {
        error.detail = error.detail.replace("unknown field", "unknown option");
    }
    errors
}

type Delay = Seconds<0>;
type Timeout = Seconds<1>;

fn delay(_: &mut SchemaGenerator) -> Schema {
    Delay::schema()
}

/// It is there.
fn period(_: &mut SchemaGenerator) -> Schema {
    let mut schema = Timeout::schema();
    if let Some(Value::Array(variants)) = schema.get_mut("anyOf") {
        variants.retain(|variant| variant["type"] != "null");
    }
    schema
}

fn timeout(_: &mut SchemaGenerator) -> Schema {
    Timeout::schema()
}
