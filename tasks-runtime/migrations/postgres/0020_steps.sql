-- What the steps of jobs came to, so that later attempts do not do them again, and what jobs wait for.
CREATE TABLE tasks_job_steps (
    -- Processes of the version before delete jobs, too, and know nothing of this table.
    job_id TEXT NOT NULL REFERENCES tasks_jobs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- 0: a step; 1: a sleep; 2: a wait for an event.
    kind INTEGER NOT NULL,
    -- The attempt that did it, or began to wait.
    attempt INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    -- NULL while it waits.
    finished_at BIGINT,
    -- Until when it sleeps, or waits for its event.
    waits_until BIGINT,
    -- The event that it waits for.
    event TEXT,
    -- JSON. NULL while it waits, and when the step failed: then a later attempt does it again.
    result TEXT,
    error TEXT,
    PRIMARY KEY (job_id, name)
);
-- Events that were sent to jobs and have not been waited for yet.
CREATE TABLE tasks_job_events (
    -- A ULID.
    id TEXT PRIMARY KEY NOT NULL,
    job_id TEXT NOT NULL REFERENCES tasks_jobs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- Events of a name are taken in this order.
    sent_at BIGINT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX tasks_job_events_job ON tasks_job_events (job_id, name, sent_at, id);
