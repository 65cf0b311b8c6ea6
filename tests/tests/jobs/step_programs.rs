//! Random programs of steps, waits and failures come to what a plain run of them would, whatever the order in which attempts fail, are put off, and events come.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_tests::databases::{TestDatabase, count};
use tasks_tests::on_all_databases;
use tasks_web::jobs::{JobError, JobId, JobStatus, Jobs, Scheduler, StepStatus};
use tasks_web::prelude::*;
use tasks_web::testing;

use crate::world::LONG;

/// What a program does.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
enum Instruction {
    /// A step whose code fails so often before it works.
    Step {
        failures: u32,
    },
    /// A step that adds a row.
    Row,
    /// Two steps side by side.
    Both,
    Sleep {
        milliseconds: u64,
    },
    /// A wait for the next event.
    Wait,
    /// Code between steps that fails so often.
    Fail {
        failures: u32,
    },
}

/// How often the code at each place of each program has run.
#[derive(Clone, Default, Injectable)]
struct Ledger(Arc<Mutex<HashMap<(JobId, u32), u32>>>);

impl Ledger {
    fn count(&self, job: JobId, place: u32) -> u32 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry((job, place)).or_default();
        *count += 1;
        *count
    }

    fn counted(&self, job: JobId, place: u32) -> u32 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(job, place)).copied().unwrap_or_default()
    }
}

#[task(register = false, retries = 100, backoff = "constant(1ms)")]
async fn program(
    context: TaskContext,
    ledger: Ledger,
    instructions: Vec<Instruction>,
) -> anyhow::Result<Vec<u32>> {
    let job = context.job_id().ok_or(JobError::NotAJob)?;
    let mut found = Vec::new();
    for (place, instruction) in (0..).zip(instructions) {
        let once = async |part: u32| {
            ledger.count(job, place + part);
            anyhow::Ok(place + part)
        };
        match instruction {
            Instruction::Step { failures } => {
                let step = async || {
                    let runs = ledger.count(job, place);
                    anyhow::ensure!(runs > failures, "run {runs} of step {place} fails");
                    Ok(place)
                };
                found.push(context.step(("step", place), step).await?);
            }
            Instruction::Row => {
                let sql = format!("INSERT INTO effects (job, place) VALUES ('{job}', {place})");
                let row = context
                    .step_in(("row", place), async |tx| {
                        tx.batch(&sql).await?;
                        anyhow::Ok(place)
                    })
                    .await?;
                found.push(row);
            }
            Instruction::Both => {
                let (one, other) = tokio::join!(
                    context.step(("one", place), async || once(0).await),
                    context.step(("other", place), async || once(1000).await),
                );
                found.extend([one?, other?]);
            }
            Instruction::Sleep { milliseconds } => {
                let duration = Duration::from_millis(milliseconds);
                context.sleep(("sleep", place), duration).await?;
            }
            Instruction::Wait => {
                let day = Duration::from_secs(86_400);
                found.push(context.wait_for("next", day).await?);
            }
            Instruction::Fail { failures } => {
                let runs = ledger.count(job, place);
                anyhow::ensure!(runs > failures, "run {runs} at {place} fails");
            }
        }
    }
    Ok(found)
}

/// An instruction, and how many milliseconds after the event before it its event is sent, if it waits.
fn line() -> impl Strategy<Value = (Instruction, u64)> {
    let instruction = prop_oneof![
        3 => (0..3_u32).prop_map(|failures| Instruction::Step { failures }),
        1 => Just(Instruction::Row),
        1 => Just(Instruction::Both),
        2 => (0..30_u64).prop_map(|milliseconds| Instruction::Sleep { milliseconds }),
        3 => Just(Instruction::Wait),
        2 => (0..3_u32).prop_map(|failures| Instruction::Fail { failures }),
    ];
    (instruction, prop_oneof![Just(0), 0..60_u64])
}

