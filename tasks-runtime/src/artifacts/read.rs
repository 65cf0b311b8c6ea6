//! Finds and reads artifacts: one, a list, a tree, and the bytes.

use bytes::Bytes;

use super::content::ContentLocation;
use super::filter::ArtifactFilter;
use super::id::ArtifactId;
use super::limits::MAX_NODES;
use super::page::{ArtifactList, ArtifactPage, Cursor};
use super::table::Head;
use super::{
    Artifact, ArtifactContent, ArtifactError, ArtifactManager, ArtifactNode, ContentInfo, rows,
    tree_rows,
};
use crate::database::search;

impl ArtifactManager {
    /// The artifact, with its JSON; its bytes are read by [`content`](Self::content).
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn find(&self, id: ArtifactId) -> Result<Option<Artifact>, ArtifactError> {
        self.session()
            .read(async |conn| rows::find(conn, id).await)
            .await
    }

    /// Whether it is there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn exists(&self, id: ArtifactId) -> Result<bool, ArtifactError> {
        self.session()
            .read(async |conn| Ok(rows::head(conn, id).await?.is_some()))
            .await
    }

    /// The bytes of an artifact, to be read. Those of one that has JSON are its JSON.
    ///
    /// # Errors
    ///
    /// When the database fails, and when the content store cannot be opened.
    pub async fn content(&self, id: ArtifactId) -> Result<Option<ArtifactContent>, ArtifactError> {
        let whole: Option<rows::Whole> = self
            .session()
            .read(async |conn| rows::whole(conn, id).await)
            .await?;
        let Some((mut head, data, content)) = whole else {
            return Ok(None);
        };
        let place = match (head.object_key.take(), content, &data) {
            (Some(key), _, _) => ContentLocation::Object(self.store()?.clone(), key),
            (None, Some(bytes), _) => ContentLocation::Inline(bytes.into()),
            (None, None, Some(json)) => {
                ContentLocation::Inline(Bytes::copy_from_slice(json.as_bytes()))
            }
            (None, None, None) => ContentLocation::Inline(Bytes::new()),
        };
        let artifact = head.artifact(data);
        let info = artifact.content.clone().unwrap_or_else(|| match &place {
            ContentLocation::Inline(json) => ContentInfo {
                content_type: "application/json".to_owned(),
                file_name: None,
                size: json.len() as u64,
                digest: crate::digest::digest(json),
            },
            ContentLocation::Object(..) => ContentInfo {
                content_type: "application/octet-stream".to_owned(),
                file_name: None,
                size: 0,
                digest: String::new(),
            },
        });
        Ok(Some(ArtifactContent {
            artifact,
            info,
            place,
        }))
    }

    /// Up to `limit` artifacts without their data, oldest first: the first ones, or those after a place in the list.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn list(
        &self,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<ArtifactList, ArtifactError> {
        self.list_matching(&ArtifactFilter::new(), after, limit)
            .await
    }

    /// [`list`](Self::list), of those that fit a filter.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::InvalidSearch`], and when the database fails.
    pub async fn list_matching(
        &self,
        filter: &ArtifactFilter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<ArtifactList, ArtifactError> {
        let wanted = limit as usize;
        let session = self.session().clone();
        let asked = filter.clone();
        let mut heads: Vec<Head> = unless_busy(filter, async move {
            session
                .read(async |conn| rows::list(conn, &asked, after, 0, i64::from(limit) + 1).await)
                .await
        })
        .await?;
        let more = heads.len() > wanted;
        heads.truncate(wanted);
        let next = heads.last().filter(|_| more).map(Head::cursor);
        Ok(ArtifactList {
            items: without_data(heads),
            next,
        })
    }

    /// A page of the list, which begin at 1, of `size` artifacts without their data, oldest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn page(&self, page: u64, size: u64) -> Result<ArtifactPage, ArtifactError> {
        self.page_matching(&ArtifactFilter::new(), page, size).await
    }

    /// [`page`](Self::page), of those that fit a filter.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::InvalidSearch`], and when the database fails.
    pub async fn page_matching(
        &self,
        filter: &ArtifactFilter,
        page: u64,
        size: u64,
    ) -> Result<ArtifactPage, ArtifactError> {
        let (page, size) = (page.max(1), size.max(1));
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let offset = signed((page - 1).saturating_mul(size));
        let session = self.session().clone();
        let (asked, wanted) = (filter.clone(), signed(size));
        let (total, heads) = unless_busy(filter, async move {
            session
                .read(async |conn| {
                    let total = rows::count(conn, &asked).await?;
                    let heads = rows::list(conn, &asked, None, offset, wanted).await?;
                    Ok::<_, ArtifactError>((total, heads))
                })
                .await
        })
        .await?;
        Ok(ArtifactPage {
            items: without_data(heads),
            total,
            page,
            size,
            pages: total.div_ceil(size),
        })
    }

    /// How many there are.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count(&self) -> Result<u64, ArtifactError> {
        self.session()
            .read(async |conn| rows::count(conn, &ArtifactFilter::new()).await)
            .await
    }

    /// An artifact and all that are below it, without their data, each after its parent.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::TreeTooLarge`] beyond [`MAX_NODES`]; and when the database fails. It is empty when there is no such
    /// artifact.
    pub async fn subtree(&self, id: ArtifactId) -> Result<Vec<Artifact>, ArtifactError> {
        let heads = self
            .session()
            .read(async |conn| tree_rows::subtree(conn, id).await)
            .await?;
        if heads.len() > MAX_NODES {
            return Err(ArtifactError::TreeTooLarge(id));
        }
        Ok(without_data(heads))
    }

    /// An artifact with all that are below it, as a tree without their data.
    ///
    /// # Errors
    ///
    /// The same as [`subtree`](Self::subtree).
    pub async fn tree(&self, id: ArtifactId) -> Result<Option<ArtifactNode>, ArtifactError> {
        let artifacts = self.subtree(id).await?;
        Ok(ArtifactNode::assemble(artifacts, self.hierarchy()))
    }

    /// An artifact as a node of its tree: with its data and the name of its level, and without what is below it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn node(&self, id: ArtifactId) -> Result<Option<ArtifactNode>, ArtifactError> {
        let found = self.find(id).await?;
        Ok(found.map(|artifact| ArtifactNode::new(artifact, self.hierarchy())))
    }
}

/// Reads at once, but for what is costly, of which there is not much at one time.
async fn unless_busy<T: Send + 'static>(
    filter: &ArtifactFilter,
    read: impl Future<Output = Result<T, ArtifactError>> + Send + 'static,
) -> Result<T, ArtifactError> {
    filter.check()?;
    if filter.is_costly() {
        search::bounded(read).await
    } else {
        read.await
    }
}

fn without_data(heads: Vec<Head>) -> Vec<Artifact> {
    heads.into_iter().map(|head| head.artifact(None)).collect()
}
