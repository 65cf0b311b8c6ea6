-- Where jobs come from that did not come from outside: the job whose code submitted them, and the one whose work they repeat. Other jobs have no
-- row here. Either may be deleted by now.
CREATE TABLE tasks_job_origins (
    -- Processes of the version before delete jobs, too, and know nothing of this table.
    job_id TEXT PRIMARY KEY NOT NULL REFERENCES tasks_jobs (id) ON DELETE CASCADE,
    parent_id TEXT,
    rerun_of TEXT
);
CREATE INDEX tasks_job_origins_parent ON tasks_job_origins (parent_id, job_id) WHERE parent_id IS NOT NULL;
CREATE INDEX tasks_job_origins_rerun ON tasks_job_origins (rerun_of, job_id) WHERE rerun_of IS NOT NULL;
