//! Artifacts and their trees, as JSON.

use actix_web::http::header::{ETAG, LOCATION};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tasks_runtime::artifacts::{Artifact, ArtifactError, ArtifactId};

use super::json_body::{BodyPurpose, JsonBody};
use super::query::{self, ArtifactPaging};
use super::state::ArtifactRoutes;
use crate::access::Access;
use crate::http::paging::{self, MAX_PAGE_SIZE, with_next};
use crate::http::{Document, HandlerResult, check_json, conditional, json, public_base};
use crate::problem::Problem;

pub(super) fn unknown(id: ArtifactId) -> Problem {
    ArtifactError::NotFound(id).into()
}

pub(super) fn write(artifact: &Artifact) -> Vec<u8> {
    let mut out = Vec::new();
    artifact.write_json(&mut out, true, |_| {});
    out
}

fn write_list(artifacts: &[Artifact]) -> Vec<u8> {
    let mut out = vec![b'['];
    for (index, artifact) in artifacts.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        artifact.write_json(&mut out, false, |_| {});
    }
    out.push(b']');
    out
}

/// 201, and where it is.
pub(super) fn created(
    request: &HttpRequest,
    state: &ArtifactRoutes,
    artifact: &Artifact,
) -> HttpResponse {
    // What comes before the prefix, when the scope is mounted inside of another one.
    let path = request.path();
    let base = path.find(&state.prefix).map_or("", |start| &path[..start]);
    let location = format!(
        "{}{base}{}/{}",
        public_base(request),
        state.prefix,
        artifact.id
    );
    let document = Document::new(write(artifact));
    HttpResponse::Created()
        .insert_header((LOCATION, location))
        .insert_header((ETAG, document.etag))
        .content_type("application/json")
        .body(document.json)
}

/// The bytes of a body of JSON.
pub(super) async fn read_body(
    request: &HttpRequest,
    state: &ArtifactRoutes,
    payload: Payload,
) -> Result<Bytes, Problem> {
    check_json(request.headers())?;
    state
        .options
        .body
        .read(request.headers(), payload.into_inner())
        .await
}

pub(super) async fn create(
    request: HttpRequest,
    state: Data<ArtifactRoutes>,
    payload: Payload,
) -> HandlerResult {
    Access::check_unlimited(&request)?;
    let bytes = read_body(&request, &state, payload).await?;
    let artifact = JsonBody::read(&bytes, BodyPurpose::Create)?.create()?;
    let saved = state.manager.save(artifact).await?;
    Ok(created(&request, &state, &saved))
}

pub(super) async fn list(request: HttpRequest, state: Data<ArtifactRoutes>) -> HandlerResult {
    Access::check_unlimited(&request)?;
    let wanted = query::parse_list(request.query_string())?;
    let filter = &wanted.filter;
    match wanted.part {
        ArtifactPaging::After(after) => {
            let list = state
                .manager
                .list_matching(filter, after, MAX_PAGE_SIZE)
                .await?;
            let response = conditional(&request, &Document::new(write_list(&list.items)));
            let next = list.next;
            let next = next.map(|next| paging::at(&request, "after", next));
            Ok(with_next(response, next))
        }
        ArtifactPaging::Page(wanted) => {
            let found = state
                .manager
                .page_matching(filter, wanted.page, wanted.size)
                .await?;
            let items = write_list(&found.items);
            let body = paging::page(&items, found.total, found.pages, wanted);
            Ok(conditional(&request, &Document::new(body)))
        }
    }
}

pub(super) async fn get(request: HttpRequest, state: Data<ArtifactRoutes>) -> HandlerResult {
    let id = query::id(&request)?;
    let found = state.manager.find(id).await?.ok_or_else(|| unknown(id))?;
    Ok(conditional(&request, &Document::new(write(&found))))
}

pub(super) async fn expand(request: HttpRequest, state: Data<ArtifactRoutes>) -> HandlerResult {
    let id = query::id(&request)?;
    let node = state.manager.node(id).await?.ok_or_else(|| unknown(id))?;
    let mut out = Vec::new();
    node.write_json(&mut out, true);
    Ok(conditional(&request, &Document::new(out)))
}

pub(super) async fn tree(request: HttpRequest, state: Data<ArtifactRoutes>) -> HandlerResult {
    let id = query::id(&request)?;
    let node = state.manager.tree(id).await?.ok_or_else(|| unknown(id))?;
    let mut out = Vec::new();
    node.write_json(&mut out, false);
    Ok(conditional(&request, &Document::new(out)))
}

pub(super) async fn metadata(request: HttpRequest, state: Data<ArtifactRoutes>) -> HandlerResult {
    let id = query::id(&request)?;
    let found = state.manager.find(id).await?.ok_or_else(|| unknown(id))?;
    let text = found.metadata.as_str().to_owned();
    Ok(conditional(&request, &Document::new(text)))
}

pub(super) async fn stats(request: HttpRequest, state: Data<ArtifactRoutes>) -> HandlerResult {
    Access::check_unlimited(&request)?;
    let total = state.manager.count().await?;
    Ok(json(format!("{{\"total\":{total}}}").into()))
}

pub(super) async fn schema(request: HttpRequest) -> HandlerResult {
    Ok(conditional(&request, &Document::schema_of::<Artifact>()))
}
