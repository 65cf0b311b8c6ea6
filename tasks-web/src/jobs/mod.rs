//! Background jobs over HTTP.

mod access;
mod endpoints;
mod events;
mod graph_body;
mod graph_stream;
mod graphs;
mod handlers;
mod idempotency;
mod list_stream;
mod list_views;
mod location;
mod operations;
mod part;
mod past;
mod pause;
mod paused_tasks;
mod problem;
mod query;
mod queues;
mod schedules;
mod scope;
mod shared_read;
mod state;
mod steps;
mod stream;
mod submit;
mod submit_operation;

pub(crate) use access::leave_out_others;
pub(crate) use idempotency::REPLAYED;
pub(crate) use location::location;
pub(crate) use part::{Declare, part, starting};
pub use scope::{JobScope, jobs};
pub(crate) use submit::submit;
pub(crate) use submit_operation::submit_operation;
#[doc(inline)]
pub use tasks_runtime::jobs::*;
