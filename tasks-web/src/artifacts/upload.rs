//! Bytes that become an artifact, as they come.

use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, Charset,
    ContentDisposition, DispositionParam, Header as _, HeaderMap, HeaderName, HeaderValue,
};
use actix_web::mime::{BOUNDARY, CHARSET, Mime};
use actix_web::rt::time::timeout;
use actix_web::web::{Bytes, BytesMut, Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest};
use futures_util::{Stream, StreamExt as _};
use serde_json::{Value, json};
use tasks_runtime::ArgumentError;
use tasks_runtime::artifacts::{Artifact, ArtifactId, JsonText, NewArtifact, Upload};

use super::fields::{file_name_text, metadata_text, tag_list};
use super::form_scan::{FormScan, Outside};
use super::handlers::created;
use super::input::BodyErrors;
use super::state::ArtifactRoutes;
use crate::access::Access;
use crate::http::query::{QueryParameter, pairs};
use crate::http::{HandlerResult, ULID, is_of_other_site, refuse_checksums, refuse_partial};
use crate::problem::Problem;

/// How a part of a form is encoded (RFC 7578, section 4.7: not any more).
const CONTENT_TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");

/// The media type of a form.
const FORM: &str = "multipart/form-data";

/// How large a field of a form may be beside the file.
const MAX_FIELD_BYTES: usize = 256 * 1024;
/// How many fields a form may have.
const MAX_FIELDS: usize = 200;

/// The query: what comes along with the content.
pub(super) const QUERY: &[QueryParameter] = &[
    QueryParameter::new("id", "Its name; made when there is none.", ulid),
    QueryParameter::new("parent_id", "The id of an artifact that is there.", ulid),
    QueryParameter::new("tags", "With commas between them.", tag_list).commas(),
    QueryParameter::new("metadata", "A JSON object.", metadata_text),
    QueryParameter::new(
        "file_name",
        "The name under which it is downloaded.",
        file_name_text,
    ),
];

fn ulid() -> Value {
    json!({"type": "string", "pattern": ULID})
}

