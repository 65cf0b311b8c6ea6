-- Attempts that failed, or whose process died. What the latest attempt came to is in the row of its job; one that completes has no row here.
CREATE TABLE tasks_job_attempts (
    -- Processes of the version before delete jobs, too, and know nothing of this table.
    job_id TEXT NOT NULL REFERENCES tasks_jobs (id) ON DELETE CASCADE,
    -- That of the job during the attempt.
    fence BIGINT NOT NULL,
    -- Its number, as it is counted. That of a crash is given to the next attempt again.
    number INTEGER NOT NULL,
    -- The machine and the process that ran it.
    host TEXT NOT NULL,
    process BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT NOT NULL,
    error_type TEXT NOT NULL,
    error_code TEXT,
    error TEXT NOT NULL,
    PRIMARY KEY (job_id, fence)
);
