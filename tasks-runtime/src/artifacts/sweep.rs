//! Finds content that nothing refers to.

use std::path::Path as FilePath;
use std::time::{Duration, SystemTime};

use chrono::Utc;
use futures_util::StreamExt as _;
use object_store::path::Path;

use super::store::PREFIX;
use super::{ArtifactError, ArtifactManager, rows};

/// What a sweep found and deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Objects that no artifact refers to.
    pub objects: u64,
    /// How many bytes those had.
    pub bytes: u64,
    /// Uploads into a directory that were never finished.
    pub unfinished: u64,
}

impl ArtifactManager {
    /// Deletes content that no artifact refers to and that is older than `grace`: what a process that was killed between
    /// two steps has left.
    ///
    /// `grace` has to be longer than a transaction may take, since content is written before its artifact: an hour is
    /// plenty. It may run at any time, in several processes at once.
    ///
    /// # Errors
    ///
    /// When the database or the store fails; what was deleted by then stays deleted.
    pub async fn sweep(&self, grace: Duration) -> Result<Swept, ArtifactError> {
        /// How many objects are looked up at once.
        const BATCH: usize = 500;
        let store = self.store()?.clone();
        let before =
            Utc::now() - chrono::Duration::from_std(grace).unwrap_or(chrono::Duration::MAX);
        let mut swept = Swept::default();
        let mut listed = store.store.list(Some(&Path::from(PREFIX))).chunks(BATCH);
        while let Some(objects) = listed.next().await {
            let mut old = Vec::new();
            for object in objects {
                let object = object?;
                if object.last_modified < before {
                    old.push((object.location.to_string(), object.size));
                }
            }
            let keys: Vec<String> = old.iter().map(|(key, _)| key.clone()).collect();
            let known = self
                .session()
                .read(async |conn| rows::known_keys(conn, &keys).await)
                .await?;
            for (key, size) in old {
                if known.iter().flatten().all(|known| *known != key) {
                    store.forget(&key).await;
                    swept.objects += 1;
                    swept.bytes += size;
                }
            }
        }
        if let Some(directory) = store.directory.clone() {
            let unfinished = tokio::task::spawn_blocking(move || {
                remove_unfinished(&directory.join(PREFIX), grace)
            });
            swept.unfinished = unfinished.await.unwrap_or_default();
        }
        if swept != Swept::default() {
            tracing::info!(?swept, "content that no artifact refers to was deleted");
        }
        Ok(swept)
    }
}

/// A directory's uploads are files with `#` and a number in their names until they are finished; a process that was killed
/// leaves them, and the store does not list them.
fn remove_unfinished(directory: &FilePath, grace: Duration) -> u64 {
    let mut removed = 0;
    let folders = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for file in folders
        .filter_map(|folder| std::fs::read_dir(folder.path()).ok())
        .flatten()
        .flatten()
    {
        let unfinished = file
            .file_name()
            .to_str()
            .and_then(|name| name.split_once('#'))
            .is_some_and(|(_, number)| {
                !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
            });
        let old = file
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|modified| {
                SystemTime::now()
                    .duration_since(modified)
                    .is_ok_and(|age| age >= grace)
            });
        if unfinished && old && std::fs::remove_file(file.path()).is_ok() {
            removed += 1;
        }
    }
    removed
}
