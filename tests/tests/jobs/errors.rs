//! What errors of jobs say, and what becomes of them in a transaction.

use std::time::Duration;

use tasks_tests::engines::Ground;
use tasks_tests::with_every_engine;
use tasks_web::database::DatabaseError;
use tasks_web::jobs::{JobError, JobStatus, Jobs, Scheduler};
use tasks_web::prelude::*;
use tasks_web::testing;

use crate::world::{World, completes_twice, completes_with_no_json, greet, hopeless};

async fn a_job_without_a_result_says_why(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let result = async |id| {
        let result = world.scheduler.result::<String>(id).await;
        result.unwrap_err().to_string()
    };
    let submit = world.scheduler.submit(call!(greet, name = "Ada"));
    let later = submit.delay(Duration::from_secs(3600)).await.unwrap();
    assert_eq!(
        result(later.id).await,
        format!("job {} is pending: it has no result", later.id)
    );
    let failed = world.scheduler.submit(call!(hopeless)).await.unwrap();
    world.done(&failed).await;
    assert_eq!(
        result(failed.id).await,
        format!("job {} failed: cannot charge", failed.id)
    );
    world.scheduler.cancel(later.id).await.unwrap();
    let canceled = result(later.id).await;
    assert_eq!(
        canceled,
        format!("job {} is canceled: it has no result", later.id)
    );
    world.scheduler.shutdown().await;
}

async fn what_cannot_be_retried_says_what_can(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let submit = world.scheduler.submit(call!(greet, name = "Ada"));
    let job = submit.await.unwrap();
    world.done(&job).await;
    let error = world.scheduler.retry(job.id).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "job {} is completed: only a job that failed or was canceled can be retried",
            job.id
        )
    );
    world.scheduler.shutdown().await;
}

async fn a_result_that_is_no_json_cannot_complete_a_job(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let submit = world.scheduler.submit(call!(completes_with_no_json));
    let job = submit.await.unwrap();
    let done = world.done(&job).await;
    assert_eq!(done.status, JobStatus::Failed);
    let error = done.error.unwrap();
    let begin = format!("the result of job {} cannot be written as JSON: ", job.id);
    assert!(error.starts_with(&begin), "{error}");
    world.scheduler.shutdown().await;
}

async fn a_job_is_completed_once(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let submit = |undone: bool| {
        let call = call!(completes_twice, undone = undone);
        world.scheduler.submit(call)
    };
    let twice = submit(false).await.unwrap();
    let undone = submit(true).await.unwrap();
    let job = world.done(&twice).await;
    assert_eq!(job.status, JobStatus::Failed);
    let error = job.error.unwrap();
    assert_eq!(
        error,
        format!(
            "this attempt has completed job {} already: call `complete` once",
            twice.id
        )
    );
    let job = world.done(&undone).await;
    assert_eq!(job.status, JobStatus::Completed, "{:?}", job.error);
    assert_eq!(world.scheduler.result::<u32>(undone.id).await.unwrap(), 2);
    world.scheduler.shutdown().await;
}

async fn a_job_that_cannot_be_submitted_is_no_error_of_a_query(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let session = world.database.session();
    let submit = |queue: &str| {
        world
            .scheduler
            .submit(call!(greet, name = "x"))
            .queue(queue)
    };
    let refused: Result<(), DatabaseError> = session
        .transaction(async |tx| {
            submit("no such queue").within(tx).await?;
            Ok(())
        })
        .await;
    let Err(DatabaseError::Closure(error)) = refused else {
        panic!("{refused:?}");
    };
    let is_ours = error.downcast_ref::<JobError>();
    assert!(matches!(is_ours, Some(JobError::Invalid(_))), "{error:?}");
    // Through a closure that returns diesel's errors as well.
    let refused: Result<(), diesel::result::Error> = session
        .transaction(async |tx| {
            let job = submit("no such queue").within(tx).await;
            job.map_err(DatabaseError::from)?;
            Ok(())
        })
        .await;
    let error = DatabaseError::from(refused.unwrap_err());
    assert!(matches!(error, DatabaseError::Closure(_)), "{error:?}");
    world.scheduler.shutdown().await;
}

async fn a_queue_has_a_name_that_a_task_could_give_it(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    for name in ["föö bar", "", &"q".repeat(65)] {
        let scheduler = Scheduler::new(&world.database, Jobs::new().queue(name, 1));
        let executor = testing::executor([task(greet)]).build().unwrap();
        let error = scheduler.start(&executor).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "`{name}` is not the name of a queue: use 1 to 64 letters, digits, `_` and `-`"
            )
        );
    }
    world.scheduler.shutdown().await;
}

with_every_engine!(
    a_job_without_a_result_says_why,
    what_cannot_be_retried_says_what_can,
    a_result_that_is_no_json_cannot_complete_a_job,
    a_job_is_completed_once,
    a_job_that_cannot_be_submitted_is_no_error_of_a_query,
    a_queue_has_a_name_that_a_task_could_give_it,
);
