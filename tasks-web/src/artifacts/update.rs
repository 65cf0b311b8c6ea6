//! Changes of artifacts that are there, under conditions if the client sets some.

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tasks_runtime::artifacts::{Artifact, ArtifactError};

use super::handlers::{read_body, unknown, write};
use super::json_body::{BodyPurpose, JsonBody};
use super::query;
use super::state::ArtifactRoutes;
use crate::access::Access;
use crate::http::{Document, HandlerResult, check_preconditions, is_conditional, json};

/// How often a change is made anew when somebody else changes the artifact at the same time.
const MAX_TRIES: usize = 5;

/// `PUT`: the whole artifact.
pub(super) async fn replace(
    request: HttpRequest,
    state: Data<ArtifactRoutes>,
    payload: Payload,
) -> HandlerResult {
    change(&request, &state, payload, BodyPurpose::Replace).await
}

/// `PATCH`: what the body names (RFC 7396).
pub(super) async fn patch(
    request: HttpRequest,
    state: Data<ArtifactRoutes>,
    payload: Payload,
) -> HandlerResult {
    change(&request, &state, payload, BodyPurpose::Patch).await
}

async fn change(
    request: &HttpRequest,
    state: &ArtifactRoutes,
    payload: Payload,
    known: BodyPurpose,
) -> HandlerResult {
    Access::check_unlimited(request)?;
    let id = query::id(request)?;
    let body = JsonBody::read(&read_body(request, state, payload).await?, known)?;
    let mut tries = 0;
    loop {
        let current = state.manager.find(id).await?.ok_or_else(|| unknown(id))?;
        let artifact = if known == BodyPurpose::Patch {
            body.patch(&current)?
        } else {
            body.replace(&current)?
        };
        check_preconditions(request, &etag(&current))?;
        tries += 1;
        // What was looked at is what is changed: the body was checked against it.
        match state.manager.update_if_unchanged(&current, artifact).await {
            Ok(updated) => return Ok(changed(&updated)),
            // The conditions are looked at again, too.
            Err(ArtifactError::Changed(_)) if tries < MAX_TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) async fn delete(request: HttpRequest, state: Data<ArtifactRoutes>) -> HandlerResult {
    Access::check_unlimited(&request)?;
    let id = query::id(&request)?;
    let deleted = if is_conditional(&request) {
        let current = state.manager.find(id).await?.ok_or_else(|| unknown(id))?;
        check_preconditions(&request, &etag(&current))?;
        state.manager.delete_if_unchanged(&current).await?
    } else {
        state.manager.delete(id).await?
    };
    if deleted {
        Ok(HttpResponse::new(StatusCode::NO_CONTENT))
    } else {
        Err(unknown(id))
    }
}

fn etag(artifact: &Artifact) -> String {
    Document::new(write(artifact)).etag
}

/// The artifact as it is now, with the tag to change it again by.
fn changed(artifact: &Artifact) -> HttpResponse {
    let document = Document::new(write(artifact));
    let mut response = json(document.json);
    if let Ok(etag) = HeaderValue::from_str(&document.etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}
