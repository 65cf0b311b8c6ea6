//! Jobs, as they run.

use fantoccini::Locator;

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

fn builder() -> ServiceBuilder {
    let registry = TaskRegistry::builder().task(chatter).task(count).task(fail);
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
    page.text("Jobs").await.click().await.unwrap();
    page.text("count").await;
    page.sees("page 1 of 1, 1 jobs").await;
    // And who ran it is known.
    page.text("Workers").await.click().await.unwrap();
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
    page.text("Run again…").await.click().await.unwrap();
    page.sees("The parameters are those of").await;
    page.enter("/reason", "second").await;
    page.click("Submit as a job").await;
    page.sees("It was run again from").await;
    page.sees("\"first\"").await;
    page.sees("\"second\"").await;
    page.click("Retry").await;
    page.sees("failed").await;
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
