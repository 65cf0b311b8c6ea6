-- Nodes that run their task for each item of a list. What they take the items from, as JSON; NULL for all other nodes.
ALTER TABLE tasks_job_graph_nodes ADD COLUMN for_each TEXT;
-- How many items there are, once that is known; of how many the jobs were made; and what those came to that have ended.
ALTER TABLE tasks_job_graph_nodes ADD COLUMN items_total BIGINT;
ALTER TABLE tasks_job_graph_nodes ADD COLUMN items_made BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tasks_job_graph_nodes ADD COLUMN items_completed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tasks_job_graph_nodes ADD COLUMN items_failed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tasks_job_graph_nodes ADD COLUMN items_canceled BIGINT NOT NULL DEFAULT 0;

-- The items whose jobs were made.
CREATE TABLE tasks_job_graph_items (
    graph_id TEXT NOT NULL REFERENCES tasks_job_graphs (id) ON DELETE CASCADE,
    node TEXT NOT NULL,
    -- Its place in the list, from 0.
    number BIGINT NOT NULL,
    -- 1: is to have its job again; 2: has a job that has not ended; 3: completed; 4: failed; 5: canceled.
    state INTEGER NOT NULL,
    -- NULL where its arguments did not fit.
    job_id TEXT,
    -- 1: the job was made for this item; 0: it was there before, and others may need it.
    owns_job INTEGER NOT NULL,
    -- Why there is no job.
    error TEXT,
    PRIMARY KEY (graph_id, node, number)
);
CREATE INDEX tasks_job_graph_items_open ON tasks_job_graph_items (graph_id, node, number) WHERE state < 3;
CREATE INDEX tasks_job_graph_items_job ON tasks_job_graph_items (job_id) WHERE job_id IS NOT NULL;
