//! Injection: what is found at start-up, and what a call gets.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tasks_runtime::prelude::*;
use tasks_runtime::{ExecuteError, Injection, Injector, Requirements, testing};

#[derive(Clone, Debug, Injectable, serde::Deserialize, schemars::JsonSchema)]
struct Mailer {
    from: String,
}

trait Clock: Send + Sync {
    fn now(&self) -> u64;
}

struct Fixed(u64);

impl Clock for Fixed {
    fn now(&self) -> u64 {
        self.0
    }
}

/// Not `Clone`: made per call.
#[derive(Injectable)]
struct Connection(u32);

type Aliased = Mailer;

#[task(register = false)]
async fn everything(
    mailer: Mailer,
    by_ref: &Mailer,
    shared: Arc<Mailer>,
    maybe: Option<Mailer>,
    aliased: Aliased,
    clock: Arc<dyn Clock>,
    directory: State<PathBuf>,
    connection: &Connection,
    context: &TaskContext,
    text: String,
) -> Value {
    json!([
        mailer.from,
        by_ref.from,
        shared.from,
        maybe.map(|mailer| mailer.from),
        aliased.from,
        clock.now(),
        directory.display().to_string(),
        connection.0,
        context.task_name(),
        text,
    ])
}

#[tokio::test]
async fn every_way_to_ask() {
    let made = Arc::new(AtomicU32::new(0));
    let executor = testing::executor([task(everything)])
        .provide(Mailer { from: "a".into() })
        .provide(Arc::new(Fixed(7)) as Arc<dyn Clock>)
        .provide(PathBuf::from("/p"))
        .provide_with(move |_| {
            let made = Arc::clone(&made);
            async move {
                tokio::task::yield_now().await;
                Ok::<_, TaskError>(Connection(made.fetch_add(1, Ordering::Relaxed)))
                    .map_err(|error| error.to_string())
            }
        })
        .build()
        .unwrap();
    for call in 0..2 {
        let got: Value = executor.run(call!(everything, text = "t")).await.unwrap();
        assert_eq!(
            got,
            json!(["a", "a", "a", "a", "a", 7, "/p", call, "everything", "t"])
        );
    }
    let infos = executor.registry().info("everything").unwrap().parameters;
    assert!(
        infos
            .iter()
            .all(|info| info.injected == (info.name != "text")),
        "{infos:?}"
    );
    assert!(
        infos
            .iter()
            .all(|info| info.required == (info.name == "text")),
        "{infos:?}"
    );
}

#[task(register = false)]
async fn two(mailer: Mailer, clock: Arc<dyn Clock>) -> u64 {
    let _ = mailer;
    clock.now()
}

#[task(register = false)]
async fn three(connection: Connection, maybe: Option<Mailer>) -> bool {
    let _ = connection;
    maybe.is_some()
}

#[test]
fn everything_that_is_missing_is_found_when_the_executor_is_built() {
    let error = testing::executor([task(two), task(three)])
        .task_max_concurrency("tw", 1)
        .build()
        .unwrap_err();
    let missing: Vec<_> = error
        .missing()
        .iter()
        .map(|m| (m.task.as_str(), m.parameter.as_str(), m.type_name))
        .collect();
    assert_eq!(
        missing,
        [
            ("three", "connection", "injection::Connection"),
            ("two", "mailer", "injection::Mailer"),
            ("two", "clock", "alloc::sync::Arc<dyn injection::Clock>"),
        ]
    );
    let text = error.to_string();
    assert!(text.contains("task `two` needs a `injection::Mailer` for its parameter `mailer` (tasks-runtime/tests/injection.rs:"), "{text}");
    assert!(
        text.contains(
            "a limit is set for the task `tw`, which does not exist; did you mean `two`?"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn an_option_is_none_only_when_nothing_was_ever_provided() {
    let base = || {
        testing::executor([task(three)]).provide_with(|_| async { Ok::<_, String>(Connection(0)) })
    };
    assert!(
        !base()
            .build()
            .unwrap()
            .run::<bool>(call!(three))
            .await
            .unwrap()
    );
    assert!(
        base()
            .provide(Mailer {
                from: String::new()
            })
            .build()
            .unwrap()
            .run::<bool>(call!(three))
            .await
            .unwrap()
    );
    let failing = base()
        .provide_with(|_| async { Err::<Mailer, _>("the post office is closed") })
        .build()
        .unwrap();
    let error = failing.run::<bool>(call!(three)).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Unavailable { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "task `three` cannot run now: its dependency `maybe: Option<Mailer>` is not available: the post office is closed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_takes_too_long_is_not_available() {
    let executor = testing::executor([task(three)])
        .provide_with(|_| async {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Ok::<_, String>(Connection(0))
        })
        .default_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let error = executor
        .run::<bool>(call!(three))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`connection: Connection` is not available: not resolved within 2s"),
        "{error}"
    );
}

#[tokio::test]
async fn a_panic_on_the_way_is_not_the_tasks() {
    let executor = testing::executor([task(three)])
        .provide_with(|_| async {
            assert!(std::hint::black_box(false), "no connection at all");
            Ok::<_, String>(Connection(0))
        })
        .build()
        .unwrap();
    let error = executor.run::<bool>(call!(three)).await.unwrap_err();
    assert!(
        matches!(&error, ExecuteError::Panicked { message, .. } if message == "no connection at all"),
        "{error}"
    );
}

/// Made from another injectable type.
struct Domain(String);

impl Injectable for Domain {
    fn requires(requirements: &mut Requirements) {
        Mailer::requires(requirements);
    }

    fn inject(injector: &Injector<'_>) -> Injection<Self> {
        Mailer::inject(injector).map(|mailer| {
            Self(
                mailer
                    .from
                    .rsplit('@')
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            )
        })
    }
}

#[task(register = false)]
fn domain(domain: Domain) -> String {
    domain.0
}

#[tokio::test]
async fn injectables_are_made_from_others_and_reach_sync_tasks() {
    assert!(testing::executor([task(domain)]).build().is_err());
    let executor = testing::executor([task(domain)])
        .provide(Mailer {
            from: "a@b.org".into(),
        })
        .build()
        .unwrap();
    assert_eq!(
        executor.run::<String>(call!(domain)).await.unwrap(),
        "b.org"
    );
}

#[task(register = false)]
async fn overridden(#[task(request)] mailer: Mailer, #[task(inject)] injected: Mailer) -> String {
    format!("{} {}", mailer.from, injected.from)
}

#[tokio::test]
async fn the_choice_by_type_can_be_overridden() {
    let executor = testing::executor([task(overridden)])
        .provide(Mailer {
            from: "server".into(),
        })
        .build()
        .unwrap();
    let got: String = executor
        .execute("overridden", json!({"mailer": {"from": "client"}}))
        .await
        .unwrap();
    assert_eq!(got, "client server");
}

#[task(register = false)]
async fn nested(executor: TaskExecutor, depth: u32) -> Result<u32, TaskError> {
    if depth == 0 {
        return Ok(0);
    }
    let below: u32 = Box::pin(executor.execute("nested", json!({"depth": depth - 1}))).await?;
    Ok(below + 1)
}

#[tokio::test]
async fn a_task_runs_another_within_the_limits() {
    let executor = testing::executor([task(nested)])
        .task_max_concurrency("nested", 3)
        .permit_timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    assert_eq!(
        executor.run::<u32>(call!(nested, depth = 2)).await.unwrap(),
        2
    );
    let refused = executor
        .run::<u32>(call!(nested, depth = 3))
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("as many executions of it as it may have"),
        "{refused}"
    );
}
