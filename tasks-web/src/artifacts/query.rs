//! Ids in paths, and the query of the list.

use actix_web::{HttpRequest, http::StatusCode};
use serde_json::json;
use tasks_runtime::artifacts::{ArtifactFilter, ArtifactId, Cursor};

use crate::http::paging::{self, Page};
use crate::http::query::{QueryParameter, search_schema, searched, unread};
use crate::problem::Problem;

/// The query of the list.
pub(super) const LIST: &[QueryParameter] = &[
    paging::PAGE,
    paging::SIZE,
    QueryParameter::new(
        "tag",
        "Keeps the artifacts with this tag.",
        || json!({"type": "string"}),
    ),
    QueryParameter::new(
        "search",
        "Keeps the artifacts with this text in their file name, their tags or their metadata, of the newest 100,000.",
        search_schema,
    ),
    QueryParameter::new(
        "after",
        "A place in the list, from the header `Link`. It is refused beside `page` and `size`.",
        || json!({"type": "string", "pattern": "^[1-9][0-9]{0,17}_[0-7][0-9A-HJKMNP-TV-Z]{25}$"}),
    ),
];

/// The id of the path.
pub(super) fn id(request: &HttpRequest) -> Result<ArtifactId, Problem> {
    let text = request.match_info().get("id").unwrap_or_default();
    text.parse().map_err(|_| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-id",
            "the id is not a ULID: 26 digits and capital letters, as in `01ARZ3NDEKTSV4RRFFQ69G5FAV`",
        )
    })
}

/// What is wanted of the list of artifacts.
pub(super) struct ArtifactListQuery {
    pub(super) filter: ArtifactFilter,
    pub(super) part: ArtifactPaging,
}

/// Which part of it.
pub(super) enum ArtifactPaging {
    /// What comes after a place.
    After(Option<Cursor>),
    Page(Page),
}

pub(super) fn parse_list(query: &str) -> Result<ArtifactListQuery, Problem> {
    let mut after = None;
    let mut filter = ArtifactFilter::new();
    let page = paging::read(query, "after", |key, value| {
        match key {
            "tag" => filter = std::mem::take(&mut filter).tag(value),
            "search" => filter = std::mem::take(&mut filter).search(searched(value)?),
            "after" => {
                let cursor = value.parse::<Cursor>().map_err(|error| error.to_string())?;
                after = Some(cursor);
            }
            other => return Err(unread(other)),
        }
        Ok(())
    })?;
    Ok(ArtifactListQuery {
        filter,
        part: page.map_or(ArtifactPaging::After(after), ArtifactPaging::Page),
    })
}
