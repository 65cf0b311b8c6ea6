-- The job that a step has submitted (kind 3), whose result is that of the step. `waits_until` is NULL until the code waits for it.
ALTER TABLE tasks_job_steps ADD COLUMN child_id TEXT;
-- Children whose results their parents have not taken.
CREATE INDEX tasks_job_steps_children ON tasks_job_steps (child_id) WHERE child_id IS NOT NULL AND result IS NULL;
-- Parents that wait for a child.
CREATE INDEX tasks_job_steps_parents ON tasks_job_steps (job_id) WHERE child_id IS NOT NULL AND result IS NULL AND waits_until IS NOT NULL;

ALTER TABLE tasks_job_graphs ADD COLUMN idempotency_key TEXT;
-- One graph for each key of a caller.
CREATE UNIQUE INDEX tasks_job_graphs_key ON tasks_job_graphs ((COALESCE(submitted_by, '')), idempotency_key) WHERE idempotency_key IS NOT NULL;
-- The nodes that it was submitted with, but for their parameters, which may be secret: to tell whether what comes with the same key is the same.
ALTER TABLE tasks_job_graphs ADD COLUMN digest TEXT;
