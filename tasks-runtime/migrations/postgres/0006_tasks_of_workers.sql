-- The names of the tasks that a worker has, as a JSON array: a job of one that nobody has waits, and says so.
ALTER TABLE tasks_workers ADD COLUMN tasks TEXT NOT NULL DEFAULT '[]';
