//! The metadata of all tasks, written once.

use std::hash::{BuildHasher as _, Hasher as _};

use actix_web::web::Bytes;
use foldhash::quality::FixedState;
use tasks_runtime::{TaskInfo, TaskRegistry};

/// The answers to `GET` requests, ready to be sent.
pub(crate) struct Catalog {
    pub(crate) list: Document,
    tasks: Vec<(Vec<String>, Document)>,
}

/// A JSON document and its entity tag.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) json: Bytes,
    pub(crate) etag: String,
}

impl Document {
    pub(crate) fn new(json: impl Into<Bytes>) -> Self {
        let json = json.into();
        // With a fixed seed: the same bytes have the same tag in every process of one build.
        let mut hasher = FixedState::default().build_hasher();
        hasher.write(&json);
        Self {
            etag: format!("\"{:016x}\"", hasher.finish()),
            json,
        }
    }

    /// Whether the client has it already: `If-None-Match` (RFC 9110, section 13.1.2), compared weakly.
    pub(crate) fn matches(&self, if_none_match: &str) -> bool {
        matches_etag(&self.etag, if_none_match)
    }
}

/// Whether `If-None-Match` names an entity tag.
pub(crate) fn matches_etag(etag: &str, if_none_match: &str) -> bool {
    if_none_match
        .split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

impl Catalog {
    pub(crate) fn new(registry: &TaskRegistry) -> Self {
        let tasks: Vec<(Vec<String>, Document)> = registry
            .iter()
            .map(|task| {
                let info = task.info();
                let json = write(&info);
                (info.tags, Document::new(json))
            })
            .collect();
        Self {
            list: join(tasks.iter().map(|(_, document)| document)),
            tasks,
        }
    }

    /// The metadata of the task at a position of the registry.
    pub(crate) fn task(&self, position: usize) -> Option<&Document> {
        self.tasks.get(position).map(|(_, document)| document)
    }

    /// The tasks that have all of the tags.
    pub(crate) fn with_tags(&self, wanted: &[String]) -> Document {
        let has_all = |tags: &Vec<String>| wanted.iter().all(|tag| tags.contains(tag));
        join(
            self.tasks
                .iter()
                .filter(|(tags, _)| has_all(tags))
                .map(|(_, document)| document),
        )
    }
}

fn write(info: &TaskInfo) -> Vec<u8> {
    // Strings, booleans and schemas that are JSON already: this cannot fail.
    serde_json::to_vec(info).unwrap_or_else(|_| b"null".to_vec())
}

fn join<'a>(documents: impl Iterator<Item = &'a Document>) -> Document {
    let mut json = vec![b'['];
    for document in documents {
        if json.len() > 1 {
            json.push(b',');
        }
        json.extend_from_slice(&document.json);
    }
    json.push(b']');
    Document::new(json)
}