/// What a program has to come to: its result, and how many attempts that takes.
fn expected(lines: &[(Instruction, u64)]) -> (Vec<u32>, u32) {
    let (mut result, mut attempts, mut events) = (Vec::new(), 1, 0..);
    for (place, (instruction, _)) in (0..).zip(lines) {
        match instruction {
            Instruction::Step { failures } => {
                attempts += failures;
                result.push(place);
            }
            Instruction::Row => result.push(place),
            Instruction::Both => result.extend([place, place + 1000]),
            Instruction::Sleep { .. } => {}
            Instruction::Wait => result.extend(events.next()),
            Instruction::Fail { failures } => attempts += failures,
        }
    }
    (result, attempts)
}

async fn run(
    (scheduler, database, ledger): (&Scheduler, &Database, &Ledger),
    lines: Vec<(Instruction, u64)>,
) -> Result<(), TestCaseError> {
    let failed = |error: JobError| TestCaseError::fail(error.to_string());
    let instructions: Vec<Instruction> = lines.iter().map(|(one, _)| *one).collect();
    let job = scheduler.submit(call!(program, instructions = instructions));
    let job = job.await.map_err(failed)?.id;
    let waits = lines
        .iter()
        .filter(|(one, _)| matches!(one, Instruction::Wait));
    for (event, (_, pause)) in (0_u32..).zip(waits) {
        tokio::time::sleep(Duration::from_millis(*pause)).await;
        scheduler.send(job, "next", &event).await.map_err(failed)?;
    }
    let done = scheduler.wait(job, LONG).await.map_err(failed)?;
    let (result, attempts) = expected(&lines);
    prop_assert_eq!(done.status, JobStatus::Completed, "{:?}", done);
    prop_assert_eq!(
        scheduler.result::<Vec<u32>>(job).await.map_err(failed)?,
        result
    );
    prop_assert_eq!(done.attempt, attempts);
    let steps = scheduler.steps(job).await.map_err(failed)?;
    let completed = |status: &StepStatus| *status == StepStatus::Completed;
    prop_assert!(
        steps.iter().all(|step| completed(&step.status)),
        "{:?}",
        steps
    );
    for (place, (instruction, _)) in (0..).zip(&lines) {
        match instruction {
            Instruction::Step { failures } => {
                prop_assert_eq!(ledger.counted(job, place), failures + 1);
            }
            Instruction::Both => {
                prop_assert_eq!(ledger.counted(job, place), 1);
                prop_assert_eq!(ledger.counted(job, place + 1000), 1);
            }
            _ => {}
        }
    }
    let rows = lines
        .iter()
        .filter(|(one, _)| matches!(one, Instruction::Row));
    let sql = format!("SELECT COUNT(*) AS count FROM effects WHERE job = '{job}'");
    let found = count(database, &sql).await;
    let found = found.map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(usize::try_from(found), Ok(rows.count()));
    Ok(())
}

async fn programs_come_to_what_a_plain_run_would(test: TestDatabase) {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let sql = "CREATE TABLE effects (job TEXT NOT NULL, place BIGINT NOT NULL)";
    database.session().execute_script(sql).await.unwrap();
    let ledger = Ledger::default();
    // Two of them, so that attempts of one job are in both.
    let mut schedulers = Vec::new();
    for _ in 0..2 {
        let database = Database::from_url(test.url()).connect().await.unwrap();
        let scheduler = Scheduler::new(&database, Jobs::new());
        let executor = testing::executor([task(program)])
            .provide(ledger.clone())
            .build()
            .unwrap();
        scheduler.start(&executor).unwrap();
        schedulers.push(scheduler);
    }
    let config = Config {
        cases: 40,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    };
    let parts = (&schedulers[0], &database, &ledger);
    let ran = tokio::task::block_in_place(|| {
        let runtime = tokio::runtime::Handle::current();
        TestRunner::new(config).run(&vec(line(), 1..8), |lines| {
            runtime.block_on(run(parts, lines))
        })
    });
    ran.unwrap();
    for scheduler in schedulers {
        scheduler.shutdown().await;
    }
}

on_all_databases!(programs_come_to_what_a_plain_run_would);
