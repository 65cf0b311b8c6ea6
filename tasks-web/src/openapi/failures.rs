//! What the document says of failures of tasks.

use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};
use tasks_runtime::{FailureCode, RegisteredTask};

use super::problems;

/// The codes of a task's errors as a table, if it has some.
pub(super) fn table(task: &RegisteredTask) -> Option<String> {
    let codes = task.error_codes();
    if codes.is_empty() {
        return None;
    }
    let mut text = "\n\n| `code` | Meaning | Another attempt |\n| --- | --- | --- |".to_owned();
    for code in &codes {
        let info = code.info();
        let meaning = info.description.unwrap_or_default();
        let meaning = meaning.replace('\n', " ").replace('|', "\\|");
        let again = match (info.permanent, info.retry_after) {
            (true, _) => "fails as well".to_owned(),
            (false, Some(seconds)) => format!("after {seconds} s"),
            (false, None) => String::new(),
        };
        text.push_str(&format!("\n| `{}` | {meaning} | {again} |", info.code));
    }
    Some(text)
}

/// Adds what `$execute` answers when the task fails, where failures have a status.
pub(super) fn add_responses(operation: &mut Value, task: &RegisteredTask, usual: StatusCode) {
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    if let Some(completed) = responses.get_mut("200") {
        completed["description"] = json!("The task ran, and did not fail: `error` is null.");
    }
    let codes = task.error_codes();
    let is_usual = |code: &&FailureCode| code.status().is_none();
    let usual_codes: Vec<&str> = codes
        .iter()
        .filter(is_usual)
        .map(FailureCode::code)
        .collect();
    add(responses, usual.as_u16(), &usual_codes);
    for code in &codes {
        if let Some(status) = code.status() {
            add(responses, status, &[code.code()]);
        }
    }
    add(
        responses,
        500,
        &["panic", "not-finite", "not-serializable", "internal"],
    );
    add(responses, 504, &["timeout"]);
}

/// A status that the task fails with, beside what it means already.
fn add(responses: &mut Map<String, Value>, status: u16, codes: &[&str]) {
    let codes: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let meaning = match codes.as_slice() {
        [] => "The task failed: `error` says why.".to_owned(),
        [codes @ .., last] => {
            let before = if codes.is_empty() {
                String::new()
            } else {
                format!("{} or ", codes.join(", "))
            };
            format!("The task failed with the code {before}{last}: `error` says why.")
        }
    };
    let response = responses
        .entry(status.to_string())
        .or_insert_with(|| problems::response(""));
    problems::add_retry_after(response);
    let description = match response["description"].as_str() {
        None | Some("") => meaning,
        Some(other) => format!("{other} {meaning}"),
    };
    response["description"] = description.into();
}
