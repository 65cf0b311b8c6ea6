//! Uploads a file in a form: `multipart/form-data`.

use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue,
};
use actix_web::mime::{BOUNDARY, CHARSET, Mime};
use actix_web::web::{BytesMut, Payload};
use actix_web::{HttpMessage as _, HttpRequest};
use tasks_runtime::ArgumentError;
use tasks_runtime::artifacts::{Artifact, Upload};

use super::body_chunks::{next, receive};
use super::disposition::{file_name, has_two_names, malformed_disposition};
use super::form_scan::{FormScan, Outside};
use super::state::ArtifactRoutes;
use super::upload_fields::{Fields, header_text};
use crate::http::{member_pointer, refuse_checksums, refuse_partial};
use crate::problem::Problem;

/// How a part of a form is encoded (RFC 7578, section 4.7: not any more).
const CONTENT_TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");

/// The media type of a form.
const FORM: &str = "multipart/form-data";

/// How large a field of a form may be beside the file.
pub(super) const MAX_FIELD_BYTES: usize = 256 * 1024;
/// How many fields a form may have.
const MAX_FIELDS: usize = 200;

/// A form with one file, and the rest in fields before or after it.
pub(super) async fn form(
    state: &ArtifactRoutes,
    request: &HttpRequest,
    mut fields: Fields,
    payload: Payload,
) -> Result<Artifact, Problem> {
    let time_limit = state.options.body.time;
    let mime = request.mime_type().ok().flatten();
    if let Some(mime) = &mime {
        check_form(mime)?;
    }
    let boundary = mime.as_ref().and_then(|mime| mime.get_param(BOUNDARY));
    let mut scan = FormScan::new(payload, boundary.map_or("", |boundary| boundary.as_str()));
    let mut form = Multipart::new(request.headers(), scan.clone());
    let mut upload: Option<Upload> = None;
    let mut count = 0;
    // A part that says its own length, and how much was read of it.
    let mut announced: Option<(String, u64)> = None;
    loop {
        let field = next(&mut form, time_limit).await?;
        check_outside(&scan)?;
        if let Some((name, length)) = announced.take()
            && scan.length(count - 1) != Some(length)
        {
            return Err(wrong_length(&name));
        }
        let Some(field) = field else { break };
        let mut field = field.map_err(broken_form)?;
        count += 1;
        if count > MAX_FIELDS {
            return Err(Problem::broken_body(format!(
                "the form has more than {MAX_FIELDS} fields"
            )));
        }
        let name = field.name().unwrap_or_default().to_owned();
        check_part(field.headers(), &name)?;
        if field.content_disposition().is_some_and(has_two_names) {
            return Err(malformed_disposition("it names the part twice"));
        }
        let announces = field.headers().contains_key(CONTENT_LENGTH);
        // Such a part may end in the midst of another one, or beyond the last.
        let explain = |problem: Problem| {
            if announces && problem.status == StatusCode::BAD_REQUEST.as_u16() {
                return wrong_length(&name);
            }
            problem
        };
        let length = if name == "file" {
            if upload.is_some() {
                fields
                    .wrong
                    .push("/file", "given twice: an artifact has one file");
                fields.wrong.finish()?;
                return Err(Problem::not_found());
            }
            // As it was sent: what is broken is not taken for nothing.
            fields.content_type = header_text(field.headers(), CONTENT_TYPE);
            fields.sent_file_name = match field.content_disposition() {
                Some(disposition) => {
                    file_name(disposition, field.headers().get(CONTENT_DISPOSITION))?
                }
                None => None,
            };
            let mut new = state.manager.upload(state.options.upload_limit);
            let received = receive(&mut new, &mut field, time_limit).await;
            upload = Some(new);
            received.map_err(explain)?
        } else {
            check_text(field.headers(), &name)?;
            let value = read(&mut field, time_limit).await.map_err(explain)?;
            fields.take(&name, &value);
            value.len() as u64
        };
        announced = announces.then_some((name, length));
    }
    // What is left behind the last boundary.
    while let Some(piece) = next(&mut scan, time_limit).await? {
        piece.map_err(Problem::broken_body)?;
        check_outside(&scan)?;
    }
    let Some(upload) = upload else {
        fields.wrong.push(
            "/file",
            "required, and missing: a field of a form with the name `file`",
        );
        fields.wrong.finish()?;
        return Err(Problem::not_found());
    };
    Ok(upload.finish(fields.finish()?).await?)
}

