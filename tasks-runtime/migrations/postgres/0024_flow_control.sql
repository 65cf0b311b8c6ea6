-- Limits over all processes. A job of a task that has one has `by_name = 2`, and is claimed by its task and its key, so that nobody steps over those
-- that have to wait. The key is the value of a parameter; of a task without such a parameter it is empty.
ALTER TABLE tasks_jobs ADD COLUMN concurrency_key TEXT COLLATE "C";
CREATE INDEX tasks_jobs_ready_limited ON tasks_jobs (queue, task_name, concurrency_key, priority DESC, run_at, id)
    WHERE state = 1 AND crashes < 2 AND by_name = 2;
CREATE INDEX tasks_jobs_running_limited ON tasks_jobs (task_name, concurrency_key) WHERE state = 2 AND by_name = 2;

-- How many attempts began, where a rate limits that: for as long as they count.
CREATE TABLE tasks_job_starts (
    -- `queue:NAME`, `task:NAME`, or `key:NAME` for the keys of a task.
    scope TEXT COLLATE "C" NOT NULL,
    concurrency_key TEXT COLLATE "C" NOT NULL,
    -- A hundredth of the period, by its begin in microseconds since 1970, in UTC.
    at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    -- When they do not count any more.
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (scope, concurrency_key, at)
);
CREATE INDEX tasks_job_starts_end ON tasks_job_starts (ends_at);

-- The names of the tasks that a worker limits over all processes, as a JSON array: jobs of one that no worker limits are claimed like all others.
ALTER TABLE tasks_workers ADD COLUMN limited_tasks TEXT NOT NULL DEFAULT '[]';

-- Tasks whose jobs do not begin, as `tasks_paused_queues` has them for queues.
CREATE TABLE tasks_paused_tasks (
    task_name TEXT PRIMARY KEY NOT NULL,
    -- Microseconds since 1970, in UTC.
    paused_at BIGINT NOT NULL,
    -- The name of the API key that it was paused with.
    paused_by TEXT,
    reason TEXT
);

-- The job of a burst of submissions: of the first one, or of the last one.
CREATE TABLE tasks_job_bursts (
    task_name TEXT NOT NULL,
    -- 1: others that follow within the period are dropped; 2: each one that follows takes the place of the one before.
    kind INTEGER NOT NULL,
    -- The name of the API key of the submissions, or empty.
    caller TEXT NOT NULL,
    burst_key TEXT NOT NULL,
    job_id TEXT NOT NULL,
    -- When the burst is over, in microseconds since 1970, in UTC.
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (task_name, kind, caller, burst_key)
);
CREATE INDEX tasks_job_bursts_end ON tasks_job_bursts (ends_at);
