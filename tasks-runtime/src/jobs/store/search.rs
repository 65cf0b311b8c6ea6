//! Texts that jobs are searched for.

use crate::database::{Backend, search};

/// How many jobs are searched: the newest ones.
const MAX_SEARCHED: usize = 100_000;
/// How long parameters may be that are searched, in bytes.
const MAX_PARAMS: usize = 8192;

/// A condition of SQL in pieces, with a value after each but the last.
pub(super) struct Condition {
    pub(super) in_error: String,
    pub(super) error: String,
    pub(super) in_params: String,
    pub(super) params: String,
    pub(super) or_escaped: &'static str,
    pub(super) escaped: String,
    pub(super) of_tasks: String,
    pub(super) tasks: String,
    pub(super) end: &'static str,
}

impl Condition {
    /// The jobs that have a text in their error, or in their parameters if they are of some tasks.
    pub(super) fn new(backend: Backend, text: &str, tasks: &[String]) -> Self {
        let (names, end) = match backend {
            Backend::Sqlite => ("SELECT value FROM json_each(", "))))"),
            Backend::Postgres => ("SELECT jsonb_array_elements_text(CAST(", " AS JSONB)))))"),
        };
        let like = search::like(backend);
        let inside = search::inside_json(text);
        // Many clients send ASCII alone, and what they have sent is kept.
        let (or_escaped, escaped) = match (search::ascii_json(&inside), backend) {
            (None, _) => (" ESCAPE '!' OR '' LIKE ", "_".to_owned()),
            (Some(escaped), Backend::Sqlite) => (
                " ESCAPE '!' OR tasks_jobs.params LIKE ",
                search::containing(&escaped),
            ),
            (Some(escaped), Backend::Postgres) => (
                " ESCAPE '!' OR tasks_jobs.params ILIKE ",
                search::containing(&escaped),
            ),
        };
        Self {
            in_error: format!(
                "tasks_jobs.id >= COALESCE((SELECT newest.id FROM tasks_jobs AS newest ORDER BY newest.id DESC LIMIT 1 OFFSET {}), '') \
                 AND (tasks_jobs.error {like} ",
                MAX_SEARCHED - 1
            ),
            error: search::containing(text),
            in_params: format!(
                " ESCAPE '!' OR (octet_length(tasks_jobs.params) <= {MAX_PARAMS} AND (tasks_jobs.params {like} "
            ),
            params: search::containing(&inside),
            or_escaped,
            escaped,
            of_tasks: format!(" ESCAPE '!') AND tasks_jobs.task_name IN ({names}"),
            tasks: serde_json::to_string(tasks).unwrap_or_else(|_| "[]".to_owned()),
            end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stands_for_itself() {
        let condition = Condition::new(Backend::Sqlite, "say \"hi\"", &[]);
        assert_eq!(condition.error, "%say \"hi\"%");
        assert_eq!(condition.params, r#"%say \"hi\"%"#);
    }
}
