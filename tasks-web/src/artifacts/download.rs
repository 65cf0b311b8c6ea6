//! The bytes of an artifact.

use actix_web::body::SizedStream;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderName, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::TryStreamExt as _;
use tasks_runtime::artifacts::{ArtifactContent, ArtifactError};

use super::disposition::{attachment, extension};
use super::query;
use super::range::{RequestedRange, requested_range};
use super::state::ArtifactRoutes;
use crate::http::{HandlerResult, Verdict, read_preconditions};
use crate::problem::Problem;

pub(super) async fn download(request: HttpRequest, state: Data<ArtifactRoutes>) -> HandlerResult {
    let id = query::id(&request)?;
    let read = async || {
        let content = state.manager.content(id).await?;
        content.ok_or(ArtifactError::NotFound(id))
    };
    let mut content = read().await?;
    loop {
        match respond(&request, &content).await {
            Ok(response) => return Ok(response),
            Err(error) => {
                // It may have been deleted or replaced since its row was read.
                let now = read().await?;
                if now.artifact.updated_at == content.artifact.updated_at {
                    return Err(error.into());
                }
                content = now;
            }
        }
    }
}

async fn respond(
    request: &HttpRequest,
    content: &ArtifactContent,
) -> Result<HttpResponse, ArtifactError> {
    // As it was sent: what is broken is not taken for nothing.
    let header = |name: HeaderName| {
        let value = request.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()))
    };
    let etag = format!("\"{}\"", content.info.digest);
    let name = content.info.file_name.clone().unwrap_or_else(|| {
        format!(
            "artifact_{}.{}",
            content.artifact.id,
            extension(&content.info.content_type)
        )
    });
    let mut response = HttpResponse::Ok();
    response
        .insert_header((ETAG, etag.as_str()))
        .insert_header((ACCEPT_RANGES, "bytes"))
        // The content of an artifact can be replaced.
        .insert_header((CACHE_CONTROL, "no-cache"));
    match read_preconditions(request.headers(), &etag, &[&etag]) {
        Verdict::Send => {}
        Verdict::NotModified => return Ok(response.status(StatusCode::NOT_MODIFIED).finish()),
        Verdict::Refuse(problem) => return Ok(problem.answer(request)),
    }
    let size = content.info.size;
    // A part of another version is of no use to who has the rest of this one.
    let same = header(IF_RANGE).is_none_or(|tag| tag.trim() == etag);
    // Ranges are defined for GET alone (RFC 9110, section 14.2).
    let is_head = request.method() == Method::HEAD;
    let asked = header(RANGE).filter(|_| same && !is_head);
    let range = match requested_range(asked.as_deref(), size) {
        RequestedRange::Everything => 0..size,
        RequestedRange::Part(range) => {
            let shown = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            response
                .status(StatusCode::PARTIAL_CONTENT)
                .insert_header((CONTENT_RANGE, shown));
            range
        }
        RequestedRange::Unsatisfiable => {
            let problem = Problem::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "range-not-satisfiable",
                format!("there are {size} bytes, and none in the range that is asked for"),
            );
            let mut response = problem.answer(request);
            if let Ok(value) = format!("bytes */{size}").parse() {
                response.headers_mut().insert(CONTENT_RANGE, value);
            }
            return Ok(response);
        }
    };
    response
        .insert_header((CONTENT_TYPE, content.info.content_type.as_str()))
        .insert_header((CONTENT_DISPOSITION, attachment(&name)))
        // It is whatever somebody uploaded: a browser is to save it, not to show or run it.
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    let length = range.end - range.start;
    if is_head {
        return Ok(response.body(SizedStream::new(
            length,
            futures_util::stream::empty::<Result<_, ArtifactError>>(),
        )));
    }
    let stream = content.stream(range).await?;
    // The head is sent: all that is left is to break off, which the client sees by the length.
    let stream = stream.inspect_err(|error| tracing::error!(%error, "a download broke off"));
    Ok(response.body(SizedStream::new(length, stream)))
}
