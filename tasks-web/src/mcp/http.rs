//! The server over HTTP: Streamable HTTP, without sessions.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::{
    AppService, HttpServiceFactory, Payload, ResourceDef, ServiceRequest, ServiceResponse,
    fn_service,
};
use actix_web::http::header::{ACCEPT, HeaderMap, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};
use futures_util::Stream;

use super::conversation::{Conversation, Said};
use super::error::{ErrorCode, McpError};
use super::headers;
use super::message::{Message, Unreadable};
use super::peer::{Address, Capabilities, Peer};
use super::reply::{Answer, write_error};
use super::reports::Reports;
use super::request::Request;
use super::server::McpServer;
use super::version::Version;
use crate::access::Access;
use crate::caller::caller;
use crate::http::sse::{self, STILL_HERE, StreamSlot, Streams};
use crate::http::{self, AllowedHosts, BodyLimits, HandlerResult, client_address, is_other_origin};
use crate::problem::Problem;

/// After what time a call that has said nothing gets a stream, so that nobody on the way takes its connection for dead.
const FIRST_WORD: Duration = Duration::from_secs(5);

/// What the route of the server needs.
pub(super) struct Endpoint {
    pub(super) server: Arc<McpServer>,
    pub(super) limits: BodyLimits,
    pub(super) streams: Streams,
    /// Names that cannot be those of other sites.
    pub(super) hosts: AllowedHosts,
    /// Headers that tasks may see.
    pub(super) caller_headers: Vec<HeaderName>,
}

/// The endpoint as a service of actix: a resource of one method costs less without handlers and guards.
#[derive(Clone)]
pub(super) struct EndpointService {
    pub(super) path: String,
    pub(super) endpoint: Arc<Endpoint>,
}

impl HttpServiceFactory for EndpointService {
    fn register(self, config: &mut AppService) {
        let Self { path, endpoint } = self;
        let service = fn_service(move |request: ServiceRequest| {
            let endpoint = Arc::clone(&endpoint);
            async move {
                let (request, payload) = request.into_parts();
                let answered = match *request.method() {
                    Method::POST => post(&endpoint, &request, payload).await,
                    _ => Err(Problem::method_not_allowed("POST")),
                };
                let response = answered.unwrap_or_else(|problem| problem.answer(&request));
                Ok::<_, Error>(ServiceResponse::new(request, response))
            }
        });
        // Hosts that were set up for other servers send a slash at the end. Two paths in one definition would be a regular expression.
        let with_slash = ResourceDef::new(format!("{path}/"));
        config.register_service(ResourceDef::new(path), None, service.clone(), None);
        config.register_service(with_slash, None, service, None);
    }
}

