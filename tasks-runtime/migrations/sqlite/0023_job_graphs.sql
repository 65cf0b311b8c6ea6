-- Graphs of jobs: nodes that become jobs when those are done that they come after. Times are microseconds since 1970, in UTC.
CREATE TABLE tasks_job_graphs (
    id TEXT PRIMARY KEY NOT NULL,
    description TEXT,
    -- 2: running; 3: completed; 4: failed; 5: canceled. As the states of jobs.
    state INTEGER NOT NULL,
    -- Why no other node begins: 0: others do; 1: a node failed; 2: it was canceled; 3: its deadline was over.
    stop INTEGER NOT NULL,
    submitted_at BIGINT NOT NULL,
    finished_at BIGINT,
    -- How long it may take, and until when that is.
    time_limit BIGINT,
    deadline_at BIGINT,
    -- The name of the API key that it was submitted with.
    submitted_by TEXT
);
CREATE INDEX tasks_job_graphs_state ON tasks_job_graphs (state, id);
CREATE INDEX tasks_job_graphs_deadline ON tasks_job_graphs (deadline_at) WHERE state = 2 AND deadline_at IS NOT NULL;
CREATE INDEX tasks_job_graphs_ended ON tasks_job_graphs (finished_at) WHERE state > 2;
CREATE TABLE tasks_job_graph_nodes (
    graph_id TEXT NOT NULL REFERENCES tasks_job_graphs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- In the order in which they were given, from 0.
    number INTEGER NOT NULL,
    -- 0: waits for others; 1: ready, and without a job; 2: has a job that has not ended; 3: completed; 4: failed; 5: canceled; 6: skipped.
    state INTEGER NOT NULL,
    -- 1: one of those that it comes after is enough; 0: it waits for all.
    waits_for_any INTEGER NOT NULL,
    -- NULL until it is ready, and where there never was one.
    job_id TEXT,
    -- 1: the job was made for this node; 0: it was there before, and others may need it.
    owns_job INTEGER NOT NULL,
    finished_at BIGINT,
    -- Why there is no job.
    error TEXT,
    task_name TEXT NOT NULL,
    -- JSON: how its job is to be run, its parameters, and those that are results of other nodes.
    options TEXT NOT NULL,
    inputs TEXT NOT NULL,
    params TEXT NOT NULL,
    PRIMARY KEY (graph_id, name)
);
CREATE INDEX tasks_job_graph_nodes_open ON tasks_job_graph_nodes (job_id, graph_id) WHERE state = 2;
CREATE INDEX tasks_job_graph_nodes_ready ON tasks_job_graph_nodes (task_name, graph_id) WHERE state = 1;
CREATE INDEX tasks_job_graph_nodes_job ON tasks_job_graph_nodes (job_id) WHERE job_id IS NOT NULL;
CREATE TABLE tasks_job_graph_edges (
    graph_id TEXT NOT NULL REFERENCES tasks_job_graphs (id) ON DELETE CASCADE,
    -- This node comes after that one.
    node TEXT NOT NULL,
    after_node TEXT NOT NULL,
    -- When that one does not complete: 0: the graph fails; 1: this one is skipped; 2: this one runs.
    on_failure INTEGER NOT NULL,
    PRIMARY KEY (graph_id, node, after_node)
);
