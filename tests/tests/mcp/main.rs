//! Tasks as tools for agents, over the Model Context Protocol.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod calls;
mod catalog;
mod jobs;
mod keys;
mod resources;
mod schemas;
mod stdio;
mod streams;
mod versions;
mod world;
