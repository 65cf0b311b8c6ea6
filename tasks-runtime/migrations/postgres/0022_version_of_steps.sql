-- The version of the task whose code stored a step. Those of the version before are of the first one.
ALTER TABLE tasks_job_steps ADD COLUMN task_version INTEGER NOT NULL DEFAULT 1;
