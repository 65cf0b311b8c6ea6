//! The table of artifacts.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::json_text::JsonText;
use super::page::Cursor;
use super::{Artifact, ArtifactError, ArtifactId, ContentInfo};

diesel::table! {
    tasks_artifacts (id) {
        id -> Text,
        parent_id -> Nullable<Text>,
        level -> Integer,
        created_at -> BigInt,
        updated_at -> BigInt,
        tags -> Text,
        metadata -> Text,
        content_type -> Nullable<Text>,
        file_name -> Nullable<Text>,
        size -> Nullable<BigInt>,
        digest -> Nullable<Text>,
        object_key -> Nullable<Text>,
        data -> Nullable<Text>,
        content -> Nullable<Binary>,
    }
}

/// A row without what is large.
#[derive(Clone, Debug, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = tasks_artifacts)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) parent_id: Option<String>,
    pub(super) level: i32,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) tags: String,
    pub(super) metadata: String,
    pub(super) content_type: Option<String>,
    pub(super) file_name: Option<String>,
    pub(super) size: Option<i64>,
    pub(super) digest: Option<String>,
    pub(super) object_key: Option<String>,
}

impl Head {
    pub(super) fn artifact(self, data: Option<String>) -> Artifact {
        let time = |micros| DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
        Artifact {
            id: ArtifactId::stored(&self.id),
            created_at: time(self.created_at),
            updated_at: time(self.updated_at),
            tags: serde_json::from_str(&self.tags).unwrap_or_default(),
            data: data.map(JsonText::trusted),
            metadata: JsonText::trusted(self.metadata),
            content: self.content_type.map(|content_type| ContentInfo {
                content_type,
                file_name: self.file_name,
                size: self.size.unwrap_or_default().unsigned_abs(),
                digest: self.digest.unwrap_or_default(),
            }),
            parent_id: self.parent_id.as_deref().map(ArtifactId::stored),
            level: self.level.unsigned_abs(),
        }
    }

    /// Every change of the row itself is later than the one before; its place in a tree may change by others.
    pub(super) fn check_seen(&self, seen: Option<&Artifact>) -> Result<(), ArtifactError> {
        let Some(seen) = seen else {
            return Ok(());
        };
        let is_same = self.updated_at == seen.updated_at.timestamp_micros()
            && self.level.unsigned_abs() == seen.level
            && self.parent_id.as_deref().map(ArtifactId::stored) == seen.parent_id;
        if is_same {
            return Ok(());
        }
        Err(ArtifactError::Changed(seen.id))
    }

    pub(super) fn cursor(&self) -> Cursor {
        Cursor {
            created_at: self.created_at,
            id: ArtifactId::stored(&self.id),
        }
    }
}
