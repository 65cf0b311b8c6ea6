//! Artifacts over HTTP: create, read, update, delete, trees, uploads and downloads.

mod body_chunks;
mod body_errors;
mod disposition;
mod download;
mod endpoints;
mod fields;
mod form;
mod form_scan;
mod handlers;
mod json_body;
mod merge_patch;
mod part;
mod problem;
mod query;
mod range;
mod schemas;
mod scope;
mod settings;
mod state;
mod store_probe;
mod update;
mod upload;
mod upload_fields;

#[doc(inline)]
pub use tasks_runtime::artifacts::*;

pub(crate) use part::part;
pub use scope::{ArtifactScope, artifacts};
pub use settings::Artifacts;
