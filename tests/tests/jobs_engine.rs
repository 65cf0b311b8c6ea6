//! What an engine of jobs may do wrong.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tasks_tests::databases::TestDatabase;
use tasks_web::jobs::engine::{AttemptRunner, BoxError, DueAttempt, Engine, RunOutcome};
use tasks_web::jobs::{JobError, JobStatus};
use tasks_web::prelude::*;
use tasks_web::testing;
use tokio::sync::mpsc;

#[task(register = false)]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

/// How often it was called.
static SLEEPS: AtomicU32 = AtomicU32::new(0);

#[task(register = false)]
async fn sleep(milliseconds: u64) {
    SLEEPS.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// Refuses what it is told first, and loses what it is told next.
#[derive(Debug)]
struct Careless {
    told: Arc<AtomicU32>,
    sender: mpsc::UnboundedSender<DueAttempt>,
}

impl Engine for Careless {
    fn dispatch<'a>(
        &'a self,
        attempts: &'a [DueAttempt],
    ) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>> {
        Box::pin(async move {
            match self.told.fetch_add(1, Ordering::SeqCst) {
                0 => Err("not today".into()),
                1 => Ok(()),
                _ => {
                    for due in attempts {
                        self.sender.send(*due)?;
                    }
                    Ok(())
                }
            }
        })
    }
}

struct World {
    scheduler: Scheduler,
    attempts: AttemptRunner,
    told: Arc<AtomicU32>,
    due: mpsc::UnboundedReceiver<DueAttempt>,
    _test: TestDatabase,
}

