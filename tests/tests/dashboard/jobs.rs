//! Jobs, as they run.

use fantoccini::Locator;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;

/// Counts slowly.
#[task(register = false)]
async fn count(context: TaskContext, to: u64) -> u64 {
    for n in 0..to {
        context.progress(n, to, "counting");
        context.log(format!("number {n}"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    to
}

/// Writes more lines than the service gives at once.
#[task(register = false)]
async fn chatter(context: TaskContext) {
    for n in 1..=250 {
        context.log(format!("line {n}."));
    }
}

/// Always fails.
#[task(register = false)]
async fn fail(reason: String) -> Result<(), TaskError> {
    Err(TaskError::msg(reason))
}

/// Asks somebody for a word.
#[task(register = false)]
async fn ask(context: TaskContext) -> anyhow::Result<String> {
    let question: String = context
        .step("question", async || {
            anyhow::Ok("What is the word?".to_owned())
        })
        .await?;
    let word: String = context
        .wait_for("answer", Duration::from_secs(3600))
        .await?;
    Ok(format!("{question} {word}"))
}

/// What somebody decides.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Decision {
    approved: bool,
    /// Why.
    reason: String,
}

/// Waits for a decision, whose form is made of its type.
#[task(register = false, events(decision: Decision))]
async fn decide(context: TaskContext) -> anyhow::Result<String> {
    let decision: Decision = context
        .wait_for("decision", Duration::from_secs(3600))
        .await?;
    Ok(format!("{}: {}", decision.approved, decision.reason))
}

/// Has another job count.
#[task(register = false)]
async fn delegate(context: TaskContext, scheduler: Scheduler) -> anyhow::Result<u64> {
    let child = scheduler.submit(call!(count, to = 20));
    let child = context.spawn_child("counting", child).await?;
    Ok(child.result().await?)
}

fn builder() -> ServiceBuilder {
    let registry = TaskRegistry::builder()
        .task(ask)
        .task(decide)
        .task(chatter)
        .task(count)
        .task(delegate)
        .task(fail);
    Service::builder(info())
        .with_tasks(registry.build().unwrap())
        .with_jobs(Jobs::new())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_watched_while_it_runs() {
    let page = Dashboard::open(builder(), "/tasks/count").await;
    page.enter("/to", "20").await;
    page.click("Submit as a job").await;
    page.css("progress").await;
    page.sees("counting").await;
    page.sees("number 3").await;
    page.sees("completed").await;
    page.sees("Result").await;
    page.sees("number 19").await;
    // The list has it as well.
    page.click_text("Jobs").await;
    page.text("count").await;
    page.sees("page 1 of 1, 1 job").await;
    // And who ran it is known.
    page.click_text("Workers").await;
    page.sees(&format!("({})", std::process::id())).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_failed_is_run_again_with_changes() {
    let page = Dashboard::open(builder(), "/tasks/fail").await;
    page.enter("/reason", "first").await;
    page.click("Submit as a job").await;
    page.sees("failed").await;
    page.sees("first").await;
    page.click_text("Run again…").await;
    page.sees("The parameters are those of").await;
    page.enter("/reason", "second").await;
    page.click("Submit as a job").await;
    page.sees("Changed").await;
    page.sees("again.").await;
    page.sees("\"first\"").await;
    page.sees("\"second\"").await;
    page.click("Retry").await;
    page.sees("failed").await;
    // The other way round, too.
    page.click_on(Locator::Css("section p a")).await;
    page.sees("Run again as").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_are_shown_and_an_event_is_sent() {
    let page = Dashboard::open(builder(), "/tasks/ask").await;
    page.click("Submit as a job").await;
    page.sees("it waits for the event `answer`").await;
    page.sees("question").await;
    page.sees("19 bytes").await;
    page.sees("waits until").await;
    let answer = page.css("input[placeholder='null']").await;
    answer.send_keys("\"sesame\"").await.unwrap();
    page.click("Send").await;
    page.sees("completed").await;
    page.sees("What is the word? sesame").await;
    // All of it again, as a new job.
    page.click("Run again from here: question").await;
    page.sees("it waits for the event `answer`").await;
    let answer = page.css("input[placeholder='null']").await;
    answer.send_keys("\"abracadabra\"").await.unwrap();
    page.click("Send").await;
    page.sees("What is the word? abracadabra").await;
    // And without the first step.
    page.click("Run again from here: answer").await;
    page.sees("kept").await;
    page.sees("it waits for the event `answer`").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_leads_to_its_child_and_back() {
    let page = Dashboard::open(builder(), "/tasks/delegate").await;
    page.click("Submit as a job").await;
    page.sees("it waits for the end of job").await;
    page.sees("Submitted the jobs").await;
    page.click_on(Locator::Css("[aria-label='Steps'] td a"))
        .await;
    page.sees("Submitted by the job").await;
    page.sees("completed").await;
    page.click_on(Locator::Css("dl ul.ids a")).await;
    page.sees("delegate").await;
    page.sees("completed").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_form_of_an_event_is_made_of_its_type() {
    let page = Dashboard::open(builder(), "/tasks/decide").await;
    page.click("Submit as a job").await;
    page.sees("it waits for the event `decision`").await;
    page.sees("Event decision").await;
    page.click("Send decision").await;
    page.sees("The event does not fit yet.").await;
    page.enter("/event/decision/reason", "it is \"fine\"").await;
    page.click("Send decision").await;
    page.sees("completed").await;
    page.sees("false: it is \"fine\"").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_is_read_to_its_end() {
    let page = Dashboard::open(builder(), "/tasks/chatter").await;
    page.click("Submit as a job").await;
    page.sees("line 250.").await;
    page.sees("line 1.").await;
    page.close().await;
}

/// Lists are read again while somebody types.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_into_a_filter_stays() {
    let page = Dashboard::open(builder(), "/jobs").await;
    let filter = page.css("[aria-label='Task']").await;
    filter.send_keys("cou").await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let typed = filter.prop("value").await.unwrap();
    assert_eq!(typed.as_deref(), Some("cou"));
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_jobs_of_a_filter_are_canceled_and_that_is_undone() {
    let page = Dashboard::open(builder(), "/jobs").await;
    let submit = page.app.url("/api/v1/tasks/count/$submit");
    for _ in 0..3 {
        let body = serde_json::json!({"params": {"to": 1}, "delay": 3600});
        tasks_tests::http::post(&submit, &body).await.unwrap();
    }
    page.goto("/jobs?status=pending&task=count").await;
    page.click("Cancel all…").await;
    page.sees("Cancel 3 jobs that fit the filter?").await;
    page.click("Cancel them").await;
    page.sees("3 jobs will be canceled soon.").await;
    page.click("Undo").await;
    page.sees("Undone: no job was changed.").await;
    page.click("Close").await;
    page.click("Delete all…").await;
    page.click("Delete them").await;
    page.sees("3 jobs deleted.").await;
    page.sees("No job fits the filter.").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_is_paused_and_resumed() {
    let page = Dashboard::open(builder(), "/queues").await;
    page.sees("active").await;
    page.click("Pause default").await;
    let reason = page.css("form.run input").await;
    reason.send_keys("maintenance").await.unwrap();
    page.click("Pause the queue").await;
    page.sees("paused since").await;
    page.sees(": maintenance").await;
    page.goto("/tasks/count").await;
    page.enter("/to", "1").await;
    page.click("Submit as a job").await;
    page.sees("the queue `default` is paused since").await;
    page.click_text("To the queues").await;
    page.click("Resume default").await;
    page.sees("active").await;
    page.goto("/jobs").await;
    page.find(Locator::XPath("//td//*[text()='completed']"))
        .await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_paused_and_resumed() {
    let page = Dashboard::open(builder(), "/tasks/count").await;
    page.click("Pause its jobs…").await;
    let reason = page.css("form[aria-label='Pause count'] input").await;
    reason.send_keys("maintenance").await.unwrap();
    page.click("Pause the task").await;
    page.sees("paused since").await;
    page.enter("/to", "1").await;
    page.click("Submit as a job").await;
    page.sees("the task `count` is paused since").await;
    page.goto("/queues").await;
    page.sees("Paused tasks").await;
    page.click("Resume count").await;
    page.goto("/jobs").await;
    page.find(Locator::XPath("//td//*[text()='completed']"))
        .await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_canceled_and_a_list_is_filtered() {
    let page = Dashboard::open(builder(), "/tasks/count").await;
    page.enter("/to", "1000000").await;
    page.click("Submit as a job").await;
    page.sees("running").await;
    page.click("Cancel").await;
    page.sees("canceled").await;
    page.goto("/jobs?status=completed").await;
    page.sees("No job fits the filter.").await;
    page.goto("/jobs?status=canceled&task=count").await;
    page.find(Locator::XPath("//td//*[text()='count']")).await;
    page.close().await;
}

/// The list changes while somebody looks, and does so again when the service was away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_changes_as_jobs_do() {
    let page = Dashboard::open(builder(), "/jobs").await;
    page.sees("No job has been submitted yet").await;
    // Nobody asks for the list meanwhile.
    let requests = "return performance.getEntriesByType('resource').filter(one => /jobs(\\?|\\/\\$stats)/.test(one.name)).length";
    tokio::time::sleep(Duration::from_secs(5)).await;
    let asked = page.script(requests).await.as_u64().unwrap();
    assert!(asked <= 4, "{asked}");
    let submit = page.app.url("/api/v1/tasks/count/$submit");
    let body = serde_json::json!({"params": {"to": 20}});
    tasks_tests::http::post(&submit, &body).await.unwrap();
    page.find(Locator::XPath("//td//*[text()='running']")).await;
    page.sees("counting").await;
    page.find(Locator::XPath("//td//*[text()='completed']"))
        .await;
    let after = page.script(requests).await.as_u64().unwrap();
    assert_eq!(after, asked);
    page.close().await;
}

/// What is changed is in the audit log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_in_the_audit_log() {
    let page = Dashboard::open(builder(), "/audit-log").await;
    page.sees("Nothing has been changed yet").await;
    page.goto("/tasks/count").await;
    page.enter("/to", "1000000").await;
    page.click("Submit as a job").await;
    page.sees("running").await;
    page.click("Cancel").await;
    page.sees("canceled").await;
    page.click_text("Audit log").await;
    page.sees("cancel_job").await;
    page.click_on(Locator::XPath("//td//a[contains(., '$cancel')]"))
        .await;
    page.find(Locator::XPath("//h1[contains(., 'count')]"))
        .await;
    page.close().await;
}
