//! Saves, replaces and deletes artifacts with large content, and ends at once when it has come to a certain step of the
//! content store: `crashing-artifact-writer <database url> <directory> <step>`.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, UploadPart,
};
use tasks_web::artifacts::{ArtifactManager, ContentStore, NewArtifact};
use tasks_web::prelude::Database;

/// Counts steps, and ends the process at one of them: no destructor runs, nothing is flushed.
#[derive(Clone, Debug)]
struct Fuse(Arc<AtomicU32>);

impl Fuse {
    fn step(&self) {
        if self.0.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
    }
}

/// A store in which each step, begun and ended, is one of the fuse.
#[derive(Debug)]
struct Fused(LocalFileSystem, Fuse);

#[derive(Debug)]
struct FusedUpload(Box<dyn MultipartUpload>, Fuse);

impl fmt::Display for Fused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Fused {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.0.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.1.step();
        let upload = self.0.put_multipart_opts(location, options).await?;
        self.1.step();
        Ok(Box::new(FusedUpload(upload, self.1.clone())))
    }

    async fn get_opts(
        &self,
        location: &Path,
        options: GetOptions,
    ) -> object_store::Result<GetResult> {
        self.0.get_opts(location, options).await
    }

    async fn get_ranges(
        &self,
        location: &Path,
        ranges: &[Range<u64>],
    ) -> object_store::Result<Vec<Bytes>> {
        self.0.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.1.step();
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

#[async_trait::async_trait]
impl MultipartUpload for FusedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.1.step();
        self.0.put_part(data)
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        self.1.step();
        let result = self.0.complete().await;
        self.1.step();
        result
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        self.0.abort().await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, directory, step] = arguments.as_slice() else {
        anyhow::bail!("crashing-artifact-writer <database url> <directory> <step>");
    };
    let fuse = Fuse(Arc::new(AtomicU32::new(step.parse().context("a number")?)));
    let store = Fused(LocalFileSystem::new_with_prefix(directory)?, fuse.clone());
    let database = Database::from_url(url).connect().await?;
    let artifacts = ArtifactManager::builder(database)
        .store(ContentStore::new(Arc::new(store)))
        .build()?;
    let content = |byte: u8| NewArtifact::bytes(vec![byte; 6_000_000], "application/octet-stream");
    let first = artifacts.save(content(1)).await?;
    // Between the row and whatever comes next, too.
    fuse.step();
    artifacts.update(first.id, content(2)).await?;
    fuse.step();
    artifacts.save(content(3)).await?;
    artifacts.delete(first.id).await?;
    // All steps were passed.
    println!("done");
    Ok(())
}
