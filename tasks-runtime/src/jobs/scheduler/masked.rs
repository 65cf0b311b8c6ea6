//! Records with what is secret in the parameters masked.

use super::Scheduler;
use crate::arguments::{self, Input};
use crate::artifacts::JsonText;
use crate::jobs::record::JobRecord;
use crate::jobs::table::JobRow;

/// What is shown in place of parameters that are not JSON any more: a damaged record breaks no list.
const DAMAGED: &str = r#"{"$damaged":"the parameters that are stored are not JSON"}"#;

impl Scheduler {
    /// With what is secret in the parameters masked.
    pub(in crate::jobs) fn record(&self, row: JobRow) -> JobRecord {
        row.record(|name, params| self.masked(name, params))
    }

    /// As it stands in a list.
    pub(super) fn list_item(&self, row: JobRow) -> JobRecord {
        row.list_item(|name, params| self.masked(name, params))
    }

    /// Parameters of a task, with what is secret in them masked; `None` when this process does not have the task, and so does not know
    /// what is secret in them.
    #[allow(clippy::needless_pass_by_value, reason = "given away by its row")]
    pub(in crate::jobs) fn masked(&self, task: &str, params: String) -> Option<JsonText> {
        let executor = self.read(|state| state.executor.clone());
        let entry = executor
            .as_ref()
            .and_then(|executor| executor.registry().get(task).ok());
        let entry = entry?;
        let Some(params) = JsonText::stored(params) else {
            return Some(JsonText::trusted(DAMAGED.to_owned()));
        };
        let mut json = Vec::new();
        arguments::echo(Input::Params(params.as_str()), entry.declared()).write(&mut json);
        let json = String::from_utf8(json).unwrap_or_else(|_| "{}".to_owned());
        Some(JsonText::trusted(json))
    }
}
