-- What time it was for a worker when it last wrote, in microseconds since 1970; 0 where the database has a clock of its own.
ALTER TABLE tasks_workers ADD COLUMN time BIGINT NOT NULL DEFAULT 0;
