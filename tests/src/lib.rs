//! What the black-box tests stand on: a server as a process of its own, HTTP down to single bytes, a real browser,
//! a real PostgreSQL, the official schemas of `OpenAPI`, and a fuzzer that reads documents of it.
//!
//! The tests themselves are in `tests/`. They know of a service only what a client sees of it.

pub mod app;
pub mod browser;
mod build;
mod daemon;
pub mod databases;
pub mod engines;
pub mod generated;
pub mod generators;
pub mod http;
mod installed;
pub mod load;
pub mod mcp;
pub mod odd;
pub mod openapi;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod schemathesis;
pub mod worker_crashes;
