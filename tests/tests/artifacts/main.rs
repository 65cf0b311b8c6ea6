//! Artifacts over HTTP, on both databases.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod content;
mod records;
mod refusals;
mod trees;
mod world;
