//! Finds content that nothing refers to.

use std::collections::HashSet;
use std::path::Path as FilePath;
use std::time::{Duration, SystemTime};

use chrono::{TimeDelta, Utc};
use futures_util::StreamExt as _;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::key::{content_of, put_aside, trash_key, trash_of};
use super::store::OpenStore;
use super::{ArtifactError, ArtifactManager, rows};

/// How long what was put aside is kept: a day, and the hour in which it was.
const RETENTION: TimeDelta = TimeDelta::hours(25);
/// How many objects are looked up at once.
const BATCH: usize = 500;

/// What a sweep found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Objects that no artifact refers to, and that were put aside.
    pub set_aside: u64,
    /// How many bytes those had.
    pub bytes: u64,
    /// Objects that were put aside a day ago, and are deleted now.
    pub deleted: u64,
    /// Objects that were put aside, although an artifact refers to them, and are back in their place now.
    pub restored: u64,
    /// Uploads into a directory that were never finished, and are deleted now.
    pub unfinished: u64,
}

impl ArtifactManager {
    /// Puts content aside that this database has written, that no artifact refers to and that is older than `grace`: what a process that
    /// was killed between two steps has left. What was put aside a day ago is deleted.
    ///
    /// Content that was written by another database, by one that this database is a copy of, or before databases had names of their own, is
    /// not touched, whatever this database knows of it.
    ///
    /// `grace` has to be longer than a transaction may take, since content is written before its artifact, and longer than an upload may go without
    /// a byte that is written: an hour is plenty for clients that send more than some kilobytes a second. It may run at any time, in several processes at once.
    ///
    /// # Errors
    ///
    /// When the database or the store fails; what was done by then stays done.
    pub async fn sweep(&self, grace: Duration) -> Result<Swept, ArtifactError> {
        if self.content_store().is_assumed() {
            // Nothing was ever written to it under the name of this database.
            return Ok(Swept::default());
        }
        let store = self.store()?.clone();
        let identity = self.database().lasting_identity().await?;
        let mut swept = Swept::default();
        for name in identity.names() {
            self.put_orphans_aside(&store, name, grace, &mut swept)
                .await?;
            self.empty_trash(&store, name, &mut swept).await?;
            if let Some(directory) = store.directory.clone() {
                let (content, trash) = (content_of(name), trash_of(name));
                let unfinished = tokio::task::spawn_blocking(move || {
                    remove_empty(&directory.join(trash));
                    remove_unfinished(&directory.join(content), grace)
                });
                swept.unfinished += unfinished.await.unwrap_or_default();
            }
        }
        if swept != Swept::default() {
            tracing::info!(?swept, "the content of artifacts was swept");
        }
        Ok(swept)
    }

    /// Says that the databases that this one is a copy of are not used any more, as after a move to another server or to another computer:
    /// what they have written is this one's own from now on, goes with its artifacts, and is swept.
    ///
    /// To say it of a database that is still used costs that one its content. Other processes know of it once they are started again.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn take_over_content(&self) -> Result<(), ArtifactError> {
        Ok(self.database().take_over().await?)
    }

    async fn put_orphans_aside(
        &self,
        store: &OpenStore,
        name: &str,
        grace: Duration,
        swept: &mut Swept,
    ) -> Result<(), ArtifactError> {
        let now = Utc::now();
        let before = TimeDelta::from_std(grace)
            .ok()
            .and_then(|grace| now.checked_sub_signed(grace));
        let Some(before) = before else {
            // So long ago that nothing is older.
            return Ok(());
        };
        let own = Path::from(content_of(name));
        let mut listed = store.store.list(Some(&own)).chunks(BATCH);
        while let Some(objects) = listed.next().await {
            let objects: Vec<ObjectMeta> = objects.into_iter().collect::<Result<_, _>>()?;
            let old: Vec<(String, u64)> = objects
                .into_iter()
                .filter(|object| object.last_modified < before)
                .map(|object| (object.location.to_string(), object.size))
                .collect();
            let known = self.known(old.iter().map(|(key, _)| key)).await?;
            for (key, size) in old {
                if !known.contains(&key)
                    && store.put_elsewhere(&key, &trash_key(name, &key, now)).await
                {
                    swept.set_aside += 1;
                    swept.bytes += size;
                }
            }
        }
        Ok(())
    }

    /// Deletes what has been there for long enough, and puts back what an artifact refers to after all: its transaction took longer than
    /// the grace.
    async fn empty_trash(
        &self,
        store: &OpenStore,
        name: &str,
        swept: &mut Swept,
    ) -> Result<(), ArtifactError> {
        let now = Utc::now();
        let trash = Path::from(trash_of(name));
        let mut listed = store.store.list(Some(&trash)).chunks(BATCH);
        while let Some(objects) = listed.next().await {
            let objects: Vec<ObjectMeta> = objects.into_iter().collect::<Result<_, _>>()?;
            let aside: Vec<_> = objects
                .iter()
                .filter_map(|object| {
                    let (since, original) = put_aside(name, object.location.as_ref())?;
                    Some((object.location.to_string(), since, original))
                })
                .collect();
            let known = self
                .known(aside.iter().map(|(_, _, original)| original))
                .await?;
            for (key, since, original) in aside {
                if known.contains(&original) {
                    if store.put_elsewhere(&key, &original).await {
                        tracing::warn!(
                            key = original,
                            "content was put aside before its artifact was there, and is back in its place"
                        );
                        swept.restored += 1;
                    }
                } else if now.signed_duration_since(since) >= RETENTION {
                    store.forget(&key).await;
                    swept.deleted += 1;
                }
            }
        }
        Ok(())
    }

    /// Those of some objects that an artifact refers to.
    pub(super) async fn known(
        &self,
        keys: impl Iterator<Item = &String>,
    ) -> Result<HashSet<String>, ArtifactError> {
        let keys: Vec<String> = keys.cloned().collect();
        if keys.is_empty() {
            return Ok(HashSet::new());
        }
        let known = self
            .session()
            .read(async |conn| rows::known_keys(conn, &keys).await)
            .await?;
        Ok(known.into_iter().flatten().collect())
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

/// Folders of hours whose objects are gone. Those that still have some cannot be removed.
fn remove_empty(directory: &FilePath) {
    for folder in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let _ = std::fs::remove_dir(folder.path());
    }
}
