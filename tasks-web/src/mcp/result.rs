//! Results of tools.

use std::borrow::Cow;
use std::fmt::Write as _;

use tasks_runtime::{ArgumentError, ExecuteError, InvalidArguments, TaskFailure};

use super::json::{quote, quoted};
use super::reply::{Answer, Reply};
use super::tool::Output;
use super::version::Version;
use crate::problem::capped;

/// The members of a result, without the braces around them: what is said to all clients comes before.
pub(super) type Members = String;

/// What a task returned.
pub(super) fn success(json: &str, output: Output, version: Version) -> Members {
    if output.is_content {
        let list = json.starts_with('[');
        let (open, close) = if list { ("", "") } else { ("[", "]") };
        return format!("\"content\":{open}{json}{close},\"isError\":false");
    }
    let mut members = String::with_capacity(2 * json.len() + json.len() / 8 + 80);
    members.push_str("\"content\":[{\"type\":\"text\",\"text\":");
    if json.starts_with('"') {
        members.push_str(json);
    } else {
        quote(json, &mut members);
    }
    members.push_str("}],");
    push_structured(&mut members, json, output, version);
    members.push_str("\"isError\":false");
    members
}

/// The result as JSON. Before 2026-07-28 it has to be an object, so any other one is wrapped.
fn push_structured(members: &mut Members, json: &str, output: Output, version: Version) {
    let is_object = if output.has_schema {
        output.is_object
    } else {
        json.starts_with('{')
    };
    members.push_str("\"structuredContent\":");
    if version.is_stateless() || is_object {
        members.push_str(json);
    } else {
        members.push_str("{\"result\":");
        members.push_str(json);
        members.push('}');
    }
    members.push(',');
}

/// Content that is a text for the model, beside an object for programs.
pub(super) fn with_text(text: &str, json: &str) -> Members {
    format!(
        "\"content\":[{{\"type\":\"text\",\"text\":{}}}],\"structuredContent\":{json},\"isError\":false",
        quoted(text)
    )
}

/// What went wrong, for a model that is to do better.
pub(super) fn failure(text: &str) -> Members {
    format!(
        "\"content\":[{{\"type\":\"text\",\"text\":{}}}],\"isError\":true",
        quoted(text)
    )
}

/// A call with arguments that a tool of the server's own does not take.
pub(super) fn refused(tool: &str, reason: &str) -> Answer {
    let stop = if reason.ends_with(['?', '.']) {
        ""
    } else {
        "."
    };
    let text = format!("`{tool}`: {reason}{stop} Nothing was done.");
    Ok(Reply::new(failure(&text)))
}

/// A task that failed.
pub(super) fn task_failed(task: &str, failed: &TaskFailure) -> Members {
    failure(&failure_text(task, failed))
}

/// Says how a task failed, all of it: hosts show a model the text alone.
pub(super) fn failure_text(task: &str, failed: &TaskFailure) -> String {
    /// More than that is no help to a model.
    const LONGEST: usize = 8_000;
    let cut = |text: &str| match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}… (cut)", &text[..end]),
        None => text.to_owned(),
    };
    let mut text = format!("`{task}` failed: {}", cut(&failed.message));
    if let Some(code) = &failed.code {
        let _ = write!(text, "\nCode: {code}");
    }
    if let Some(details) = &failed.details {
        let _ = write!(text, "\nDetails: {}", cut(&details.to_string()));
    }
    if failed.is_permanent() {
        text.push_str("\nAnother attempt with the same arguments would fail as well.");
    } else if let Some(time) = failed.retry_after() {
        let _ = write!(
            text,
            "\nTry again in {} seconds.",
            time.as_secs_f64().ceil()
        );
    }
    text
}

/// Why a task did not run, in words for a model.
pub(super) fn refusal(error: &ExecuteError) -> String {
    match error {
        ExecuteError::InvalidArguments {
            task,
            reason: InvalidArguments::Mismatch(errors),
        } => wrong_arguments(task, errors),
        ExecuteError::InvalidArguments { task, reason } => {
            format!("The arguments of `{task}` cannot be read: {reason}. Send one JSON object.")
        }
        ExecuteError::Refused { .. } => format!("{error}. Try again in a second."),
        other => other.to_string(),
    }
}

/// A text of the client's, which must not look like lines of ours.
fn in_one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().flat_map(|c| match c.is_control() {
        true => c.escape_default().collect::<Vec<char>>(),
        false => vec![c],
    });
    Cow::Owned(escaped.collect())
}

/// Says all that is wrong with arguments, so that one more call is enough.
pub(super) fn wrong_arguments(task: &str, errors: &[ArgumentError]) -> String {
    let mut text = format!("The arguments of `{task}` are wrong; nothing was run.");
    for error in capped(errors.to_vec()) {
        let pointer = error
            .pointer
            .strip_prefix("/params")
            .unwrap_or(&error.pointer);
        let place = if pointer.is_empty() { "(all)" } else { pointer };
        let _ = write!(
            text,
            "\n- {}: {} ({})",
            in_one_line(place),
            in_one_line(&error.detail),
            error.code.as_str()
        );
    }
    text.push_str("\nCorrect them and try again.");
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(members: &str) -> Value {
        serde_json::from_str(&format!("{{{members}}}")).unwrap()
    }

    fn output(is_object: bool) -> Output {
        Output {
            is_content: false,
            is_object,
            has_schema: true,
        }
    }

    #[test]
    fn results_are_text_and_json() {
        let new = Version::V2026_07_28;
        let object = read(&success(r#"{"a":"x\ny"}"#, output(true), new));
        assert_eq!(object["structuredContent"], json!({"a": "x\ny"}));
        assert_eq!(object["content"][0]["text"], r#"{"a":"x\ny"}"#);
        let text = read(&success(r#""a\nb""#, output(false), new));
        assert_eq!(text["structuredContent"], "a\nb");
        assert_eq!(text["content"][0]["text"], "a\nb");
    }

    #[test]
    fn before_2026_all_but_objects_are_wrapped() {
        let old = Version::V2025_06_18;
        assert_eq!(
            read(&success("[1]", output(false), old))["structuredContent"],
            json!({"result": [1]})
        );
        assert_eq!(
            read(&success(r#"{"a":1}"#, output(true), old))["structuredContent"],
            json!({"a": 1})
        );
    }
}
