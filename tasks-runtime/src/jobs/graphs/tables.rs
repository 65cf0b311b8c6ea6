//! The tables of graphs, as diesel sees them.

use crate::jobs::table::tasks_jobs;

diesel::table! {
    tasks_job_graphs (id) {
        id -> Text,
        description -> Nullable<Text>,
        state -> Integer,
        stop -> Integer,
        submitted_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        time_limit -> Nullable<BigInt>,
        deadline_at -> Nullable<BigInt>,
        submitted_by -> Nullable<Text>,
        idempotency_key -> Nullable<Text>,
        digest -> Nullable<Text>,
    }
}

diesel::table! {
    tasks_job_graph_nodes (graph_id, name) {
        graph_id -> Text,
        name -> Text,
        number -> Integer,
        state -> Integer,
        waits_for_any -> Integer,
        job_id -> Nullable<Text>,
        owns_job -> Integer,
        finished_at -> Nullable<BigInt>,
        error -> Nullable<Text>,
        task_name -> Text,
        options -> Text,
        inputs -> Text,
        params -> Text,
        for_each -> Nullable<Text>,
        items_total -> Nullable<BigInt>,
        items_made -> BigInt,
        items_completed -> BigInt,
        items_failed -> BigInt,
        items_canceled -> BigInt,
    }
}

diesel::table! {
    tasks_job_graph_items (graph_id, node, number) {
        graph_id -> Text,
        node -> Text,
        number -> BigInt,
        state -> Integer,
        job_id -> Nullable<Text>,
        owns_job -> Integer,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    tasks_job_graph_edges (graph_id, node, after_node) {
        graph_id -> Text,
        node -> Text,
        after_node -> Text,
        on_failure -> Integer,
    }
}

diesel::allow_tables_to_appear_in_same_query!(tasks_job_graph_nodes, tasks_jobs);
