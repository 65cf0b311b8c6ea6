//! Whether a database and a content store belong together.

use futures_util::StreamExt as _;
use object_store::path::Path;

use super::key::{CONTENT, Owner, owner};
use super::store::OpenStore;
use super::{ArtifactError, ArtifactManager, rows};
use crate::database::{Backend, Identity, computer, computers};

/// What does not fit between a database and its content store, in words for who runs the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreReport {
    /// Artifacts whose content is not there.
    pub errors: Vec<String>,
    /// What works, and is likely to be a mistake all the same.
    pub warnings: Vec<String>,
}

impl ArtifactManager {
    /// Looks whether content can be written: of a directory, which is made if it is not there. Other stores are not asked.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Directory`], which says what to do.
    pub fn check_writable(&self) -> Result<(), ArtifactError> {
        self.content_store().check()
    }

    /// Looks whether the directory of content, if one is in use, is still the one that was opened.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Directory`], which says what to do.
    #[doc(hidden)]
    pub fn check_directory(&self) -> Result<(), ArtifactError> {
        self.open_store().map_or(Ok(()), OpenStore::check_directory)
    }

    /// Asks the content store whether it answers, if it is not a directory. Other than with [`check_store`](Self::check_store), nothing is
    /// compared. How long that takes is up to the store.
    ///
    /// # Errors
    ///
    /// What the store says.
    #[doc(hidden)]
    pub async fn ping_store(&self) -> Result<(), ArtifactError> {
        if !self.content_store().is_remote() {
            return Ok(());
        }
        // Nothing is there, so that the answer is short.
        let nothing = Path::from("tasks-health");
        let mut listed = self.store()?.store.list(Some(&nothing));
        match listed.next().await {
            Some(Err(error)) => Err(error.into()),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// Looks whether the content store is the one of this database: whether it has content of other databases, or lacks that of this one;
    /// and whether processes on several computers use a directory of each.
    ///
    /// Of a directory, it looks for the content of each artifact; of another store at a few objects, however many there are.
    ///
    /// # Errors
    ///
    /// When the database or the store fails.
    pub async fn check_store(&self) -> Result<StoreReport, ArtifactError> {
        let mut report = StoreReport::default();
        let any = self
            .session()
            .read(async |conn| rows::any_key(conn).await)
            .await?;
        // One that nobody named is not made, and need not be there.
        let store = match self.store() {
            Ok(store) => Some(store),
            Err(_) if self.content_store().is_assumed() => None,
            Err(error) => return Err(error),
        };
        let place = self.content_store();
        if let Some((id, key)) = any {
            let there = match store {
                Some(store) => store.has(&key).await?,
                None => false,
            };
            if there {
                report.errors.extend(self.missing_content().await?);
            } else {
                report.errors.push(format!(
                    "the content of artifact {id} is not in {place}: is that the store that this database was used with? \
                     `ARTIFACTS_DIR` or `.store(…)` names it"
                ));
            }
        }
        if let Some(store) = store {
            let identity = self.database().lasting_identity().await?;
            report.warnings.extend(
                self.foreign_content(store, &identity)
                    .await?
                    .map(|whose| format!(
                        "{place} also has content {whose}: it is left alone. Give each database a store to itself, and look whether \
                         `DATABASE_URL` and `ARTIFACTS_DIR` are those that belong together"
                    )),
            );
        }
        report.warnings.extend(self.several_computers().await?);
        Ok(report)
    }

    /// Artifacts whose files are not in the directory of content, if it is one.
    async fn missing_content(&self) -> Result<Option<String>, ArtifactError> {
        /// How many are looked up at once.
        const PAGE: i64 = 500;
        let Some(directory) = self.store()?.directory.clone() else {
            return Ok(None);
        };
        let (mut missing, mut first, mut after) = (0_u64, None, String::new());
        loop {
            let page: Vec<(String, String)> = self
                .session()
                .read(async |conn| rows::keys_after(conn, &after, PAGE).await)
                .await?;
            let Some((_, last)) = page.last() else {
                break;
            };
            after.clone_from(last);
            let directory = directory.clone();
            let absent = tokio::task::spawn_blocking(move || {
                let is_absent = |(_, key): &(String, String)| {
                    let file = std::fs::metadata(directory.join(key));
                    file.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
                };
                page.into_iter().filter(is_absent).collect::<Vec<_>>()
            });
            let absent = absent.await.unwrap_or_default();
            // Some may have been deleted or changed since they were read.
            let known = self.known(absent.iter().map(|(_, key)| key)).await?;
            for (id, key) in absent {
                if known.contains(&key) {
                    missing += 1;
                    first.get_or_insert(id);
                }
            }
        }
        let place = self.content_store();
        Ok(first.map(|id| {
            format!(
                "the content of {missing} artifacts, such as {id}, is not in {place}, where it was written: put the files back from a backup, or \
                 delete these artifacts"
            )
        }))
    }

    /// Whose content there is that is not this database's.
    async fn foreign_content(
        &self,
        store: &OpenStore,
        identity: &Identity,
    ) -> Result<Option<String>, ArtifactError> {
        /// How many objects without an owner are looked up.
        const LOOKED_UP: usize = 100;
        let content = Path::from(CONTENT);
        let folders = store.store.list_with_delimiter(Some(&content)).await?;
        let mut unknown = None;
        for folder in folders.common_prefixes {
            match owner(folder.as_ref()) {
                Some(Owner::Database(name))
                    if identity.names().any(|own| own == name) || identity.was(name) => {}
                Some(Owner::Database(name)) => {
                    return Ok(Some(format!("of another database, {name}")));
                }
                Some(Owner::Unknown) => unknown = Some(folder),
                None => {}
            }
        }
        let Some(folder) = unknown else {
            return Ok(None);
        };
        let objects = store.store.list(Some(&folder)).take(LOOKED_UP);
        let keys: Vec<String> = objects
            .filter_map(async |object| Some(object.ok()?.location.to_string()))
            .collect()
            .await;
        let known = self.known(keys.iter()).await?;
        let foreign = !keys.is_empty() && known.is_empty();
        Ok(foreign.then(|| "that no artifact of this database refers to".to_owned()))
    }

    /// Processes on other computers, if there are some that use this database, and a directory.
    async fn several_computers(&self) -> Result<Option<String>, ArtifactError> {
        if self.database().backend() == Backend::Sqlite {
            return Ok(None);
        }
        let Some(directory) = self.content_store().directory() else {
            return Ok(None);
        };
        let here = computer();
        let known: Vec<String> = self
            .session()
            .read(async |conn| Ok::<_, ArtifactError>(computers(conn).await?))
            .await?;
        Ok(known.into_iter().find(|other| *other != here).map(|other| {
            format!(
                "processes on `{here}` and `{other}` use this database, and the content of artifacts is in the directory `{}`: content that \
                 one of them writes is there for the other only if both reach the same directory. Mount one for all, or use an object \
                 store by `.store(…)`",
                directory.display()
            )
        }))
    }
}
