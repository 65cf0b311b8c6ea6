//! Lists in parts: the queries of them, and how an answer leads to the rest.

use std::fmt::Display;

use actix_web::http::header::LINK;
use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use tasks_runtime::ArgumentError;

use super::query::{QueryParameter, pairs};
use crate::problem::Problem;

/// How many items one answer lists.
pub(crate) const MAX_PAGE_SIZE: u32 = 100;
/// The last page: more than anybody has, and less than what overflows.
pub(crate) const LAST_PAGE: u64 = 1_000_000_000;

/// What an operation says that lists.
pub(crate) const DESCRIPTION: &str = "At most 100 at once: the header `Link` with `rel=\"next\"` leads to the rest. With `page` or `size` the \
     answer is an object with one page and the numbers of it.";

/// A page of a list, by its number from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) page: u64,
    pub(crate) size: u64,
}

/// `?page=`
pub(crate) const PAGE: QueryParameter =
    QueryParameter::new("page", "Which page.", || number_schema(LAST_PAGE));
/// `?size=`
pub(crate) const SIZE: QueryParameter = QueryParameter::new("size", "How many a page has.", || {
    number_schema(u64::from(MAX_PAGE_SIZE))
});

fn number_schema(most: u64) -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": most})
}

/// The schema of a list of such items, or of one page of it.
pub(crate) fn list_of(item: &Value) -> Value {
    let items = json!({"type": "array", "items": item, "maxItems": MAX_PAGE_SIZE});
    let number = json!({"type": "integer", "minimum": 0});
    json!({"oneOf": [items, {
        "type": "object",
        "required": ["items", "total", "page", "size", "pages"],
        "properties": {"items": items, "total": number, "page": number, "size": number, "pages": number},
    }]})
}

/// Reads the query of a list, whose names were checked. `take` takes what is not `page` or `size`, and says what is wrong with a value. Gives
/// the page, if one is wanted. `place` is the parameter that names a place in the list: it is refused beside `page` and `size`.
pub(crate) fn read(
    query: &str,
    place: &str,
    mut take: impl FnMut(&str, &str) -> Result<(), String>,
) -> Result<Option<Page>, Problem> {
    let (mut page, mut size) = (None, None);
    let mut errors = Vec::new();
    let mut placed = false;
    for (key, value) in pairs(query)? {
        placed |= key == place;
        let taken = match key.as_str() {
            "page" => number(&value, LAST_PAGE).map(|number| page = Some(number)),
            "size" => number(&value, u64::from(MAX_PAGE_SIZE)).map(|number| size = Some(number)),
            key => take(key, &value),
        };
        if let Err(detail) = taken {
            errors.push(ArgumentError::new(format!("?{key}"), detail));
        }
    }
    let numbered = page.map(|_| "page").or(size.map(|_| "size"));
    if let Some(numbered) = numbered.filter(|_| placed) {
        errors.push(ArgumentError::new(
            format!("?{place}"),
            format!("`{numbered}` says which part of the list is wanted as well: send one of `{place}` and `{numbered}`"),
        ));
    }
    if !errors.is_empty() {
        return Err(Problem::invalid_query(errors));
    }
    Ok((page.is_some() || size.is_some()).then(|| Page {
        page: page.unwrap_or(1),
        size: size.unwrap_or_else(|| u64::from(MAX_PAGE_SIZE)),
    }))
}

fn number(text: &str, most: u64) -> Result<u64, String> {
    // As JSON has numbers: without a sign in front.
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<u64>().ok().filter(|_| is_digits);
    number
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| format!("expected a number from 1 to {most}"))
}

/// Where the list goes on: the request itself, with another `before` or `after`.
pub(crate) fn at(request: &HttpRequest, parameter: &str, place: impl Display) -> String {
    let name_of = |pair: &str| {
        let pairs = Query::<Vec<(String, String)>>::from_query(pair);
        pairs.is_ok_and(|pairs| pairs.iter().any(|(name, _)| name == parameter))
    };
    let pairs = request.query_string().split('&');
    let kept = pairs.filter(|pair| !pair.is_empty() && !name_of(pair));
    let mut query: Vec<&str> = kept.collect();
    let place = format!("{parameter}={place}");
    query.push(&place);
    format!("{}?{}", request.path(), query.join("&"))
}

/// Says where the next part of the list is, if there is one (RFC 8288).
pub(crate) fn with_next(mut response: HttpResponse, next: Option<String>) -> HttpResponse {
    let link = next.and_then(|next| format!("<{next}>; rel=\"next\"").parse().ok());
    if let Some(link) = link {
        response.headers_mut().insert(LINK, link);
    }
    response
}

/// An answer with one page: its items as JSON, and how many there are in all.
pub(crate) fn page(items: &[u8], total: u64, pages: u64, Page { page, size }: Page) -> Vec<u8> {
    let mut body = b"{\"items\":".to_vec();
    body.extend_from_slice(items);
    let numbers = format!(",\"total\":{total},\"page\":{page},\"size\":{size},\"pages\":{pages}}}");
    body.extend_from_slice(numbers.as_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of(query: &str) -> Result<Option<Page>, Problem> {
        read(query, "after", |key, value| match key {
            "after" if value == "x" => Err("expected a place".to_owned()),
            _ => Ok(()),
        })
    }

    #[test]
    fn everything_wrong_with_a_query_is_said() {
        let problem = page_of("page=0&size=101&after=x").err().unwrap();
        assert_eq!(problem.status, 422);
        assert_eq!(problem.errors.len(), 3);
        let problem = page_of("size=5&page=2&after=1").err().unwrap();
        assert_eq!(problem.errors.len(), 1);
        let five = Page { page: 1, size: 5 };
        assert_eq!(page_of("size=5").unwrap(), Some(five));
        assert_eq!(page_of("other=5").unwrap(), None);
    }
}
