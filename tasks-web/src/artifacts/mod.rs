//! Artifacts over HTTP: create, read, update, delete, trees, uploads and downloads.

mod disposition;
mod download;
mod endpoints;
mod fields;
mod handlers;
mod input;
mod part_lengths;
mod problem;
mod query;
mod range;
mod schemas;
mod scope;
mod state;
mod update;
mod upload;

#[doc(inline)]
pub use tasks_runtime::artifacts::*;

pub use scope::{ArtifactScope, artifacts};
