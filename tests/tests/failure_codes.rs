//! Stable codes of the errors that tasks return: in the envelope, as a status, in the record of a job and in the documents.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use serde_json::{Value, json};
use tasks_tests::app::Running;
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, on_both_databases};
use tasks_web::jobs::{JobId, Jobs, Scheduler};
use tasks_web::prelude::*;
use tasks_web::{FailureCodes, Permanent, testing};

#[derive(Debug, thiserror::Error, FailureCodes)]
enum PaymentError {
    /// The bank refuses the card.
    #[error("the card was declined: {reason}")]
    #[failure(code = "card-declined", permanent, status = 402)]
    Declined {
        #[failure(detail)]
        reason: String,
        #[failure(detail = "card")]
        last_digits: u16,
        internal: &'static str,
    },
    #[error("the bank is busy")]
    #[failure(retry_after = "90s", status = 503)]
    BankBusy,
    #[error("the bank asks to wait")]
    AskedToWait(#[failure(retry_after)] Duration),
    #[error("it is late")]
    Late {
        #[failure(retry_after)]
        again_in: Option<Duration>,
    },
    #[error(transparent)]
    #[failure(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    #[failure(transparent)]
    Other(#[from] anyhow::Error),
    #[error("the book has no such page")]
    Book(#[source] AccountError),
    #[error("too much to say")]
    #[failure(details)]
    Verbose { text: String },
}

/// There is no account.
#[derive(Debug, thiserror::Error, FailureCodes)]
#[error("no account {0}")]
#[failure(code = "no-account", status = 404)]
struct AccountError(#[failure(detail = "account")] u32);

/// Says nothing of codes.
#[derive(Debug, thiserror::Error)]
#[error("the ledger is closed")]
struct Ledger(#[source] PaymentError);

/// Whose variants are large.
#[derive(Debug, thiserror::Error, FailureCodes)]
enum LargeError {
    #[error(transparent)]
    #[failure(transparent)]
    Boxed(Box<AccountError>),
    #[error(transparent)]
    #[failure(transparent)]
    Shared(Arc<AccountError>),
    #[error(transparent)]
    #[failure(transparent)]
    Any(Box<dyn std::error::Error + Send + Sync>),
    #[error("{0}")]
    #[failure(transparent)]
    Located(TaskError),
    #[error("again")]
    #[failure(code = "again")]
    Again(#[source] Box<Self>),
    #[error(transparent)]
    #[failure(transparent)]
    Itself(Box<Self>),
    #[error("many")]
    Many(#[failure(detail = "many")] u128),
}

/// Its cause is itself.
#[derive(Debug)]
struct Circle;

impl std::fmt::Display for Circle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("round and round")
    }
}

impl std::error::Error for Circle {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self)
    }
}

fn error(kind: &str) -> Result<(), PaymentError> {
    Err(match kind {
        "declined" => PaymentError::Declined {
            reason: "it has expired".to_owned(),
            last_digits: 1234,
            internal: "row 17",
        },
        "busy" => PaymentError::BankBusy,
        "wait" => PaymentError::AskedToWait(Duration::from_millis(75_500)),
        "forever" => PaymentError::AskedToWait(Duration::MAX),
        "late" => PaymentError::Late {
            again_in: Some(Duration::from_secs(40)),
        },
        "late-without" => PaymentError::Late { again_in: None },
        "account" => AccountError(7).into(),
        "other" => anyhow::anyhow!("some other error").into(),
        "account-in-other" => anyhow::Error::new(AccountError(8)).context("lost").into(),
        "book" => PaymentError::Book(AccountError(9)),
        "verbose" => PaymentError::Verbose {
            text: "x".repeat(20_000),
        },
        _ => return Ok(()),
    })
}

#[task(register = false, retries = 3, backoff = "constant(10ms)")]
async fn pay(kind: String) -> Result<(), PaymentError> {
    error(&kind)
}

/// The same errors, in what others make of them.
#[task(register = false)]
async fn pay_wrapped(kind: String, within: String) -> anyhow::Result<()> {
    use anyhow::Context as _;
    let Err(error) = error(&kind) else {
        return Ok(());
    };
    match within.as_str() {
        "anyhow" => Err(error)?,
        "context" => Err(error).context("no money").context("no dinner"),
        "permanent" => Err(Permanent::new(error).into()),
        "cause" => Err(Ledger(error).into()),
        other => panic!("{other}"),
    }
}

#[task(register = false)]
async fn pay_located(kind: String) -> Result<(), TaskError> {
    Ok(error(&kind)?)
}

#[task(register = false, timeout = "20ms")]
async fn without_codes(how: String) -> Result<f64, String> {
    match how.as_str() {
        "error" => Err("an error".to_owned()),
        "timeout" => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(0.0)
        }
        "not-finite" => Ok(f64::NAN),
        _ => panic!("a panic"),
    }
}

#[task(register = false, retries = 3, backoff = "constant(10ms)")]
async fn boxed(kind: String) -> Result<(), Box<LargeError>> {
    let account = AccountError(7);
    Err(Box::new(match kind.as_str() {
        "boxed" => LargeError::Boxed(account.into()),
        "shared" => LargeError::Shared(account.into()),
        "any" => LargeError::Any(account.into()),
        "located" => LargeError::Located(TaskError::from(account)),
        "again" => LargeError::Again(Box::new(LargeError::Boxed(account.into()))),
        "itself" => LargeError::Itself(Box::new(LargeError::Boxed(account.into()))),
        _ => LargeError::Many(u128::MAX),
    }))
}

#[task(register = false)]
async fn shared(kind: String) -> Result<(), Arc<dyn std::error::Error + Send + Sync>> {
    Err(match kind.as_str() {
        "circle" => Arc::new(Circle),
        _ => Arc::new(Permanent::new(PaymentError::BankBusy)),
    })
}

/// What was given to `context` is no cause of the error.
#[task(register = false, retries = 3, backoff = "constant(10ms)")]
async fn with_context(kind: String) -> anyhow::Result<()> {
    use anyhow::Context as _;
    let plain = || Err(anyhow::anyhow!("plain"));
    match kind.as_str() {
        "of-plain" => plain().context(AccountError(7)),
        "of-coded" => Err(PaymentError::BankBusy).context(AccountError(7)),
        "below" => Err(PaymentError::BankBusy)
            .context(AccountError(7))
            .context("above")
            .context("on top"),
        "above" => Err(AccountError(7))
            .context("below")
            .context(PaymentError::BankBusy),
        "permanent" => plain().context(Permanent::msg("for ever")).context("above"),
        _ => Err(std::io::Error::other(AccountError(7)).into()),
    }
}

/// Waits for a job, and fails as that has.
#[task(register = false, errors = [AccountError, PaymentError])]
async fn wait_for(scheduler: Option<Scheduler>, job: JobId) -> anyhow::Result<()> {
    let scheduler = scheduler.unwrap();
    scheduler.wait(job, Duration::from_secs(60)).await?;
    Ok(scheduler.result(job).await?)
}

/// Runs another task, and fails as that does.
#[task(register = false, retries = 3, backoff = "constant(10ms)")]
async fn run_pay(executor: TaskExecutor, kind: String) -> anyhow::Result<()> {
    match kind.as_str() {
        "panic" => {
            let _: f64 = executor.run(call!(without_codes, how = "panic")).await?;
            Ok(())
        }
        _ => Ok(executor.run(call!(pay, kind = kind)).await?),
    }
}

fn executor() -> tasks_web::ExecutorBuilder {
    let tasks = [
        task(boxed),
        task(shared),
        task(run_pay),
        task(with_context),
        task(wait_for),
        task(pay),
        task(pay_wrapped),
        task(pay_located),
        task(without_codes),
    ];
    testing::executor(tasks)
}

async fn post(app: &Running, path: &str, params: Value) -> (u16, Value) {
    let body = json!({ "params": params });
    let request = http::client().unwrap().post(app.url(path)).json(&body);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

#[tokio::test]
async fn the_envelope_has_the_code_wherever_the_error_is() {
    let executor = executor().build().unwrap();
    let app = Running::start(move |config| {
        config.service(tasks_web::scope("/tasks", executor.clone()));
    });
    let declined = json!({"reason": "it has expired", "card": 1234});
    for (kind, code, details) in [
        ("declined", json!("card-declined"), declined.clone()),
        ("busy", json!("bank-busy"), Value::Null),
        ("wait", json!("asked-to-wait"), Value::Null),
        ("account", json!("no-account"), json!({"account": 7})),
        ("other", Value::Null, Value::Null),
        (
            "account-in-other",
            json!("no-account"),
            json!({"account": 8}),
        ),
        // Its own, not that of its cause.
        ("book", json!("book"), Value::Null),
    ] {
        let (status, answer) = post(&app, "/tasks/pay/$execute", json!({ "kind": kind })).await;
        assert_eq!(status, 200);
        let error = &answer["error"];
        assert_eq!(
            (&error["code"], &error["details"]),
            (&code, &details),
            "{answer}"
        );
        let (_, located) = post(&app, "/tasks/pay_located/$execute", json!({ "kind": kind })).await;
        let error = &located["error"];
        assert_eq!(
            (&error["code"], &error["details"]),
            (&code, &details),
            "{located}"
        );
        for within in ["anyhow", "context", "permanent", "cause"] {
            let params = json!({"kind": kind, "within": within});
            let (_, wrapped) = post(&app, "/tasks/pay_wrapped/$execute", params).await;
            let error = &wrapped["error"];
            assert_eq!(
                (&error["code"], &error["details"]),
                (&code, &details),
                "{wrapped}"
            );
        }
    }
    for (task, kind, code, details) in [
        ("boxed", "boxed", json!("no-account"), json!({"account": 7})),
        (
            "boxed",
            "shared",
            json!("no-account"),
            json!({"account": 7}),
        ),
        ("boxed", "any", json!("no-account"), json!({"account": 7})),
        (
            "boxed",
            "located",
            json!("no-account"),
            json!({"account": 7}),
        ),
        ("boxed", "again", json!("again"), Value::Null),
        (
            "boxed",
            "itself",
            json!("no-account"),
            json!({"account": 7}),
        ),
        ("boxed", "many", json!("many"), json!({"many": null})),
        ("shared", "busy", json!("bank-busy"), Value::Null),
        ("shared", "circle", Value::Null, Value::Null),
        ("run_pay", "declined", json!("card-declined"), declined),
        (
            "with_context",
            "of-plain",
            json!("no-account"),
            json!({"account": 7}),
        ),
        (
            "with_context",
            "of-coded",
            json!("no-account"),
            json!({"account": 7}),
        ),
        (
            "with_context",
            "below",
            json!("no-account"),
            json!({"account": 7}),
        ),
        ("with_context", "above", json!("bank-busy"), Value::Null),
        ("with_context", "permanent", Value::Null, Value::Null),
        (
            "with_context",
            "io",
            json!("no-account"),
            json!({"account": 7}),
        ),
        // It is not the one that panicked.
        ("run_pay", "panic", Value::Null, Value::Null),
    ] {
        let path = format!("/tasks/{task}/$execute");
        let (status, answer) = post(&app, &path, json!({ "kind": kind })).await;
        assert_eq!(status, 200, "{answer}");
        let error = &answer["error"];
        assert_eq!(error["details"], details, "{answer}");
        assert_eq!(error["code"], code, "{answer}");
    }
    // In this order, all of them always.
    let (_, answer) = post(&app, "/tasks/pay/$execute", json!({"kind": "declined"})).await;
    let members: Vec<&str> = answer["error"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = vec!["type", "code", "message", "details", "traceback"];
    let mut sorted = members.clone();
    sorted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    for (how, code) in [
        ("error", Value::Null),
        ("panic", json!("panic")),
        ("timeout", json!("timeout")),
        ("not-finite", json!("not-finite")),
    ] {
        let (_, answer) = post(&app, "/tasks/without_codes/$execute", json!({ "how": how })).await;
        assert_eq!(answer["error"]["code"], code, "{answer}");
    }
}

#[tokio::test]
async fn failures_have_a_status_where_that_is_asked_for() {
    let executor = executor().build().unwrap();
    let app = Running::start(move |config| {
        let scope = tasks_web::scope("/tasks", executor.clone());
        config.service(scope.failures_as_status(StatusCode::UNPROCESSABLE_ENTITY));
    });
    for (kind, status, retry_after) in [
        ("declined", 402, None),
        ("busy", 503, Some("90")),
        // Not earlier than it says.
        ("wait", 422, Some("76")),
        ("late", 422, Some("40")),
        ("late-without", 422, None),
        ("account", 404, None),
        ("other", 422, None),
    ] {
        let body = json!({"params": {"kind": kind}});
        let request = http::client()
            .unwrap()
            .post(app.url("/tasks/pay/$execute"))
            .json(&body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{kind}");
        let headers = response.headers();
        assert_eq!(headers["content-type"], "application/problem+json");
        let after = headers
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(after.as_deref(), retry_after, "{kind}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["type"], "urn:tasks:problem:task-failed");
        assert_eq!(problem["status"], status);
        let message = problem["error"]["message"].as_str().unwrap();
        assert_eq!(problem["detail"], format!("task `pay` failed: {message}"));
        assert_eq!(problem["instance"], "/tasks/pay/$execute");
    }
    let (status, answer) = post(&app, "/tasks/pay/$execute", json!({"kind": "none"})).await;
    assert_eq!((status, &answer["error"]), (200, &Value::Null));
    // What is permanent is not to be tried again, and whatever time is said has a header.
    for (task, kind, status, retry_after) in [
        ("shared", "busy", 503, None),
        ("pay", "forever", 422, Some("18446744073709551615")),
        ("run_pay", "declined", 402, None),
        ("run_pay", "busy", 503, Some("90")),
    ] {
        let request = http::client()
            .unwrap()
            .post(app.url(&format!("/tasks/{task}/$execute")))
            .json(&json!({"params": {"kind": kind}}));
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{task} {kind}");
        let after = response.headers().get("retry-after");
        let after = after.map(|value| value.to_str().unwrap());
        assert_eq!(after, retry_after, "{task} {kind}");
    }
    for (how, expected) in [
        ("error", 422),
        ("panic", 500),
        ("timeout", 504),
        ("not-finite", 500),
    ] {
        let (status, problem) =
            post(&app, "/tasks/without_codes/$execute", json!({ "how": how })).await;
        assert_eq!(
            (status, &problem["type"]),
            (expected, &json!("urn:tasks:problem:task-failed"))
        );
    }
    // What was wrong before the task ran is told as ever.
    let (status, problem) = post(&app, "/tasks/pay/$execute", json!({"kind": 1})).await;
    assert_eq!(
        (status, &problem["type"]),
        (422, &json!("urn:tasks:problem:invalid-arguments"))
    );

    let (_, document) = http::get(&app.url("/openapi.json")).await.unwrap();
    let responses = &document["paths"]["/tasks/pay/$execute"]["post"]["responses"];
    // One that many operations have stands elsewhere.
    let response = |status: &str| {
        let response = &responses[status];
        let shared = response["$ref"].as_str();
        shared.map_or(response, |path| document.pointer(&path[1..]).unwrap())
    };
    let description = |status: &str| response(status)["description"].as_str().unwrap();
    assert!(
        description("402").contains("`card-declined`"),
        "{responses}"
    );
    assert!(
        description("422").contains("The parameters do not fit"),
        "{responses}"
    );
    assert!(
        description("422").contains("`book` or `verbose`"),
        "{responses}"
    );
    assert!(description("504").contains("`timeout`"), "{responses}");
    assert!(
        description("500").contains("`not-serializable` or `internal`"),
        "{responses}"
    );
    assert_eq!(
        response("402")["headers"]["Retry-After"]["schema"]["type"],
        "integer"
    );
    assert!(!document.to_string().contains("](crate::"), "{document}");
    assert_eq!(
        response("402")["content"]["application/problem+json"]["schema"]["$ref"],
        "#/components/schemas/Problem"
    );
}

#[tokio::test]
async fn documents_list_the_codes_of_each_task() {
    let executor = executor().build().unwrap();
    let app = Running::start(move |config| {
        config.service(tasks_web::scope("/tasks", executor.clone()));
    });
    let (_, info) = http::get(&app.url("/tasks/pay")).await.unwrap();
    assert_eq!(
        info["error_codes"][0],
        json!({"code": "card-declined", "description": "The bank refuses the card.", "permanent": true, "retry_after": null, "status": 402})
    );
    assert_eq!(
        info["error_codes"][1],
        json!({"code": "bank-busy", "description": null, "permanent": false, "retry_after": 90.0, "status": 503})
    );
    let codes: Vec<&str> = info["error_codes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code["code"].as_str().unwrap())
        .collect();
    // With those of the error in a transparent variant, but for one that may be any.
    assert_eq!(
        codes,
        [
            "card-declined",
            "bank-busy",
            "asked-to-wait",
            "late",
            "book",
            "verbose",
            "no-account"
        ]
    );
    let (_, waiting) = http::get(&app.url("/tasks/wait_for")).await.unwrap();
    let waiting = waiting["error_codes"].as_array().unwrap();
    assert_eq!(waiting[0]["code"], "no-account");
    assert_eq!(waiting.len(), codes.len());
    let (_, boxed) = http::get(&app.url("/tasks/boxed")).await.unwrap();
    let codes = boxed["error_codes"].as_array().unwrap();
    let codes: Vec<&Value> = codes.iter().map(|code| &code["code"]).collect();
    assert_eq!(codes, ["again", "many", "no-account"]);
    let (_, other) = http::get(&app.url("/tasks/without_codes")).await.unwrap();
    assert_eq!(other.get("error_codes"), None);
    let (_, document) = http::get(&app.url("/openapi.json")).await.unwrap();
    let operation = &document["paths"]["/tasks/pay/$execute"]["post"];
    assert_eq!(operation["x-task"]["error_codes"], info["error_codes"]);
    let description = operation["responses"]["200"]["description"]
        .as_str()
        .unwrap();
    assert!(
        description.contains("| `card-declined` | The bank refuses the card. | fails as well |"),
        "{description}"
    );
}

#[test]
#[should_panic(expected = "200 OK is not the status of an error")]
fn a_status_of_failures_is_one_of_errors() {
    let executor = executor().build().unwrap();
    drop(tasks_web::scope("/tasks", executor).failures_as_status(StatusCode::OK));
}

async fn jobs_heed_codes_and_records_have_them(test: TestDatabase) {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let scheduler = Scheduler::new(&database, Jobs::new());
    let executor = executor().provide(scheduler.clone()).build().unwrap();
    scheduler.start(&executor).unwrap();
    let served = scheduler.clone();
    let app = Running::start(move |config| {
        config.service(tasks_web::jobs("/jobs", served.clone()));
    });
    let long = Duration::from_secs(60);
    let record = async |id| http::get(&app.url(&format!("/jobs/{id}"))).await.unwrap().1;

    // It is permanent.
    let job = scheduler
        .submit(call!(pay, kind = "declined"))
        .await
        .unwrap();
    let done = scheduler.wait(job.id, long).await.unwrap();
    assert_eq!(
        (done.attempt, done.error_code.as_deref()),
        (1, Some("card-declined"))
    );
    let shown = record(job.id).await;
    let details = json!({"reason": "it has expired", "card": 1234});
    assert_eq!(
        (&shown["error_code"], &shown["error_details"]),
        (&json!("card-declined"), &details)
    );
    let (_, envelope) = http::get(&app.url(&format!("/jobs/{}/$result", job.id)))
        .await
        .unwrap();
    assert_eq!(envelope["error"]["code"], "card-declined");
    assert_eq!(envelope["error"]["details"], details);
    let (_, list) = http::get(&app.url("/jobs")).await.unwrap();
    let item = &list["items"]
        .as_array()
        .unwrap_or_else(|| list.as_array().unwrap())[0];
    assert_eq!(
        (&item["error_code"], &item["error_details"]),
        (&json!("card-declined"), &Value::Null)
    );
    let error = scheduler.result::<()>(job.id).await.unwrap_err();
    let JobError::Unsuccessful { code, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(code.as_deref(), Some("card-declined"));

    // The failure of another task, and an error in a box.
    for (job, code) in [
        (
            scheduler.submit(call!(run_pay, kind = "declined")).await,
            "card-declined",
        ),
        (
            scheduler.submit(call!(boxed, kind = "shared")).await,
            "no-account",
        ),
    ] {
        let done = scheduler.wait(job.unwrap().id, long).await.unwrap();
        assert_eq!(done.error_code.as_deref(), Some(code));
        assert_eq!(done.attempt, if code == "card-declined" { 1 } else { 4 });
    }

    let done = scheduler
        .submit(call!(with_context, kind = "permanent"))
        .await
        .unwrap();
    assert_eq!(scheduler.wait(done.id, long).await.unwrap().attempt, 1);
    let done = scheduler
        .submit(call!(wait_for, job = job.id))
        .await
        .unwrap();
    let done = scheduler.wait(done.id, long).await.unwrap();
    assert_eq!(done.error_code.as_deref(), Some("card-declined"));

    // A closure that panics fails as a task does.
    let job = scheduler
        .spawn("panics", async {
            if std::hint::black_box(true) {
                panic!("in a closure");
            }
            Ok::<_, TaskError>(())
        })
        .await
        .unwrap();
    let done = scheduler.wait(job.id, long).await.unwrap();
    assert_eq!(
        (done.error_code.as_deref(), done.error.as_deref()),
        (Some("panic"), Some("in a closure"))
    );

    // It says when to try again, in place of the backoff of ten milliseconds.
    for (kind, seconds) in [("busy", 90..=100), ("wait", 75..=84), ("late", 40..=45)] {
        let job = scheduler.submit(call!(pay, kind = kind)).await.unwrap();
        let waiting = loop {
            let job = scheduler.get(job.id).await.unwrap().unwrap();
            if job.next_attempt_at.is_some() {
                break job;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let time = waiting.next_attempt_at.unwrap() - waiting.started_at.unwrap();
        assert!(seconds.contains(&time.num_seconds()), "{kind}: {time}");
        assert_eq!(waiting.attempt, 1);
    }
    let job = scheduler
        .submit(call!(pay, kind = "late-without"))
        .await
        .unwrap();
    let done = scheduler.wait(job.id, long).await.unwrap();
    assert_eq!(
        (done.attempt, done.error_code.as_deref()),
        (4, Some("late"))
    );

    // What is too long is left out, and nothing else.
    let job = scheduler
        .submit(call!(pay, kind = "verbose"))
        .max_attempts(1)
        .await
        .unwrap();
    let done = scheduler.wait(job.id, long).await.unwrap();
    assert_eq!(
        (done.error_code.as_deref(), done.error_details),
        (Some("verbose"), None)
    );
    // A retry forgets the error.
    let again = scheduler.retry(job.id).await.unwrap();
    assert_eq!((again.error_code, again.error), (None, None));
    scheduler.wait(job.id, long).await.unwrap();

    let job = scheduler
        .submit(call!(without_codes, how = "panic"))
        .await
        .unwrap();
    let done = scheduler.wait(job.id, long).await.unwrap();
    assert_eq!(done.error_code.as_deref(), Some("panic"));
    scheduler.shutdown().await;
}

on_both_databases!(jobs_heed_codes_and_records_have_them);
