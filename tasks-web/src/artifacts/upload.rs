//! Bytes that become an artifact: the body of a request, or a file in a form.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ContentDisposition,
    Header as _,
};
use actix_web::web::{Data, Payload};
use tasks_runtime::artifacts::Artifact;

use super::body_chunks::receive;
use super::disposition::{file_name, malformed_disposition};
use super::form::{MAX_FIELD_BYTES, form};
use super::handlers::created;
use super::state::ArtifactRoutes;
use super::upload_fields::{Fields, header_text};
use crate::access::Access;
use crate::http::{HandlerResult, is_of_other_site};
use crate::problem::Problem;

pub(super) async fn upload(
    request: HttpRequest,
    state: Data<ArtifactRoutes>,
    payload: Payload,
) -> HandlerResult {
    Access::check_unlimited(&request)?;
    let headers = request.headers();
    check(&request, state.options.upload_limit)?;
    let content_type = header_text(headers, CONTENT_TYPE);
    let is_form = content_type
        .as_deref()
        .is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("multipart/"));
    let fields = Fields::of_query(&request)?;
    let saved = if is_form {
        form(&state, &request, fields, payload).await?
    } else {
        raw(&state, &request, fields, content_type, payload).await?
    };
    Ok(created(&request, &state, &saved))
}

/// What can be refused before the body comes.
fn check(request: &HttpRequest, limit: u64) -> Result<(), Problem> {
    let headers = request.headers();
    let length = header_text(headers, CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    // A form is somewhat longer than its file.
    let most = limit.saturating_add((MAX_FIELD_BYTES * 2) as u64);
    if length.is_some_and(|length| length > most) {
        return Err(too_large(limit));
    }
    if headers.get_all(CONTENT_TYPE).count() > 1 {
        return Err(Problem::unsupported_media_type_twice());
    }
    match header_text(headers, CONTENT_ENCODING) {
        Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => {
            return Err(Problem::encoded(&encoding));
        }
        _ => {}
    }
    // Browsers send these to any site, without asking it (Fetch, section 2.2.2).
    let kind = header_text(headers, CONTENT_TYPE)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let unasked = kind.is_empty()
        || [
            "text/plain",
            "multipart/form-data",
            "application/x-www-form-urlencoded",
        ]
        .iter()
        .any(|simple| kind.starts_with(simple));
    if unasked && is_of_other_site(request) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "cross-site-request",
            "a page of another site sent this in a form that browsers allow unasked: send the bytes as a body of another \
             content type, and let that site in by CORS",
        ));
    }
    Ok(())
}

fn too_large(limit: u64) -> Problem {
    Problem::payload_too_large(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// The body is the content; the rest is in the headers.
async fn raw(
    state: &ArtifactRoutes,
    request: &HttpRequest,
    mut fields: Fields,
    content_type: Option<String>,
    payload: Payload,
) -> Result<Artifact, Problem> {
    if request.headers().contains_key(CONTENT_DISPOSITION) {
        let disposition = ContentDisposition::parse(request)
            .map_err(|_| malformed_disposition("it cannot be read"))?;
        let header = request.headers().get(CONTENT_DISPOSITION);
        fields.sent_file_name = file_name(&disposition, header)?;
    }
    fields.content_type = content_type;
    let artifact = fields.finish()?;
    let mut upload = state.manager.upload(state.options.upload_limit);
    receive(&mut upload, payload, state.options.body.time).await?;
    Ok(upload.finish(artifact).await?)
}
