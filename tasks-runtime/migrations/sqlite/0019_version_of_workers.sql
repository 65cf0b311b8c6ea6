-- The version of the program that a worker is, for people.
ALTER TABLE tasks_workers ADD COLUMN version TEXT;
