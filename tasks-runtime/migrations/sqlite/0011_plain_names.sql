-- The words that other systems have for the same: a worker counts up its heartbeat, a deleted job that still runs is marked, and a job that
-- may have killed several processes runs in quarantine. A job is claimed by the name of its task if that limits how many run at once, or if some
-- worker does not have it.
ALTER TABLE tasks_workers RENAME COLUMN beat TO heartbeat;
ALTER TABLE tasks_jobs RENAME COLUMN forget TO deleted;
DROP INDEX tasks_jobs_forget;
CREATE INDEX tasks_jobs_deleted ON tasks_jobs (id) WHERE deleted = 1;
DROP INDEX tasks_jobs_suspect;
CREATE INDEX tasks_jobs_quarantined ON tasks_jobs (queue, priority DESC, run_at, id) WHERE state = 1 AND crashes > 1;
ALTER TABLE tasks_jobs RENAME COLUMN limited TO by_name;
DROP INDEX tasks_jobs_ready_limited;
CREATE INDEX tasks_jobs_ready_by_name ON tasks_jobs (queue, task_name, priority DESC, run_at, id)
    WHERE state = 1 AND crashes < 2 AND by_name = 1;
-- The names of the queues that a worker serves, as a JSON array: a job in one that nobody serves waits, and says so.
ALTER TABLE tasks_workers ADD COLUMN queues TEXT NOT NULL DEFAULT '[]';
