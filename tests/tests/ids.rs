//! Ids of jobs and artifacts are types like any other: parameters, results, JSON, columns.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::BTreeMap;

use diesel::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tasks_tests::app::Running;
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, on_both_databases};
use tasks_web::artifacts::ArtifactId;
use tasks_web::database::RunQueryDsl;
use tasks_web::jobs::JobId;
use tasks_web::prelude::*;
use tasks_web::testing;

const ONE: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

#[derive(Serialize, Deserialize, JsonSchema)]
struct Known {
    job: JobId,
    artifacts: Vec<ArtifactId>,
    by_job: BTreeMap<JobId, Option<ArtifactId>>,
}

/// Gives back what it is given.
#[task(register = false)]
async fn known(known: Known, job: JobId, other: Option<ArtifactId>) -> Known {
    let mut known = known;
    known.by_job.insert(job, other);
    known
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_parameters_and_results() {
    let executor = testing::executor([task(known)]).build().unwrap();
    let info = serde_json::to_value(executor.registry().info("known").unwrap()).unwrap();
    let job = &info["input_schema"]["properties"]["job"];
    assert_eq!(job["type"], "string");
    assert_eq!(job["pattern"], JobId::PATTERN);
    assert!(
        job["description"].as_str().unwrap().contains("ULID"),
        "{job}"
    );

    let app = Running::start(move |config| {
        config.service(tasks_web::scope("/tasks", executor.clone()));
    });
    let url = app.url("/tasks/known/$execute");
    let params = json!({
        "known": {"job": ONE, "artifacts": [ONE], "by_job": {ONE: null}},
        "job": ONE,
        "other": ONE,
    });
    let (status, answer) = http::post(&url, &json!({"params": params})).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["result"],
        json!({"job": ONE, "artifacts": [ONE], "by_job": {ONE: ONE}})
    );

    for wrong in [
        "",
        "42",
        "01arz3ndektsv4rrffq69g5fav",
        "81ARZ3NDEKTSV4RRFFQ69G5FAV",
    ] {
        let params = json!({
            "known": {"job": ONE, "artifacts": [], "by_job": {}},
            "job": wrong,
        });
        let (status, problem) = http::post(&url, &json!({"params": params})).await.unwrap();
        assert_eq!(status, 422, "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], "/params/job", "{problem}");
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains("is not an id"), "{detail}");
    }
    let params = json!({"known": {"job": 5, "artifacts": [], "by_job": {}}, "job": ONE});
    let (status, problem) = http::post(&url, &json!({"params": params})).await.unwrap();
    assert_eq!(status, 422);
    let pointer = problem["errors"][0]["pointer"].as_str().unwrap();
    assert!(pointer.starts_with("/params/known"), "{problem}");
}

#[test]
fn they_are_ordered_copied_and_written_in_one_way() {
    let (first, second) = (JobId::new(), ONE.parse::<JobId>().unwrap());
    assert!(second < first, "it was made in 2016");
    assert_eq!(second.to_string(), ONE);
    assert_eq!(format!("{second:?}"), format!("JobId({ONE})"));
    assert_eq!(json!({"id": second}), json!({"id": ONE}));
    assert!(serde_json::from_value::<ArtifactId>(Value::from("x")).is_err());
    assert!("01ARZ3NDEKTSV4RRFFQ69G5FAU".parse::<ArtifactId>().is_err());
}

diesel::table! {
    notes (job) {
        job -> Text,
        artifact -> Nullable<Text>,
    }
}

#[derive(Debug, PartialEq, Queryable, Insertable, Selectable)]
#[diesel(table_name = notes)]
struct Note {
    job: JobId,
    artifact: Option<ArtifactId>,
}

async fn they_are_columns(test: TestDatabase) {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let session = database.session();
    session
        .execute_script("CREATE TABLE notes (job TEXT PRIMARY KEY, artifact TEXT)")
        .await
        .unwrap();
    let (job, artifact) = (JobId::new(), ArtifactId::new());
    let found: anyhow::Result<Note> = session
        .transaction(async |tx| {
            with_conn!(tx, |conn| {
                diesel::insert_into(notes::table)
                    .values(Note {
                        job,
                        artifact: Some(artifact),
                    })
                    .execute(conn)
                    .await?;
                Ok(notes::table.find(job).first(conn).await?)
            })
        })
        .await;
    let expected = Note {
        job,
        artifact: Some(artifact),
    };
    assert_eq!(found.unwrap(), expected);
    // What is none is an error of the query, and no other id.
    session
        .execute_script("UPDATE notes SET artifact = 'nonsense'")
        .await
        .unwrap();
    let broken: anyhow::Result<Vec<Note>> = session
        .read(async |conn| Ok(with_conn!(conn, |conn| notes::table.load(conn).await)?))
        .await;
    let error = format!("{:#}", broken.unwrap_err());
    assert!(error.contains("artifact"), "{error}");
}

on_both_databases!(they_are_columns);
