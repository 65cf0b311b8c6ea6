-- Queues whose jobs do not begin: workers of all processes leave them where they are. A queue that is resumed has no row.
CREATE TABLE tasks_paused_queues (
    queue TEXT PRIMARY KEY NOT NULL,
    -- Microseconds since 1970, in UTC.
    paused_at BIGINT NOT NULL,
    -- The name of the API key that it was paused with.
    paused_by TEXT,
    reason TEXT
);