pub(super) async fn upload(
    request: HttpRequest,
    state: Data<ArtifactRoutes>,
    payload: Payload,
) -> HandlerResult {
    Access::check_unlimited(&request)?;
    let headers = request.headers();
    check(&request, state.options.upload_limit)?;
    let content_type = text(headers, CONTENT_TYPE);
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

fn text(headers: &HeaderMap, name: impl actix_web::http::header::AsHeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// What can be refused before the body comes.
fn check(request: &HttpRequest, limit: u64) -> Result<(), Problem> {
    let headers = request.headers();
    let length = text(headers, CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    // A form is somewhat longer than its file.
    let most = limit.saturating_add((MAX_FIELD_BYTES * 2) as u64);
    if length.is_some_and(|length| length > most) {
        return Err(too_large(limit));
    }
    if headers.get_all(CONTENT_TYPE).count() > 1 {
        return Err(Problem::unsupported_media_type_twice());
    }
    match text(headers, CONTENT_ENCODING) {
        Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => {
            return Err(Problem::encoded(&encoding));
        }
        _ => {}
    }
    // Browsers send these to any site, without asking it (Fetch, section 2.2.2).
    let kind = text(headers, CONTENT_TYPE)
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

/// The next piece, unless it takes too long.
async fn next<T, E>(
    stream: &mut (impl Stream<Item = Result<T, E>> + Unpin),
    patience: Duration,
) -> Result<Option<Result<T, E>>, Problem> {
    timeout(patience, stream.next())
        .await
        .map_err(|_| Problem::request_timeout(patience))
}

/// Reads the pieces as they come.
async fn receive<E: std::fmt::Display>(
    upload: &mut Upload,
    mut stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
    patience: Duration,
) -> Result<u64, Problem> {
    let mut length = 0;
    while let Some(piece) = next(&mut stream, patience).await? {
        let piece = piece.map_err(Problem::broken_body)?;
        length += piece.len() as u64;
        upload.write(piece).await?;
    }
    Ok(length)
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
        fields.sent_file_name = file_name(&disposition)?;
    }
    fields.content_type = content_type;
    let artifact = fields.finish()?;
    let mut upload = state.manager.upload(state.options.upload_limit);
    receive(&mut upload, payload, state.options.body.time).await?;
    Ok(upload.finish(artifact).await?)
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

/// A form with one file, and the rest in fields before or after it.
async fn form(
    state: &ArtifactRoutes,
    request: &HttpRequest,
    mut fields: Fields,
    payload: Payload,
) -> Result<Artifact, Problem> {
    let patience = state.options.body.time;
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
        let field = next(&mut form, patience).await?;
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
            fields.content_type = text(field.headers(), CONTENT_TYPE);
            fields.sent_file_name = match field.content_disposition() {
                Some(disposition) => file_name(disposition)?,
                None => None,
            };
            let mut new = state.manager.upload(state.options.upload_limit);
            let received = receive(&mut new, &mut field, patience).await;
            upload = Some(new);
            received.map_err(explain)?
        } else {
            check_text(field.headers(), &name)?;
            let value = read(&mut field, patience).await.map_err(explain)?;
            fields.take(&name, &value);
            value.len() as u64
        };
        announced = announces.then_some((name, length));
    }
    // What is left behind the last boundary.
    while let Some(piece) = next(&mut scan, patience).await? {
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
    let name: String = name.chars().take(50).collect();
    Problem::invalid_body(vec![ArgumentError::new(
        format!("/{}", name.replace('~', "~0").replace('/', "~1")),
        "is not as long as its header `Content-Length` says: leave that header out, which a part of a form does not need".to_owned(),
    )])
}

fn broken_form(error: MultipartError) -> Problem {
    Problem::broken_body(error)
}

/// Whether a name leads anywhere: it has a separator of folders, or is that of a folder.
fn is_path(name: &str) -> bool {
    name.contains(['/', '\\']) || name.bytes().all(|byte| byte == b'.')
}

/// The name of a file, as a client spells it. Of a path, its last part is kept, as RFC 7578, section 4.2, and RFC 6266, section 4.3, ask of those
/// who read one: browsers and other programs send it of themselves.
fn file_name(disposition: &ContentDisposition) -> Result<Option<String>, Problem> {
    let (mut plain, mut extended) = (None, None);
    for parameter in &disposition.parameters {
        let (name, known) = match parameter {
            DispositionParam::Filename(name) => (name.clone(), &mut plain),
            DispositionParam::FilenameExt(name) => {
                let is_utf8 = matches!(&name.charset, Charset::Ext(charset) if charset.eq_ignore_ascii_case("utf-8"));
                match String::from_utf8(name.value.clone()) {
                    Ok(name) if is_utf8 => (name, &mut extended),
                    _ => {
                        return Err(malformed_disposition(
                            "its `filename*` is not UTF-8: write `filename*=UTF-8''…`",
                        ));
                    }
                }
            }
            _ => continue,
        };
        if known.replace(name).is_some() {
            return Err(malformed_disposition("it names the file twice"));
        }
    }
    Ok(extended.or(plain))
}

fn has_two_names(disposition: &ContentDisposition) -> bool {
    let is_name = |parameter: &&DispositionParam| matches!(parameter, DispositionParam::Name(_));
    disposition.parameters.iter().filter(is_name).count() > 1
}

fn malformed_disposition(reason: &str) -> Problem {
    Problem::broken_body(format!("`Content-Disposition` is refused: {reason}"))
}

/// Refuses a small field that says that it is no text, or text of another encoding.
fn check_text(headers: &HeaderMap, name: &str) -> Result<(), Problem> {
    let Some(given) = text(headers, CONTENT_TYPE) else {
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
async fn read(field: &mut Field, patience: Duration) -> Result<String, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = next(field, patience).await? {
        let piece = piece.map_err(broken_form)?;
        if bytes.len() + piece.len() > MAX_FIELD_BYTES {
            return Err(Problem::payload_too_large(MAX_FIELD_BYTES));
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| Problem::broken_body("a field is not UTF-8"))
}

/// What comes along with the content.
#[derive(Default)]
struct Fields {
    artifact: NewArtifact,
    tags: Vec<String>,
    content_type: Option<String>,
    file_name: Option<String>,
    /// The name that comes with the content itself, where none is given.
    sent_file_name: Option<String>,
    /// What was given, in the query or in the form.
    seen: Vec<&'static str>,
    wrong: BodyErrors,
}

impl Fields {
    const KNOWN: [&'static str; 5] = ["id", "parent_id", "tags", "metadata", "file_name"];

    /// What is in the query, whatever the body is.
    fn of_query(request: &HttpRequest) -> Result<Self, Problem> {
        let mut fields = Self::default();
        for (name, value) in pairs(request.query_string())? {
            fields.take(&name, &value);
        }
        Ok(fields)
    }

    fn take(&mut self, name: &str, value: &str) {
        let known = Self::KNOWN.iter().find(|known| **known == name);
        if let Some(known) = known.filter(|known| **known != "tags") {
            if self.seen.contains(known) {
                self.wrong.push(&format!("/{name}"), "given twice");
                return;
            }
            self.seen.push(known);
        }
        let artifact = std::mem::take(&mut self.artifact);
        self.artifact = match name {
            "id" | "parent_id" => match value.parse::<ArtifactId>() {
                Ok(id) if name == "id" => artifact.id(id),
                Ok(id) => artifact.parent(id),
                Err(_) => {
                    let pointer = format!("/{name}");
                    self.wrong
                        .push(&pointer, "expected a ULID: 26 digits and capital letters");
                    artifact
                }
            },
            // An input of a form that was left empty.
            "metadata" | "file_name" if value.is_empty() => artifact,
            "metadata" => match JsonText::parse(value) {
                Ok(json) if json.is_object() => {
                    self.wrong.push_repeated("/metadata", &json);
                    artifact.metadata_text(json)
                }
                _ => {
                    self.wrong.push("/metadata", "expected a JSON object");
                    artifact
                }
            },
            // Once with commas, or once for each.
            "tags" => {
                self.tags.extend(
                    value
                        .split(',')
                        .map(str::trim)
                        .filter(|tag| !tag.is_empty())
                        .map(str::to_owned),
                );
                artifact
            }
            "file_name" if is_path(value) => {
                self.wrong.push(
                    "/file_name",
                    "expected the name of a file, without a path: leave out what is before the last `/` or `\\`",
                );
                artifact
            }
            "file_name" => {
                self.file_name = Some(value.to_owned());
                artifact
            }
            _ => {
                let shown: String = name.chars().take(50).collect();
                let known = Self::KNOWN.join(", ");
                self.wrong.push(
                    &format!("/{shown}"),
                    format!("unknown field; there are file, {known}"),
                );
                artifact
            }
        };
    }

    fn finish(self) -> Result<NewArtifact, Problem> {
        self.wrong.finish()?;
        let mut artifact = self.artifact.tags(self.tags);
        if let Some(content_type) = self.content_type {
            artifact = artifact.content_type(content_type);
        }
        if let Some(name) = self.file_name.or(self.sent_file_name) {
            artifact = artifact.file_name(name);
        }
        Ok(artifact)
    }
}
