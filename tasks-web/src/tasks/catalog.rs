//! The metadata of all tasks, written once.

use tasks_runtime::{RegisteredTask, TaskInfo, TaskRegistry};

use crate::http::Document;

/// The answers to `GET` requests, ready to be sent.
pub(crate) struct Catalog {
    pub(crate) list: Document,
    tasks: Vec<(Vec<String>, Document)>,
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

    /// The tasks that have all of the tags and are visible.
    pub(crate) fn with_tags(
        &self,
        registry: &TaskRegistry,
        wanted: &[String],
        visible: impl Fn(&RegisteredTask) -> bool,
    ) -> Document {
        let has_all = |tags: &Vec<String>| wanted.iter().all(|tag| tags.contains(tag));
        // In the order of the registry, of which this is made.
        let tasks = self.tasks.iter().zip(registry.iter());
        join(
            tasks
                .filter(|((tags, _), task)| has_all(tags) && visible(task))
                .map(|((_, document), _)| document),
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
