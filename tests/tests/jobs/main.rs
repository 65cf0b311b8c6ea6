//! What is promised of background jobs, on both databases, whatever drives them.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod attempts;
mod child_jobs;
mod errors;
mod flow_control;
mod graph_items;
mod graphs;
mod history;
mod keeping;
mod schedules;
mod searching;
mod secrets;
mod step_programs;
mod steps;
mod stopping;
mod submitting;
mod task_versions;
mod world;
