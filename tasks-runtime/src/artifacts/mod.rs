//! Artifacts: results, files and other things that tasks store.
//!
//! An [`Artifact`] holds JSON, or bytes with a content type. It may have a parent, so that a run, its steps and their
//! results form a tree, whose levels an [`ArtifactHierarchy`] gives names to. The [`ArtifactManager`] is injected into tasks:
//!
//! ```
//! use serde_json::json;
//! use tasks_runtime::artifacts::{ArtifactHierarchy, NewArtifact, ArtifactManager};
//! use tasks_runtime::prelude::*;
//!
//! /// Stores a result.
//! #[task(tags = ["storage"])]
//! async fn store_result(artifacts: ArtifactManager, data: serde_json::Value) -> anyhow::Result<String> {
//!     let run = artifacts
//!         .save(NewArtifact::json(&data).metadata(json!({"by": "store_result"})).tags(["result"]))
//!         .await?;
//!     Ok(run.id.to_string())
//! }
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let database = Database::sqlite_in_memory().connect().await?;
//! let artifacts = ArtifactManager::builder(database.clone())
//!     .hierarchy(ArtifactHierarchy::new("task_results").level(0, "task_run"))
//!     .build()?;
//! let executor = tasks_runtime::testing::executor([task(store_result)])
//!     .provide(artifacts.clone())
//!     .build()?;
//! let id: String = executor.run(call!(store_result, data = json!({"key": "value"}))).await?;
//!
//! let stored = artifacts.find(id.parse()?).await?.expect("it is there");
//! assert_eq!(stored.json::<serde_json::Value>()?, json!({"key": "value"}));
//! assert_eq!(artifacts.hierarchy().label(stored.level), "task_run");
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # Where content is
//!
//! JSON, and bytes up to 64 KiB in SQLite and up to 1 MiB in PostgreSQL, are in the row. Larger content is an object of a
//! [`ContentStore`]: a directory, or any store of the `object_store` crate. An object is written before the row that refers to it and deleted after it, so that a row is
//! never without its content, whenever the process ends. What is left over then is found by
//! [`sweep`](ArtifactManager::sweep).

mod body;
mod builder;
mod content;
mod content_type;
mod error;
mod file_name;
mod filter;
mod hierarchy;
mod hooks;
mod id;
mod insert;
mod json_text;
mod key;
mod limits;
mod manager;
mod new_artifact;
mod page;
mod prepare;
mod read;
mod record;
mod rows;
mod store;
mod store_check;
mod sweep;
mod table;
mod tags;
mod tree;
mod tree_rows;
mod upload;
mod within;

pub use body::ByteStream;
pub use builder::ArtifactManagerBuilder;
pub use content::ArtifactContent;
pub use error::ArtifactError;
pub use filter::ArtifactFilter;
pub use hierarchy::ArtifactHierarchy;
pub use hooks::{ArtifactHooks, HookFuture};
pub use json_text::JsonText;
pub use limits::{MAX_LEVEL, MAX_NODES, MAX_TAG_LENGTH, MAX_TAGS};
pub use manager::ArtifactManager;
pub use new_artifact::NewArtifact;
pub use page::{ArtifactList, ArtifactPage, Cursor};
pub use record::{Artifact, ContentInfo};
pub use store::ContentStore;
pub use store_check::StoreReport;
pub use sweep::Swept;
pub use tree::ArtifactNode;
pub use upload::Upload;
pub use within::ArtifactsWithin;

/// How an artifact is named: 26 letters and digits, which sort by the time they were made.
pub use id::ArtifactId;
