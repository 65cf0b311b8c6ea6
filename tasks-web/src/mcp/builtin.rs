//! Tools of the server's own: to look after jobs, and to find tasks in a large service.

use serde_json::{Value, json};

/// A tool of the server's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builtin {
    JobsGet,
    JobsCancel,
    JobsLogs,
    SearchTasks,
    DescribeTask,
    RunTask,
}

impl Builtin {
    /// Those about jobs.
    pub(super) const JOBS: [Self; 3] = [Self::JobsGet, Self::JobsCancel, Self::JobsLogs];

    /// Those that stand for all tasks.
    pub(super) const CATALOG: [Self; 3] = [Self::SearchTasks, Self::DescribeTask, Self::RunTask];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::JobsGet => "jobs_get",
            Self::JobsCancel => "jobs_cancel",
            Self::JobsLogs => "jobs_logs",
            Self::SearchTasks => "search_tasks",
            Self::DescribeTask => "describe_task",
            Self::RunTask => "run_task",
        }
    }

    /// Whether it changes nothing. What `run_task` may run is checked for the task.
    pub(super) fn is_read_only(self) -> bool {
        !matches!(self, Self::JobsCancel)
    }

    /// Whether it has an argument of this name.
    pub(super) fn takes(self, name: &str) -> bool {
        self.input()["properties"].get(name).is_some()
    }

    fn title(self) -> &'static str {
        match self {
            Self::JobsGet => "Get a job",
            Self::JobsCancel => "Cancel a job",
            Self::JobsLogs => "Read the log of a job",
            Self::SearchTasks => "Search tasks",
            Self::DescribeTask => "Describe a task",
            Self::RunTask => "Run a task",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::JobsGet => {
                "Says how a background job is, and gives its result once it is done. `wait_seconds` waits for that, up to 50 seconds: ask again \
                 while the status is `pending` or `running`."
            }
            Self::JobsCancel => {
                "Asks a background job to stop. A job that has ended stays as it is. What it did before that is not undone."
            }
            Self::JobsLogs => {
                "Gives the lines that a background job has logged, oldest first: up to 100, from the line after `after` on."
            }
            Self::SearchTasks => {
                "Finds tasks of this service by words in their names, tags and descriptions. Without words, lists them. Begin here: then `describe_task`, \
                 then `run_task`."
            }
            Self::DescribeTask => {
                "Says all about one task: what it does, the JSON Schema of its arguments, and that of its result."
            }
            Self::RunTask => {
                "Runs a task of this service with the arguments that `describe_task` tells. Wrong arguments are all named, and nothing is run then."
            }
        }
    }

    fn input(self) -> Value {
        let job = json!({"type": "string", "description": "Id of the job, from the result of the tool that began it."});
        let task = json!({"type": "string", "description": "Name of the task."});
        let (properties, required): (Value, &[&str]) = match self {
            Self::JobsGet => (
                json!({"job_id": job, "wait_seconds": {
                    "type": "number", "minimum": 0, "maximum": MAX_WAIT_SECONDS, "default": 0,
                    "description": "How long to wait for its end.",
                }}),
                &["job_id"],
            ),
            Self::JobsCancel => (json!({"job_id": job}), &["job_id"]),
            Self::JobsLogs => (
                json!({"job_id": job, "after": {
                    "type": "integer", "minimum": 0, "default": 0,
                    "description": "Number of the last line that is known already.",
                }}),
                &["job_id"],
            ),
            Self::SearchTasks => (
                json!({"query": {
                    "type": "string", "maxLength": 200, "default": "",
                    "description": "Words to look for; a task that has more of them comes first.",
                }}),
                &[],
            ),
            Self::DescribeTask => (json!({"name": task}), &["name"]),
            Self::RunTask => (
                json!({"name": task, "arguments": {
                    "type": "object", "description": "Arguments of the task, as `describe_task` tells them.",
                }}),
                &["name"],
            ),
        };
        let mut schema =
            json!({"type": "object", "properties": properties, "additionalProperties": false});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    /// The tool as it is listed.
    pub(super) fn definition(self) -> Value {
        let runs = self == Self::RunTask;
        json!({
            "name": self.name(),
            "title": self.title(),
            "description": self.description(),
            "inputSchema": self.input(),
            "annotations": {
                "title": self.title(),
                "readOnlyHint": self.is_read_only() && !runs,
                "destructiveHint": runs || self == Self::JobsCancel,
                "idempotentHint": !runs,
                "openWorldHint": runs,
            },
        })
    }
}

/// How long `jobs_get` waits at most.
pub(super) const MAX_WAIT_SECONDS: f64 = 50.0;
