-- What is done to many jobs in the background: cancel, retry or delete those that fit a filter. Times are microseconds since 1970, in UTC.
CREATE TABLE tasks_job_operations (
    id TEXT PRIMARY KEY NOT NULL,
    action TEXT NOT NULL,
    -- JSON.
    filter TEXT NOT NULL,
    -- 0 waits for its time, 1 runs, 2 is done, 3 was canceled.
    state INTEGER NOT NULL,
    requested_at BIGINT NOT NULL,
    -- The name of the API key that it was asked for with.
    requested_by TEXT,
    begins_at BIGINT NOT NULL,
    finished_at BIGINT,
    -- The id of the newest job when it was asked for: later ones are left alone.
    up_to TEXT NOT NULL,
    -- The id of the last job that was looked at.
    seen TEXT NOT NULL,
    -- How many jobs fitted when it was asked for, and whether there may have been more.
    total BIGINT NOT NULL,
    more INTEGER NOT NULL,
    done BIGINT NOT NULL,
    -- How many jobs could not be changed.
    passed_over BIGINT NOT NULL
);
CREATE INDEX tasks_job_operations_open ON tasks_job_operations (begins_at, id) WHERE state < 2;
