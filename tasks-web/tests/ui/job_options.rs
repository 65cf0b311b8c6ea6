//! Options of background jobs that cannot be

use tasks_web::prelude::*;

#[task(retries = 1000)]
fn too_many_retries() {}

#[task(backoff = "exponential(1)")]
fn no_unit() {}

#[task(backoff = "exponential(5s, max = 1s)")]
fn longest_is_shorter() {}

#[task(queue = "not a queue")]
fn spaces() {}

#[task(priority = "high")]
fn not_a_number() {}

#[task(max_concurrency = 0)]
fn never() {}

#[task(unique = "name")]
fn by_what() {}

#[task(crash_limit = 0)]
fn no_process() {}

#[task(version = 0)]
fn no_version() {}

#[task(version = 2, old_versions = "drop")]
fn dropped() {}

#[task(old_versions = "fail")]
fn older_than_what() {}

#[task(events = [approval])]
fn list_of_events() {}

#[task(events())]
fn no_events() {}

#[task(events(approval: bool, "approval": u8, "a#1": u8))]
fn names_of_events() {}

#[task(events(approval))]
fn event_without_a_type() {}

fn main() {}
