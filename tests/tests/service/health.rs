//! Health, once and as it changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde_json::json;
use tasks_tests::http;
use tasks_web::{HealthChecks, HealthState};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worst_check_decides() {
    let state = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&state);
    let checks = HealthChecks::new()
        .check("good", async || Ok::<_, String>(()))
        .check("mail", move || {
            let state = seen.load(Ordering::SeqCst);
            async move {
                match state {
                    0 => HealthState::Healthy,
                    1 => HealthState::Degraded("slow today".to_owned()),
                    _ => HealthState::Unhealthy("gone".to_owned()),
                }
            }
        });
    let app = serve(builder().with_health_checks(checks)).await;
    for (number, status, word) in [
        (0, 200, "healthy"),
        (1, 200, "degraded"),
        (2, 503, "unhealthy"),
    ] {
        state.store(number, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (answered, health) = http::get(&app.url("/health")).await.unwrap();
        assert_eq!(
            (answered.as_u16(), &health["status"]),
            (status, &json!(word)),
            "{health}"
        );
        assert_eq!(health["checks"]["mail"]["state"], word);
        assert_eq!(health["checks"]["good"], json!({"state": "healthy"}));
    }
    let (_, health) = http::get(&app.url("/health")).await.unwrap();
    assert_eq!(health["checks"]["mail"]["message"], "gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_run_at_once_and_not_for_ever() {
    let hang = async || {
        tokio::time::sleep(Duration::from_secs(60)).await;
        HealthState::Healthy
    };
    #[allow(clippy::panic, reason = "it is what is tested")]
    let checks = HealthChecks::new()
        .check_within("one", Duration::from_millis(300), hang)
        .check_within("two", Duration::from_millis(300), hang)
        .check("three", async || -> HealthState { panic!("oh no") });
    let app = serve(builder().with_health_checks(checks)).await;
    let began = Instant::now();
    let (status, health) = http::get(&app.url("/health")).await.unwrap();
    assert_eq!(status, 503);
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(health["checks"]["one"]["message"], "no answer within 300ms");
    assert_eq!(health["checks"]["three"]["message"], "the check panicked");
}

/// As a look at a file system that does not answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_blocks_its_thread_holds_nobody_up() {
    let (runs, blocks) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(true)));
    let (counted, blocked) = (Arc::clone(&runs), Arc::clone(&blocks));
    let checks = HealthChecks::new().check_within("disk", Duration::from_millis(200), move || {
        counted.fetch_add(1, Ordering::SeqCst);
        while blocked.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
        async { HealthState::Healthy }
    });
    let app = serve(builder().with_health_checks(checks)).await;
    for _ in 0..3 {
        let (status, health) = http::get(&app.url("/health")).await.unwrap();
        assert_eq!(status, 503);
        assert_eq!(
            health["checks"]["disk"]["message"],
            "no answer within 200ms"
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // It waits for the one that hangs, and begins no other.
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    blocks.store(false, Ordering::SeqCst);
    while http::get(&app.url("/health")).await.unwrap().0 != 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_has_only_what_changes() {
    let well = Arc::new(AtomicBool::new(true));
    let looks = Arc::new(AtomicU32::new(0));
    let (seen, counted) = (Arc::clone(&well), Arc::clone(&looks));
    let checks = HealthChecks::new().check("it", move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let well = seen.load(Ordering::SeqCst);
        async move { if well { Ok(()) } else { Err("gone") } }
    });
    let app = serve(builder().with_health_checks(checks)).await;
    let url = app.url("/health/$stream?poll_interval=0.05");
    let response = http::client().unwrap().get(&url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    let mut events = response.bytes_stream();
    let mut next =
        async || String::from_utf8(events.next().await.unwrap().unwrap().to_vec()).unwrap();
    let first = next().await;
    assert!(
        first.starts_with("id: 1\ndata: {\"status\":\"healthy\""),
        "{first}"
    );
    // Looked at several times, and nothing said.
    let before = looks.load(Ordering::SeqCst);
    while looks.load(Ordering::SeqCst) < before + 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    well.store(false, Ordering::SeqCst);
    let second = next().await;
    assert!(
        second.starts_with("id: 2\ndata: {\"status\":\"unhealthy\""),
        "{second}"
    );

    // Asked for the headers alone, it is done with them.
    let head = http::client().unwrap().head(&url).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(
        head.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    for good in ["50ms", "2s", "1m"] {
        let url = app.url(&format!("/health/$stream?poll_interval={good}"));
        let head = http::client().unwrap().head(&url).send().await.unwrap();
        assert_eq!(head.status(), 200, "{good}");
    }
    for bad in ["0", "-1", "61", "x", "NaN", "inf", "2m", "10ms"] {
        let (status, problem) =
            http::get(&app.url(&format!("/health/$stream?poll_interval={bad}")))
                .await
                .unwrap();
        assert_eq!(status, 422, "{bad}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_gone_is_unhealthy_until_it_is_back() {
    let mut server = tasks_tests::postgres::Postgres::start().unwrap();
    let own = server.database().unwrap();
    let database = Database::postgres(&own.url()).connect_timeout(Duration::from_secs(2));
    let app = serve(builder().with_health().with_database(database)).await;
    let health = async || http::get(&app.url("/health")).await.unwrap();
    assert_eq!(health().await.0, 200);
    server.kill().unwrap();
    let (mut status, mut answer) = health().await;
    // A connection that was made before lives until its own process has noticed.
    while status != 503 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        (status, answer) = health().await;
    }
    let message = answer["checks"]["database"]["message"].as_str().unwrap();
    // Where it is, is not for everybody.
    assert_eq!(message, "the database cannot be reached");
    server.start_again().unwrap();
    while health().await.0 != 200 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        health().await.1["checks"]["database"],
        json!({"state": "healthy"})
    );
}

/// A content store that does not answer, and does again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_content_store_that_is_away_is_said() {
    use object_store::memory::InMemory;
    use object_store::throttle::{ThrottleConfig, ThrottledStore};
    use tasks_web::Artifacts;
    use tasks_web::artifacts::ContentStore;

    let slow = ThrottleConfig {
        wait_list_per_call: Duration::from_secs(60),
        ..ThrottleConfig::default()
    };
    let store = Arc::new(ThrottledStore::new(InMemory::new(), slow));
    let artifacts = Artifacts::new(ArtifactHierarchy::new("results").level(0, "run"));
    let artifacts = artifacts.store(ContentStore::new(store.clone()));
    let app = serve(
        builder()
            .with_database(Database::sqlite_in_memory())
            .with_artifacts(artifacts)
            .with_health(),
    )
    .await;
    let began = Instant::now();
    let (status, health) = http::get(&app.url("/health")).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    let check = &health["checks"]["artifacts"];
    assert_eq!(
        (status.as_u16(), &check["state"]),
        (200, &json!("degraded"))
    );
    let message = check["message"].as_str().unwrap();
    assert!(message.contains("has not answered within 2s"), "{message}");
    assert_eq!(health["checks"]["database"]["state"], "healthy", "{health}");
    // The answer counts for a moment: nobody waits.
    let began = Instant::now();
    http::get(&app.url("/health")).await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(1500));

    store.config_mut(|config| config.wait_list_per_call = Duration::ZERO);
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        let (_, health) = http::get(&app.url("/health")).await.unwrap();
        if health["checks"]["artifacts"]["state"] == "healthy" {
            break;
        }
        assert!(Instant::now() < deadline, "{health}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