/// Refuses what is no form of RFC 7578, and one with two boundaries, of which a reader would take the first.
fn check_form(mime: &Mime) -> Result<(), Problem> {
    let refused = |detail: String| {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            detail,
        )
    };
    if mime.essence_str() != FORM {
        let shown: String = mime.essence_str().chars().take(64).collect();
        return Err(refused(format!(
            "the body is `{shown}`: send a form as `{FORM}`, or the content alone with its own content type"
        )));
    }
    if mime.params().filter(|(name, _)| *name == BOUNDARY).count() > 1 {
        return Err(refused(
            "the content type of the form has `boundary` twice: send it once".to_owned(),
        ));
    }
    Ok(())
}

/// Refuses a part of a form that is encoded, which is stored as it comes, and one with two of a header, of which a reader would take the first.
fn check_part(headers: &HeaderMap, name: &str) -> Result<(), Problem> {
    let shown: String = name.chars().take(50).collect();
    for (header, plain) in [
        (CONTENT_ENCODING, &["identity"][..]),
        (CONTENT_TRANSFER_ENCODING, &["7bit", "8bit", "binary"][..]),
    ] {
        let is_plain = |value: &HeaderValue| {
            let value = value.as_bytes().trim_ascii();
            plain
                .iter()
                .any(|plain| value.eq_ignore_ascii_case(plain.as_bytes()))
        };
        if !headers.get_all(&header).all(is_plain) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                format!(
                    "the part `{shown}` of the form has a `{header}`: send its bytes as they are, without that header"
                ),
            ));
        }
    }
    refuse_partial(headers)?;
    refuse_checksums(headers)?;
    for header in [CONTENT_TYPE, CONTENT_DISPOSITION] {
        if headers.get_all(&header).count() > 1 {
            return Err(Problem::broken_body(format!(
                "the part `{shown}` of the form has two `{header}`: send one"
            )));
        }
    }
    Ok(())
}

/// Refuses a form with text that is in no part, and would be lost.
fn check_outside(scan: &FormScan) -> Result<(), Problem> {
    let place = match scan.outside() {
        None => return Ok(()),
        Some(Outside::BeforeTheFirstBoundary) => "before the first",
        Some(Outside::AfterTheLastBoundary) => "after the last",
    };
    Err(Problem::broken_body(format!(
        "the form has text {place} boundary, which is in no part: leave it out"
    )))
}

fn wrong_length(name: &str) -> Problem {
    Problem::invalid_body(vec![ArgumentError::new(
        member_pointer(name),
        "is not as long as its header `Content-Length` says: leave that header out, which a part of a form does not need".to_owned(),
    )])
}

fn broken_form(error: MultipartError) -> Problem {
    Problem::broken_body(error)
}

/// Refuses a small field that says that it is no text, or text of another encoding.
fn check_text(headers: &HeaderMap, name: &str) -> Result<(), Problem> {
    let Some(given) = header_text(headers, CONTENT_TYPE) else {
        return Ok(());
    };
    let is_text = given.parse::<Mime>().is_ok_and(|kind| {
        let charset = kind.get_param(CHARSET);
        ["text/plain", "application/json"].contains(&kind.essence_str())
            && charset.is_none_or(|charset| charset == "utf-8" || charset == "us-ascii")
    });
    if is_text {
        return Ok(());
    }
    let (name, given): (String, String) = (
        name.chars().take(50).collect(),
        given.chars().take(64).collect(),
    );
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        format!(
            "the part `{name}` of the form is `{given}`: send it as `text/plain` in UTF-8, or without `Content-Type`"
        ),
    ))
}

/// A small field.
async fn read(field: &mut Field, time_limit: Duration) -> Result<String, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = next(field, time_limit).await? {
        let piece = piece.map_err(broken_form)?;
        if bytes.len() + piece.len() > MAX_FIELD_BYTES {
            return Err(Problem::payload_too_large(MAX_FIELD_BYTES));
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| Problem::broken_body("a field is not UTF-8"))
}
