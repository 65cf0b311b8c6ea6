-- Who has changed what. The id is a ULID, so it is in the order of time.
CREATE TABLE tasks_audit_log (
    id TEXT PRIMARY KEY NOT NULL,
    -- NULL where no keys are asked for.
    key_name TEXT,
    address TEXT NOT NULL,
    operation TEXT NOT NULL,
    path TEXT NOT NULL,
    status INTEGER NOT NULL,
    request_id TEXT
);
