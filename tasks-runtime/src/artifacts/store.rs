//! Where large content is.

use std::fmt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt as _, WriteMultipart,
};

use super::ArtifactError;
use super::body::ByteStream;
use crate::file_id::FileId;

/// How much is sent at a time: the least that S3 takes.
const PART: usize = 5 * 1024 * 1024;
/// How much is read from a file at a time.
const BLOCK: usize = 128 * 1024;

/// A place for content that is too large for a row: a directory, or any store of the
/// [`object_store`](https://docs.rs/object_store) crate.
///
/// Several processes that share a database share the store, too. What a database writes is below a name of that database's own, so that
/// [`sweep`](super::ArtifactManager::sweep) never takes what is another's; all the same, each database should have a store to itself.
///
/// ```
/// use std::sync::Arc;
/// use tasks_runtime::artifacts::ContentStore;
///
/// let directory = ContentStore::local("artifacts");
/// let other = ContentStore::new(Arc::new(object_store::memory::InMemory::new()));
/// # let _ = (directory, other);
/// ```
#[derive(Clone)]
pub struct ContentStore {
    place: Backing,
}

#[derive(Clone)]
enum Backing {
    /// Made when it is first used.
    Directory(PathBuf),
    /// Nobody named it: it is read where it is there, and not made.
    Assumed(PathBuf),
    Store(Arc<dyn ObjectStore>),
}

impl fmt::Debug for ContentStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Backing::Directory(path) | Backing::Assumed(path) => {
                f.debug_tuple("ContentStore").field(path).finish()
            }
            Backing::Store(store) => f
                .debug_tuple("ContentStore")
                .field(&store.to_string())
                .finish(),
        }
    }
}

/// For people.
impl fmt::Display for ContentStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Backing::Directory(path) | Backing::Assumed(path) => {
                write!(f, "the directory `{}`", path.display())
            }
            Backing::Store(store) => write!(f, "the content store {store}"),
        }
    }
}

impl ContentStore {
    /// A directory, which is made when it is not there. Processes on several computers need one that they all reach. What is written to it is on the disk before a row refers to it.
    pub fn local(directory: impl Into<PathBuf>) -> Self {
        Self {
            place: Backing::Directory(directory.into()),
        }
    }

