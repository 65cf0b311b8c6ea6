//! Ids in paths, and the queries of the list.

use actix_web::web::Query;
use actix_web::{HttpRequest, http::StatusCode};
use tasks_runtime::ArgumentError;
use tasks_runtime::artifacts::{Cursor, Ulid};

use crate::http::ulid;
use crate::problem::Problem;

/// How many artifacts one answer lists.
pub(super) const MOST: u32 = 100;
/// The last page: more artifacts than anybody has, and less than what overflows.
pub(super) const LAST_PAGE: u64 = 1_000_000_000;

/// The id of the path.
pub(super) fn id(request: &HttpRequest) -> Result<Ulid, Problem> {
    let text = request.match_info().get("id").unwrap_or_default();
    ulid(text).ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-id",
            "the id is not a ULID: 26 digits and capital letters, as in `01ARZ3NDEKTSV4RRFFQ69G5FAV`",
        )
    })
}

/// Which part of the list is wanted.
pub(super) enum Part {
    /// What comes after a place.
    After(Option<Cursor>),
    Page {
        page: u64,
        size: u64,
    },
}

/// The pairs of a query.
pub(super) fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    Query::<Vec<(String, String)>>::from_query(query)
        .map(Query::into_inner)
        .map_err(|error| Problem::bad_query(format!("the query cannot be read: {error}")))
}

pub(super) fn part(query: &str) -> Result<Part, Problem> {
    let (mut page, mut size, mut after) = (None, None, None);
    let mut errors = Vec::new();
    for (key, value) in pairs(query)? {
        let mut wrong = |detail: String| {
            errors.push(ArgumentError {
                pointer: format!("?{key}"),
                detail,
            });
        };
        let number = |most: u64| {
            value
                .parse::<u64>()
                .ok()
                .filter(|number| (1..=most).contains(number))
        };
        match key.as_str() {
            "page" => match number(LAST_PAGE) {
                Some(number) => page = Some(number),
                None => wrong(format!("expected a number from 1 to {LAST_PAGE}")),
            },
            "size" => match number(u64::from(MOST)) {
                Some(number) => size = Some(number),
                None => wrong(format!("expected a number from 1 to {MOST}")),
            },
            "after" => match value.parse::<Cursor>() {
                Ok(cursor) => after = Some(cursor),
                Err(error) => wrong(error.to_string()),
            },
            _ => {}
        }
    }
    if !errors.is_empty() {
        return Err(Problem::invalid_query(errors));
    }
    Ok(match (page, size) {
        (None, None) => Part::After(after),
        (page, size) => Part::Page {
            page: page.unwrap_or(1),
            size: size.unwrap_or_else(|| u64::from(MOST)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_with_a_query_is_said() {
        let problem = part("page=0&size=101&after=x").err().unwrap();
        assert_eq!(problem.status, 422);
        assert_eq!(problem.errors.len(), 3);
        assert!(matches!(
            part("size=5"),
            Ok(Part::Page { page: 1, size: 5 })
        ));
        assert!(matches!(part("other=5"), Ok(Part::After(None))));
    }
}
