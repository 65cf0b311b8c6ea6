-- The code of the error of the latest failed attempt, for programs, and what it says beside its message, as JSON.
ALTER TABLE tasks_jobs ADD COLUMN error_code TEXT;
ALTER TABLE tasks_jobs ADD COLUMN error_details TEXT;
