-- What jobs are listed by: those that wait for their time and those that are ready are both pending. Completed ones are nearly all: a
-- list of them needs no index, and to keep one would be work for each.
CREATE INDEX tasks_jobs_status ON tasks_jobs ((CASE state WHEN 0 THEN 1 ELSE state END), id) WHERE state <> 3;
DROP INDEX tasks_jobs_running;
DROP INDEX tasks_jobs_unsuccessful;