    /// Any store.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            place: Backing::Store(store),
        }
    }

    /// A directory that nobody named: what was written to it is read, if it is there, and nothing is written.
    pub(super) fn assumed(directory: impl Into<PathBuf>) -> Self {
        Self {
            place: Backing::Assumed(directory.into()),
        }
    }

    pub(super) fn is_assumed(&self) -> bool {
        matches!(self.place, Backing::Assumed(_))
    }

    /// Whether it is no directory.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self.place, Backing::Store(_))
    }

    /// The directory, if it is one that somebody named.
    pub(super) fn directory(&self) -> Option<&FilePath> {
        match &self.place {
            Backing::Directory(path) => Some(path),
            Backing::Assumed(_) | Backing::Store(_) => None,
        }
    }

    /// Makes the directory, if it is one, and looks whether it can be written. Other stores are not asked.
    pub(super) fn check(&self) -> Result<(), ArtifactError> {
        let Some(directory) = self.directory() else {
            return Ok(());
        };
        let written = std::fs::create_dir_all(directory).and_then(|()| {
            tempfile::Builder::new()
                .prefix(".writable-")
                .tempfile_in(directory)?
                .close()
        });
        written.map_err(|source| ArtifactError::Directory {
            directory: directory.to_owned(),
            source,
        })
    }

    /// The store, with its directory.
    pub(super) fn open(&self) -> Result<OpenStore, ArtifactError> {
        match &self.place {
            Backing::Directory(path) | Backing::Assumed(path) => {
                if !self.is_assumed() {
                    std::fs::create_dir_all(path).map_err(|source| ArtifactError::Directory {
                        directory: path.clone(),
                        source,
                    })?;
                }
                let store = LocalFileSystem::new_with_prefix(path)?
                    .with_fsync(true)
                    .with_automatic_cleanup(false);
                Ok(OpenStore {
                    store: Arc::new(store),
                    opened: FileId::of(path),
                    directory: Some(Arc::from(path.as_path())),
                })
            }
            Backing::Store(store) => Ok(OpenStore {
                store: Arc::clone(store),
                directory: None,
                opened: None,
            }),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct OpenStore {
    pub(super) store: Arc<dyn ObjectStore>,
    /// When it is a directory.
    pub(super) directory: Option<Arc<FilePath>>,
    /// Which directory it was when it was opened.
    opened: Option<FileId>,
}

impl OpenStore {
    /// Refuses a directory that is another than the one that was opened: it was removed, replaced or unmounted. What is written to a new
    /// one would not be where the rest is.
    pub(super) fn check_directory(&self) -> Result<(), ArtifactError> {
        let (Some(directory), Some(opened)) = (&self.directory, self.opened) else {
            return Ok(());
        };
        if FileId::of(directory) == Some(opened) {
            return Ok(());
        }
        Err(ArtifactError::Directory {
            directory: directory.to_path_buf(),
            source: std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "it was removed, replaced or unmounted while it was open (put it back, or restart the service)",
            ),
        })
    }

    /// Writes content that comes in pieces.
    pub(super) async fn writer(&self, key: &str) -> Result<Writer, ArtifactError> {
        self.check_directory()?;
        let upload = self.store.put_multipart(&Path::from(key)).await?;
        Ok(Writer(Some(WriteMultipart::new_with_chunk_size(
            upload, PART,
        ))))
    }

    /// Reads a range that is within the content.
    pub(super) async fn read(
        &self,
        key: &str,
        range: std::ops::Range<u64>,
    ) -> Result<ByteStream, ArtifactError> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let found = self.store.get_opts(&Path::from(key), options).await?;
        let range = found.range.clone();
        match found.payload {
            GetResultPayload::File(file, _) => Ok(read_file(file, range)),
            GetResultPayload::Stream(stream) => Ok(stream.map_err(ArtifactError::from).boxed()),
        }
    }

    /// Deletes an object that no row refers to any more. When that fails, the sweep finds it.
    pub(super) async fn forget(&self, key: &str) {
        match self.store.delete(&Path::from(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => {
                tracing::warn!(key, %error, "content that is no longer needed was not deleted; a sweep will find it");
            }
        }
    }

    /// Gives an object another name. `false` when it has not got it: it is not there, or cannot be moved, which concerns no other object.
    pub(super) async fn put_elsewhere(&self, key: &str, to: &str) -> bool {
        match self.store.rename(&Path::from(key), &Path::from(to)).await {
            Ok(()) => true,
            // Somebody else was faster.
            Err(object_store::Error::NotFound { .. }) => false,
            Err(error) => {
                tracing::warn!(key, to, %error, "content was not moved; the next sweep tries again");
                false
            }
        }
    }

    /// Whether there is an object of this name.
    pub(super) async fn has(&self, key: &str) -> Result<bool, ArtifactError> {
        match self.store.head(&Path::from(key)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// In larger blocks than the store's own stream, each of which crosses threads.
fn read_file(file: std::fs::File, range: std::ops::Range<u64>) -> ByteStream {
    let state = (Some(file), range.start);
    let end = range.end;
    futures_util::stream::try_unfold(state, move |(file, position)| async move {
        let Some(mut file) = file.filter(|_| position < end) else {
            return Ok(None);
        };
        let length = BLOCK.min(usize::try_from(end - position).unwrap_or(BLOCK));
        let read = tokio::task::spawn_blocking(move || {
            use std::io::{Read as _, Seek as _, SeekFrom};
            let mut block = vec![0; length];
            file.seek(SeekFrom::Start(position))?;
            file.read_exact(&mut block)?;
            Ok::<_, std::io::Error>((file, block))
        });
        let failed = |error: std::io::Error| ArtifactError::Interrupted(error.to_string());
        let (file, block) = read
            .await
            .map_err(|error| failed(error.into()))?
            .map_err(failed)?;
        let position = position + length as u64;
        Ok(Some((Bytes::from(block), (Some(file), position))))
    })
    .boxed()
}

/// An object that is being written.
pub(super) struct Writer(Option<WriteMultipart>);

impl Writer {
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), ArtifactError> {
        let Some(upload) = &mut self.0 else {
            return Ok(());
        };
        // At most one part on its way: memory stays bounded, and who sends faster than the store takes has to wait.
        upload.wait_for_capacity(1).await?;
        upload.put(bytes);
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<(), ArtifactError> {
        if let Some(upload) = self.0.take() {
            upload.finish().await?;
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Some stores keep the parts of an upload that nobody ends.
        if let (Some(upload), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(async move {
                if let Err(error) = upload.abort().await {
                    tracing::debug!(%error, "an upload was not aborted");
                }
            });
        }
    }
}
