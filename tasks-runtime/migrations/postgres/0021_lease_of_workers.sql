-- How long others wait for a sign of life of a worker, in microseconds: what it was set to in its own process. NULL for one of the version before.
ALTER TABLE tasks_workers ADD COLUMN lease BIGINT;
