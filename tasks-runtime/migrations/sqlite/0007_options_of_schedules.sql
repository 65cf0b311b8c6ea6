-- How the jobs of a schedule are run, where that is not as the task says.
ALTER TABLE tasks_schedules ADD COLUMN queue TEXT;
ALTER TABLE tasks_schedules ADD COLUMN priority INTEGER;
ALTER TABLE tasks_schedules ADD COLUMN max_attempts INTEGER;
ALTER TABLE tasks_schedules ADD COLUMN timeout_ms BIGINT;
-- The service whose code declares the schedule; NULL for one that was made by hand.
ALTER TABLE tasks_schedules ADD COLUMN declared_by TEXT;
-- The schedule that a job is a run of, and the name of the API key that it was submitted with.
ALTER TABLE tasks_jobs ADD COLUMN schedule_name TEXT;
ALTER TABLE tasks_jobs ADD COLUMN submitted_by TEXT;
CREATE INDEX tasks_jobs_schedule ON tasks_jobs (schedule_name, id) WHERE schedule_name IS NOT NULL;
