-- Whether only so many jobs of the task run at once: then it waits in an index of its own, and others do not have to step over it.
ALTER TABLE tasks_jobs ADD COLUMN limited INTEGER NOT NULL DEFAULT 0;
-- Whether it is to be deleted once it has ended.
ALTER TABLE tasks_jobs ADD COLUMN forget INTEGER NOT NULL DEFAULT 0;
-- Jobs with one crash are like all others; those with more run alone.
DROP INDEX tasks_jobs_ready;
DROP INDEX tasks_jobs_suspect;
CREATE INDEX tasks_jobs_suspect ON tasks_jobs (queue, priority DESC, run_at, id) WHERE state = 1 AND crashes > 1;
CREATE INDEX tasks_jobs_ready ON tasks_jobs (queue, priority DESC, run_at, id) WHERE state = 1 AND crashes < 2 AND limited = 0;
CREATE INDEX tasks_jobs_ready_limited ON tasks_jobs (queue, task_name, priority DESC, run_at, id)
    WHERE state = 1 AND crashes < 2 AND limited = 1;
CREATE INDEX tasks_jobs_forget ON tasks_jobs (id) WHERE forget = 1;
