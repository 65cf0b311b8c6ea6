-- Which schedules the processes of a service declare: one row of each process, which it renews for as long as it lives. Times are
-- microseconds since 1970, in UTC.
CREATE TABLE tasks_declarations (
    id TEXT PRIMARY KEY NOT NULL,
    -- The service.
    declared_by TEXT NOT NULL,
    -- Of two that declare a schedule of one name, the one that started later says how it is.
    started_at BIGINT NOT NULL,
    renewed_at BIGINT NOT NULL,
    -- The names, as a JSON array.
    schedules TEXT NOT NULL
);
-- The declaration that says how a schedule is.
ALTER TABLE tasks_schedules ADD COLUMN declaration TEXT;
