-- What the jobs of each minute, of each ten minutes and of each hour came to: processes that submit and run jobs count it, and add to it every some
-- seconds. One of the version before neither counts nor reads.
CREATE TABLE tasks_job_history (
    -- How long it is, in seconds: 60, 600 or 3600.
    step INTEGER NOT NULL,
    -- When it begins, in microseconds since 1970, in UTC.
    at BIGINT NOT NULL,
    -- Empty for closures.
    task TEXT NOT NULL,
    queue TEXT NOT NULL,
    -- 0 counts jobs that were submitted, 1 that completed, 2 that failed, 3 that were canceled, 4 failed attempts that another follows, 5
    -- attempts whose process died. From 100 on are the buckets of times that attempts waited, from 200 on of times that they ran.
    measure INTEGER NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (step, at, task, queue, measure)
) WITHOUT ROWID;
-- The latest batch of figures that each process has added: one whose COMMIT was not answered is sent again, and counts once.
CREATE TABLE tasks_job_history_writers (
    id TEXT PRIMARY KEY NOT NULL,
    batch BIGINT NOT NULL,
    written_at BIGINT NOT NULL
);
-- Where the error of an attempt began: a place in the source, or the pointer to the parameter that does not fit.
ALTER TABLE tasks_job_attempts ADD COLUMN error_location TEXT;
-- Failures are grouped by looking at the latest ones.
CREATE INDEX tasks_job_attempts_finished ON tasks_job_attempts (finished_at);
