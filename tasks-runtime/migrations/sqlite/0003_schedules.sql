-- Jobs that come again. Times are microseconds since 1970, in UTC; exactly one of cron, interval_us and once_at is there.
CREATE TABLE tasks_schedules (
    name TEXT PRIMARY KEY NOT NULL,
    task_name TEXT NOT NULL,
    -- JSON.
    params TEXT NOT NULL,
    description TEXT,
    cron TEXT,
    timezone TEXT NOT NULL,
    interval_us BIGINT,
    once_at BIGINT,
    paused INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL when it will not run again.
    next_run_at BIGINT,
    last_run_at BIGINT,
    last_job_id TEXT
);
CREATE INDEX tasks_schedules_next ON tasks_schedules (next_run_at) WHERE paused = 0 AND next_run_at IS NOT NULL;
