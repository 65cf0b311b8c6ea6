//! What jobs came to over time, and what failed.

use super::World;
use super::searching::{MATH, OPS, get, keys, submit};
use serde_json::json;
use std::time::Duration;
use tasks_tests::databases::TestDatabase;

async fn the_past_is_told_over_http(test: TestDatabase) {
    let world = World::new(test, |builder| builder.with_auth(keys())).await;
    submit(&world, "add", json!({"a": 41, "b": 1})).await;
    let failed = submit(&world, "fail", json!({"password": "hunter2"})).await;
    let history = async |query: &str, key| get(&world, &format!("/$history{query}"), key).await;
    let total = loop {
        let (status, found) = history("", OPS).await;
        assert_eq!(status, 200, "{found}");
        let total = found["total"].clone();
        if total["completed"] == 1 && total["failed"] == 1 {
            assert_eq!(found["step"], 60);
            assert!(found["points"].as_array().unwrap().len() >= 60);
            break total;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(
        (&total["submitted"], &total["run"]["count"]),
        (&json!(2), &json!(2))
    );
    assert!(total["run"]["p95"].is_number(), "{total}");
    // A limited key sees its tasks alone.
    for query in ["", "?tag=math", "?task=add"] {
        let (_, found) = history(query, MATH).await;
        assert_eq!(found["total"]["submitted"], 1, "{query}");
    }
    for query in ["?task=fail", "?tag=slow", "?queue=reports", "?task=%00"] {
        let (_, found) = history(query, MATH).await;
        assert_eq!(found["total"]["submitted"], 0, "{query}");
    }
    let long_ago = chrono::Utc::now() - chrono::TimeDelta::days(90);
    let long_ago = long_ago.format("?from=%Y-%m-%dT%H:%M:%SZ&step=1d");
    let (_, day) = history(&long_ago.to_string(), OPS).await;
    assert_eq!(day["total"]["submitted"], 2);
    assert!(day["points"].as_array().unwrap().len() < 40, "{day}");
    // Of what is to come nothing is known: it moves nothing.
    for to in ["2099-01-01T00:00:00Z", "9999-12-31T00:00:00Z"] {
        let today = chrono::Utc::now() - chrono::TimeDelta::hours(12);
        let today = today.format("%Y-%m-%dT%H:%M:%SZ");
        let (_, found) = history(&format!("?from={today}&to={to}"), OPS).await;
        assert_eq!(found["total"]["submitted"], 2, "{to}: {found}");
    }
    for (query, pointer) in [
        ("?step=1y", "?step"),
        ("?from=yesterday", "?from"),
        ("?from=2999-01-01T00:00:00Z", "?from"),
        ("?to=2026-01-01T00:00:00+01:00", "?to"),
        ("?from=2000-01-01T00:00:00Z&step=1m", "?step"),
        ("?until=1", "?until"),
    ] {
        let (status, problem) = history(query, OPS).await;
        assert_eq!(status, 422, "{query}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }

    let (_, found) = get(&world, "/$failures", OPS).await;
    let group = &found["groups"][0];
    assert_eq!(
        (&group["task_name"], &group["job_id"], &group["error"]),
        (&json!("fail"), &json!(failed), &json!("it failed"))
    );
    assert_eq!(
        (&group["attempts"], &found["left_out"]),
        (&json!(1), &json!(0))
    );
    for (query, key) in [
        ("", MATH),
        ("?task=fail", MATH),
        ("?tag=math", OPS),
        ("?task=%00", OPS),
    ] {
        let (status, found) = get(&world, &format!("/$failures{query}"), key).await;
        assert_eq!((status, &found["groups"]), (200, &json!([])), "{query}");
    }
    assert_eq!(get(&world, "/$failures?from=x", OPS).await.0, 422);
    world.service.shutdown().await;
}

tasks_tests::on_all_databases!(the_past_is_told_over_http);
