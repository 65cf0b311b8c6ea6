//! What all routes have in common: bodies, conditional answers, documents, streams of events.

mod body;
mod connection_state;
mod document;
pub(crate) mod duration;
mod handler_result;
mod hosts;
#[cfg(feature = "database")]
mod ids;
mod member_pointer;
#[cfg(feature = "database")]
pub(crate) mod members;
mod methods;
#[cfg(feature = "database")]
pub(crate) mod paging;
mod problem;
mod proxies;
pub(crate) mod query;
mod request_contract;
mod request_id;
mod respond;
mod same_site;
pub(crate) mod sse;
mod unsupported_headers;

pub(crate) use body::{BodyLimits, announced, check_json};
pub(crate) use connection_state::{AnswerGuard, ConnectionState, OpenConnections, PendingResponse};
pub(crate) use document::Document;
pub(crate) use handler_result::{HandlerResult, handled_by};
pub(crate) use hosts::AllowedHosts;
#[cfg(feature = "database")]
pub(crate) use ids::ULID;
#[cfg(feature = "database")]
pub(crate) use member_pointer::member_pointer;
pub(crate) use methods::Methods;
#[cfg(feature = "database")]
pub(crate) use proxies::public_base;
pub(crate) use proxies::{TrustedProxies, UNKNOWN, client_address, network, public_prefix};
pub(crate) use request_contract::RequestContract;
pub use request_id::RequestId;
pub(crate) use request_id::X_REQUEST_ID;
#[cfg(feature = "database")]
pub(crate) use respond::{Verdict, check_preconditions, is_conditional, read_preconditions};
pub(crate) use respond::{conditional, json};
#[cfg(feature = "database")]
pub(crate) use same_site::is_of_other_site;
pub(crate) use same_site::{check_same_site, is_other_origin, is_own_origin, origin};
#[cfg(feature = "database")]
pub(crate) use unsupported_headers::{ENTITY_TAGS, IDEMPOTENCY_KEY, refuse_missing};
pub(crate) use unsupported_headers::{
    Preconditions, is_plain, refuse_checksums, refuse_expectations, refuse_idempotency_key,
    refuse_partial, refuse_repeated, refuse_unheeded, refuse_websocket,
};
