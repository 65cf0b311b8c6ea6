-- Processes that run jobs. One whose beat stays the same is taken for dead.
CREATE TABLE tasks_workers (
    id TEXT PRIMARY KEY NOT NULL,
    beat BIGINT NOT NULL,
    host TEXT NOT NULL,
    process BIGINT NOT NULL,
    started_at BIGINT NOT NULL
);

-- Times are microseconds since 1970, in UTC.
CREATE TABLE tasks_jobs (
    id TEXT PRIMARY KEY NOT NULL,
    -- NULL for a closure, which ends with its process.
    task_name TEXT,
    description TEXT,
    queue TEXT NOT NULL,
    -- 0 waits for its time, 1 is ready, 2 runs, 3 is completed, 4 failed, 5 is canceled.
    state INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    run_at BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    scheduled_at BIGINT,
    started_at BIGINT,
    finished_at BIGINT,
    cancel_requested_at BIGINT,
    attempt INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    -- How often its process died while it ran.
    crashes INTEGER NOT NULL,
    -- Counts how often it was given to a worker: what an earlier one says does not count any more.
    fence BIGINT NOT NULL,
    worker TEXT,
    timeout_ms BIGINT,
    idempotency_key TEXT,
    unique_key TEXT,
    artifact_id TEXT,
    error_type TEXT,
    error TEXT,
    error_traceback TEXT,
    -- JSON.
    progress TEXT,
    params TEXT NOT NULL,
    result TEXT
);
CREATE INDEX tasks_jobs_ready ON tasks_jobs (queue, priority DESC, run_at, id) WHERE state = 1 AND crashes = 0;
CREATE INDEX tasks_jobs_suspect ON tasks_jobs (queue, priority DESC, run_at, id) WHERE state = 1 AND crashes > 0;
CREATE INDEX tasks_jobs_waiting ON tasks_jobs (run_at) WHERE state = 0;
CREATE INDEX tasks_jobs_running ON tasks_jobs (worker) WHERE state = 2;
CREATE INDEX tasks_jobs_finished ON tasks_jobs (finished_at) WHERE state > 2;
CREATE INDEX tasks_jobs_unsuccessful ON tasks_jobs (state, id) WHERE state > 3;
CREATE INDEX tasks_jobs_task ON tasks_jobs (task_name, id);
CREATE UNIQUE INDEX tasks_jobs_idempotency ON tasks_jobs (task_name, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX tasks_jobs_unique ON tasks_jobs (task_name, unique_key) WHERE unique_key IS NOT NULL AND state < 3;

CREATE TABLE tasks_job_logs (
    job_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at BIGINT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (job_id, number)
);
-- Every job is updated several times: room on the page lets that happen in place, and dead rows go early.
ALTER TABLE tasks_jobs SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