impl World {
    async fn new(careless: bool) -> Self {
        let test = TestDatabase::sqlite();
        let database = Database::from_url(test.url()).connect().await.unwrap();
        let (sender, due) = mpsc::unbounded_channel();
        let told = Arc::new(AtomicU32::new(if careless { 0 } else { 2 }));
        let engine = Careless {
            told: Arc::clone(&told),
            sender,
        };
        let jobs = Jobs::new()
            .max_concurrency(1)
            .lease(Duration::from_secs(1))
            .engine(engine);
        let scheduler = Scheduler::new(&database, jobs);
        let executor = testing::executor([task(greet), task(sleep)])
            .build()
            .unwrap();
        scheduler.start(&executor).unwrap();
        Self {
            attempts: scheduler.attempt_runner().unwrap(),
            scheduler,
            told,
            due,
            _test: test,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_lost_is_told_again() {
    let mut world = World::new(true).await;
    let job = world
        .scheduler
        .submit(call!(greet, name = "Ada"))
        .await
        .unwrap();
    let due = world.due.recv().await.unwrap();
    assert_eq!((due.job, due.fence), (job.id, 0));
    assert!(world.told.load(Ordering::SeqCst) >= 3);
    assert_eq!(world.attempts.run(job.id).await.unwrap(), RunOutcome::Ended);
    assert_eq!(
        world.attempts.run(job.id).await.unwrap(),
        RunOutcome::NotDue
    );
    assert_eq!(
        world.scheduler.result::<String>(job.id).await.unwrap(),
        "Hello, Ada!"
    );
    world.scheduler.shutdown().await;
    assert!(matches!(
        world.attempts.run(job.id).await,
        Err(JobError::NotRunning)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_for_what_cannot_begin_says_so() {
    let mut world = World::new(false).await;
    let scheduler = &world.scheduler;
    let unknown = tasks_web::jobs::JobId::new();
    assert_eq!(
        world.attempts.run(unknown).await.unwrap(),
        RunOutcome::NotDue
    );

    let later = scheduler
        .submit(call!(greet, name = "x"))
        .delay(Duration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(
        world.attempts.run(later.id).await.unwrap(),
        RunOutcome::NotDue
    );

    let long = scheduler
        .submit(call!(sleep, milliseconds = 60_000))
        .await
        .unwrap();
    let next = scheduler.submit(call!(greet, name = "y")).await.unwrap();
    assert_eq!(world.due.recv().await.unwrap().job, long.id);
    let attempts = world.attempts.clone();
    let running = tokio::spawn(async move { attempts.run(long.id).await });
    while scheduler.get(long.id).await.unwrap().unwrap().status != JobStatus::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // A second call for the same, and one for which there is no place.
    assert_eq!(world.attempts.run(long.id).await.unwrap(), RunOutcome::Busy);
    assert_eq!(world.attempts.run(next.id).await.unwrap(), RunOutcome::Busy);
    scheduler.cancel(long.id).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap(), RunOutcome::Ended);
    assert_eq!(
        world.attempts.run(next.id).await.unwrap(),
        RunOutcome::Ended
    );
    scheduler.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_come_twice_or_break_off_run_nothing_twice_and_lose_nothing() {
    let world = World::new(false).await;
    let before = SLEEPS.load(Ordering::SeqCst);
    let job = world
        .scheduler
        .submit(call!(sleep, milliseconds = 2500))
        .await
        .unwrap();
    // The caller goes away, at any moment of the beginning.
    for microseconds in (0..3000).step_by(300) {
        let run = world.attempts.run(job.id);
        let _ = tokio::time::timeout(Duration::from_micros(microseconds), run).await;
    }
    // Longer than it takes to look for what was given and never began.
    for look in 0..10 {
        let ran = world.attempts.run(job.id).await.unwrap();
        let status = world.scheduler.get(job.id).await.unwrap().unwrap().status;
        if status.is_final() {
            break;
        }
        assert_eq!(ran, RunOutcome::Busy);
        // At the first look the beginning may still be under way.
        assert!(look == 0 || status == JobStatus::Running, "{status}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let done = world
        .scheduler
        .wait(job.id, Duration::from_secs(20))
        .await
        .unwrap();
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 1));
    assert_eq!(SLEEPS.load(Ordering::SeqCst) - before, 1);
    world.scheduler.shutdown().await;
}

/// What an engine does at first.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Panics,
    PanicsAtOnce,
    NeverAnswers,
    Refuses,
}

/// Has one fault for a while, and then takes on what it is offered.
#[derive(Debug)]
struct Faulty {
    fault: Fault,
    has_it: Arc<std::sync::atomic::AtomicBool>,
    sender: mpsc::UnboundedSender<DueAttempt>,
}

impl Engine for Faulty {
    fn dispatch<'a>(
        &'a self,
        attempts: &'a [DueAttempt],
    ) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>> {
        let fault = self.has_it.load(Ordering::SeqCst).then_some(self.fault);
        assert!(!matches!(fault, Some(Fault::PanicsAtOnce)), "out of order");
        Box::pin(async move {
            match fault {
                Some(Fault::NeverAnswers) => std::future::pending().await,
                Some(Fault::Refuses) => return Err("out of order".into()),
                Some(_) => panic!("out of order"),
                None => {}
            }
            for due in attempts {
                self.sender.send(*due)?;
            }
            Ok(())
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_out_of_order_is_part_of_the_health_and_used_again() {
    let faults = [
        (Fault::Panics, "it panicked: out of order"),
        (Fault::PanicsAtOnce, "it panicked: out of order"),
        (Fault::NeverAnswers, "it has not answered within 1s"),
        (Fault::Refuses, "out of order"),
    ];
    for (fault, words) in faults {
        let test = TestDatabase::sqlite();
        let database = Database::from_url(test.url()).connect().await.unwrap();
        let (sender, mut due) = mpsc::unbounded_channel();
        let has_it = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let engine = Faulty {
            fault,
            has_it: Arc::clone(&has_it),
            sender,
        };
        let jobs = Jobs::new().lease(Duration::from_secs(1)).engine(engine);
        let scheduler = Scheduler::new(&database, jobs);
        let executor = testing::executor([task(greet)]).build().unwrap();
        scheduler.start(&executor).unwrap();
        let job = scheduler.submit(call!(greet, name = "Ada")).await.unwrap();
        let warning = loop {
            let warnings = scheduler.warnings();
            if let Some(warning) = warnings
                .into_iter()
                .find(|warning| warning.ends_with(words))
            {
                break warning;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert!(
            warning.starts_with("the engine has taken no jobs on since"),
            "{warning}"
        );
        has_it.store(false, Ordering::SeqCst);
        let offered = due.recv().await.unwrap();
        assert_eq!(offered.job, job.id);
        while !scheduler.warnings().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // What is not due any more is refused by nobody.
        scheduler.cancel(job.id).await.unwrap();
        has_it.store(true, Ordering::SeqCst);
        let job = scheduler.submit(call!(greet, name = "Eve")).await.unwrap();
        while scheduler.warnings().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        scheduler.cancel(job.id).await.unwrap();
        while !scheduler.warnings().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // It ends though the engine does not answer.
        has_it.store(true, Ordering::SeqCst);
        scheduler.submit(call!(greet, name = "Bob")).await.unwrap();
        tokio::time::timeout(Duration::from_secs(20), scheduler.shutdown())
            .await
            .unwrap();
    }
}