/// `POST`: one message, and its answer.
async fn post(state: &Endpoint, request: &HttpRequest, payload: Payload) -> HandlerResult {
    if is_other_origin(request, &state.hosts) {
        let message = "a page of another origin sent this, or one whose name is not among `allowed_hosts`, and CORS of the service does not let it in";
        let error = McpError::new(ErrorCode::InvalidRequest, message);
        return Ok(error_response(None, &error, 403));
    }
    if !http::is_plain(request.headers()) {
        http::refuse_unheeded(request)?;
        let instead = "send it without that header; tools whose calls are jobs have an argument `idempotency_key`";
        http::refuse_idempotency_key(request.headers(), instead)?;
    }
    http::check_json(request.headers())?;
    let body = state.limits.read(request.headers(), payload).await?;
    let message = match Message::read(&body) {
        Ok(message) => message,
        Err(Unreadable { id, error }) => return Ok(error_response(id, &error, 400)),
    };
    let Some(id) = message.id else {
        // Of a call over HTTP, the end of its connection is what takes it back; nothing else is said by notifications.
        return Ok(HttpResponse::Accepted().finish());
    };
    let (version, wanted) = match read(request.headers(), &message) {
        Ok(read) => read,
        Err((version, error)) => {
            return Ok(error_response(Some(id), &error, error.status(version)));
        }
    };
    let token = match message.progress_token() {
        Ok(token) => token.filter(|_| !wanted.listens()),
        Err(error) => return Ok(error_response(Some(id), &error, 400)),
    };
    let listens = wanted.listens();
    if listens && !takes_events(request.headers()) {
        let error = McpError::new(
            ErrorCode::InvalidRequest,
            "the answer is a stream: accept `text/event-stream`",
        );
        return Ok(error_response(Some(id), &error, 406));
    }
    let peer = Peer {
        version,
        access: request.extensions().get::<Access>().cloned(),
        caller: caller(request, &state.caller_headers),
        capabilities: Capabilities::of(&message, version),
        reports: Arc::new(Reports::new(token)),
        address: Address::Network(client_address(request)),
    };
    if version.is_stateless() {
        // Before, a client that is gone may come back for the answer.
        peer.reports.take_back_at_the_end();
    }
    let mut call = Conversation::begin(&state.server, id, wanted, peer);
    // Most are done at once.
    if let Poll::Ready(answer) = call.at_once().await {
        return Ok(answered(&call, &answer));
    }
    let can_stream = takes_events(request.headers());
    let reports = Arc::clone(&call.reports);
    tokio::select! {
        biased;
        answer = call.answer() => return Ok(answered(&call, &answer)),
        () = reports.some(), if can_stream => {}
        () = tokio::time::sleep(FIRST_WORD), if can_stream => {}
    }
    let slot = match state.streams.take(request) {
        Ok(slot) => slot,
        Err(problem) if listens => return Err(problem),
        // There is the answer alone.
        Err(_) => {
            let answer = call.answer().await;
            return Ok(answered(&call, &answer));
        }
    };
    Ok(sse::respond(
        request,
        Access::validity(request),
        stream(call, slot),
    ))
}

/// The whole answer at once.
fn answered(call: &Conversation, answer: &Answer) -> HttpResponse {
    response(call.write(answer), call.status(answer))
}

/// By which version a message is to be answered, and what it asks for.
fn read(
    headers: &HeaderMap,
    message: &Message<'_>,
) -> Result<(Version, Request), (Version, McpError)> {
    let latest = Version::V2026_07_28;
    let version = headers::version(headers, message).map_err(|error| (latest, error))?;
    let of = |error| (version, error);
    if version.is_stateless() {
        headers::check_method(headers, message).map_err(of)?;
    }
    let wanted = match Request::of(message, version) {
        Err(error) if error.code == ErrorCode::MethodNotFound => return Err(of(error)),
        wanted => wanted,
    };
    if version.is_stateless() {
        headers::check_name(headers, message).map_err(of)?;
    }
    Ok((version, wanted.map_err(of)?))
}

/// Whether a client takes an answer in parts.
fn takes_events(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|media| media.split(';').next())
        .any(|media| media.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// Notifications as they come, then the answer.
fn stream(call: Conversation, slot: StreamSlot) -> impl Stream<Item = Result<Bytes, Infallible>> {
    futures_util::stream::unfold(Some((call, slot)), |state| async move {
        let (mut call, slot) = state?;
        let (event, rest) = match call.next().await {
            Said::Nothing => (STILL_HERE, Some((call, slot))),
            Said::Notifications(messages) => (events(&messages).into(), Some((call, slot))),
            Said::Answer(mut messages, answer) => {
                messages.push(call.write(&answer));
                (events(&messages).into(), None)
            }
        };
        Some((Ok(event), rest))
    })
}

/// Messages as events, each in one line.
fn events(messages: &[String]) -> String {
    let mut events = String::new();
    for message in messages {
        events.push_str("event: message\ndata: ");
        // JSON has line breaks between its values at most.
        for line in message.split(['\n', '\r']) {
            events.push_str(line);
        }
        events.push_str("\n\n");
    }
    events
}

fn response(message: String, status: u16) -> HttpResponse {
    let mut response = http::json(message.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response
}

/// An error of a message that is not answered otherwise.
fn error_response(id: Option<&str>, error: &McpError, status: u16) -> HttpResponse {
    response(write_error(id, error), status)
}
