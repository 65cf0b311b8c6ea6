//! Ids in paths, and the query of the list.

use actix_web::{HttpRequest, http::StatusCode};
use serde_json::json;
use tasks_runtime::artifacts::{ArtifactId, Cursor};

use crate::http::paging::{self, Page};
use crate::http::query::{QueryParameter, unread};
use crate::problem::Problem;

/// The query of the list.
pub(super) const LIST: &[QueryParameter] = &[
    paging::PAGE,
    paging::SIZE,
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

/// Which part of the list is wanted.
pub(super) enum ArtifactPaging {
    /// What comes after a place.
    After(Option<Cursor>),
    Page(Page),
}

pub(super) fn parse_list(query: &str) -> Result<ArtifactPaging, Problem> {
    let mut after = None;
    let page = paging::read(query, "after", |key, value| {
        if key != "after" {
            return Err(unread(key));
        }
        let cursor = value.parse::<Cursor>().map_err(|error| error.to_string())?;
        after = Some(cursor);
        Ok(())
    })?;
    Ok(page.map_or(ArtifactPaging::After(after), ArtifactPaging::Page))
}
