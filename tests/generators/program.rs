//! Calls the service whose URL is the argument, with a client that progenitor has made.

use task_execution_3_0::{Client, Error, types};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("a URL is missing")?;
    let client = Client::new(&url);
    let body: types::ExecuteAddBody = serde_json::from_str(r#"{"params": {"a": 1, "b": 2}}"#)?;
    let answer = client.execute_add(&body).await?.into_inner();
    let result = serde_json::to_value(&answer.result)?;
    assert_eq!(result["result"], 3, "{answer:?}");

    // The generator takes problems for bytes.
    match client.get_task(&"no-such-task".parse()?).await {
        Err(Error::ErrorResponse(problem)) if problem.status() == 404 => Ok(()),
        _ => Err("a task that is not there is 404".into()),
    }
}
