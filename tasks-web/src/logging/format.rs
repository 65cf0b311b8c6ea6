//! What is added to each event: which execution it is about.

use std::fmt;

use serde_json::Value;
use tasks_runtime::TaskContext;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// A format for people or for programs, with the ids of the task whose code logs.
///
/// They are asked for when there is an event: an execution that logs nothing pays nothing for it.
pub(super) struct WithTask<F> {
    pub(super) inner: F,
    pub(super) json: bool,
}

impl<S, N, F> FormatEvent<S, N> for WithTask<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let task = TaskContext::current();
        let object = self.json && event.metadata().fields().field(CRATES).is_some();
        if task.is_none() && !object {
            return self.inner.format_event(context, writer, event);
        }
        let mut text = String::new();
        self.inner
            .format_event(context, Writer::new(&mut text), event)?;
        if object {
            text = with_object(&text);
        }
        let Some(task) = task else {
            return writer.write_str(&text);
        };
        let fields = fields(&task);
        let text = text.trim_end();
        if self.json {
            // An object, which is not empty: it has a time.
            writer.write_str(text.strip_suffix('}').unwrap_or(text))?;
            for (name, value) in fields {
                // An event that says it by itself is right.
                if !text.contains(&format!("\"{name}\":")) {
                    write!(writer, ",\"{name}\":{value}")?;
                }
            }
            return writer.write_str("}\n");
        }
        writer.write_str(text)?;
        for (name, value) in fields {
            write!(writer, " {name}={value}")?;
        }
        writer.write_char('\n')
    }
}

/// The ids, as JSON.
fn fields(task: &TaskContext) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("task", Value::from(task.task_name())),
        ("execution_id", Value::from(task.execution_id().to_string())),
    ];
    if let Some(id) = task.caller().request_id() {
        fields.push(("request_id", Value::from(id)));
    }
    #[cfg(feature = "database")]
    if let Some(id) = task.job_id() {
        fields.push(("job_id", Value::from(id.to_string())));
        fields.push(("attempt", Value::from(task.attempt())));
    }
    fields
}

/// The field of the event that says how many tasks came from which crate. It is JSON, which a field of `tracing` cannot be.
const CRATES: &str = "crates";

fn with_object(text: &str) -> String {
    let Ok(mut event) = serde_json::from_str::<Value>(text) else {
        return text.to_owned();
    };
    let crates = event.get(CRATES).and_then(Value::as_str);
    if let Some(crates) = crates.and_then(|crates| serde_json::from_str(crates).ok()) {
        event[CRATES] = crates;
    }
    format!("{event}\n")
}
