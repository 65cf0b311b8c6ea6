//! The macros of the tasks framework: [`macro@task`], and the derives [`macro@Injectable`] and [`macro@FailureCodes`].
//!
//! Applications do not depend on this crate: `tasks-web` and `tasks-runtime` re-export the macros, and the generated
//! code refers to private items of theirs.
//!
//! # How an expansion comes about
//!
//! | stage | module | may fail |
//! | --- | --- | --- |
//! | the item and the attribute become a model | `ast`, `options`, `param`, `doc`; together `model` | yes, into `errors` |
//! | rules that concern more than one token | `valid`, `types` | yes, into `errors` |
//! | questions answered from the model | `signature`, `print`, `crate_path` | no |
//! | tokens | `expand` | no |
//! | what is emitted beside the errors | `fallback` | no |
//!
//! `attribute` is this road for `#[task]`; `injectable` and `failure_codes` are the shorter ones of the derives.
//!
//! Every stage collects its errors and goes on, so that one compile shows all of them.

mod ast;
mod attribute;
mod crate_path;
mod doc;
mod duration;
mod errors;
mod expand;
mod failure_codes;
mod fallback;
#[cfg(test)]
mod golden;
mod injectable;
mod model;
mod options;
mod param;
mod print;
mod signature;
mod types;
mod valid;

use proc_macro::TokenStream;

/// Turns a plain function into a task.
///
/// The function itself is emitted unchanged: it stays callable, with the same name, signature and visibility. Beside
/// it the macro generates the task's metadata, the code that reads its arguments from a request or injects them, and
/// its registration.
///
/// # On the function
///
/// | option | meaning | without it |
/// | --- | --- | --- |
/// | `name = "…"` | the task's name: ASCII letters, digits, `_` and `-` | the function's name |
/// | `tags = ["…"]` | tags to find it by | none |
/// | `timeout = "30s"` | how long one execution may take (`ms`, `s`, `m`, `h`; they add up: `"1m30s"`) | the executor's default |
/// | `retries = 5` | how often a background job is tried again after an attempt that failed | 0 |
/// | `backoff = "exponential(1s, max = 5m)"` | how long it waits before that; `linear(…)` and `constant(…)`, too | `exponential(1s, max = 1h)` |
/// | `queue = "…"`, `priority = 10` | where its jobs wait, and which go first | `default`, 0 |
/// | `max_concurrency = 2` | how many of its jobs run at once in one process | those of the queue |
/// | `global_concurrency = 10` | how many of its jobs run at once in all processes together | no limit |
/// | `concurrency_key = "tenant"`, `concurrency_key = "/order/tenant"` | jobs with the same value of this parameter, or of this value inside one, share `concurrency_per_key` and `rate_per_key` | no key |
/// | `concurrency_per_key = 2` | how many jobs with the same key run at once in all processes together | 1 where there is a key and no `rate_per_key`, else no limit |
/// | `rate = "100/1m"` | how many attempts of its jobs begin in any period of this length, in all processes together; the period has 100 milliseconds to 24 hours | no limit |
/// | `rate_per_key = "10/1m"` | the same for jobs with the same key | no limit |
/// | `unique = "params"` | while a job waits or runs, one with the same parameters is not stored again | all are stored |
/// | `crash_limit = 1` | number of crashes after which a job of this task fails; with 1 a job never runs again after a crash | that of the service, 5 |
/// | `version = 2` | version of the task's durable steps: a job that has stored steps of another version is left to workers that have that one | 1 |
/// | `old_versions = "fail"` | fails a job whose steps are of an older version, in place of leaving it to workers that have that one | `"wait"` |
/// | `events(approval: bool)` | events that the task waits for, and the types of what is sent: all others are refused when they are sent | every event is kept |
/// | `read_only` | the task changes nothing: agents may run it without asking | it may change something |
/// | `destructive = false` | what the task changes, it adds: it deletes and overwrites nothing | it may delete or overwrite |
/// | `idempotent` | a second run with the same arguments changes nothing more | it does |
/// | `open_world = false` | the task reaches nothing outside of the service | it may |
/// | `mcp = "job"` | an agent's call of the task is a job, for work that takes longer than a minute; `mcp = false` keeps the task from agents | a tool that is called |
/// | `prompt` | the task is a prompt for agents, not a tool: it returns messages | a tool |
/// | `title = "Send a report"` | the name of the task for people | made of its name |
/// | `icon = "https://…"` | address of a picture of the task, for agents' hosts | none |
/// | `validate = check`, `validate = check(from, to)` | a rule over several parameters: a function that gets references to all of them, or to those that are named, and returns `Result<(), ArgumentError>` | no rule |
/// | `errors = [PaymentError]` | types of errors whose codes its failures can have, listed in the document beside those of the type that it returns: for a task that returns `anyhow::Error` | none |
/// | `register = false` | keeps it out of discovery; it can still be put into a registry by hand | discovered |
/// | `crate = path` | where the runtime is found when it is re-exported elsewhere | `tasks-web` or `tasks-runtime`, as `Cargo.toml` names it |
///
/// The doc comment becomes the task's description.
///
/// # On a parameter
///
/// A parameter whose type is `Injectable` is injected; every other parameter is read from the request. `///` comments
/// become its description.
///
/// | option | meaning |
/// | --- | --- |
/// | `#[task(default = expr)]` | the value when the request has none, evaluated per call; a string literal is converted with `From<&str>` |
/// | `#[task(example = expr)]` | shown in the documentation; like `default`, and `Serialize` |
/// | `#[task(rename = "…")]` | the name the client uses |
/// | `#[task(secret)]` | masked in echoes, errors and the UI |
/// | `#[task(inject)]`, `#[task(request)]` | overrides the choice made by type |
/// | `#[task(range(min = 1, max = 9))]`, `multiple_of = 5` | which numbers are allowed; also `exclusive_min` and `exclusive_max` |
/// | `#[task(length(min = 1, max = 80))]` | how many characters, items or members |
/// | `#[task(pattern = "…")]`, `#[task(format = "email")]` | which strings are allowed |
/// | `#[task(one_of(…))]` | the values that are allowed |
/// | `#[task(unique)]`, `#[task(items(…))]` | of a list: no item twice; what each item has to satisfy |
/// | `#[task(garde)]` | its type implements `garde::Validate`, and is validated (feature `garde`) |
#[proc_macro_attribute]
pub fn task(options: TokenStream, item: TokenStream) -> TokenStream {
    attribute::task(options.into(), &item.into()).into()
}

/// Makes a type of the application's own injectable into tasks.
///
/// The value comes from what the executor was given: `TaskExecutor::builder(…).provide(value)`.
/// `#[injectable(crate = path)]` names the runtime when it is re-exported elsewhere.
#[proc_macro_derive(Injectable, attributes(injectable))]
pub fn derive_injectable(item: TokenStream) -> TokenStream {
    injectable::derive(item.into()).into()
}

/// Gives the failures of an error stable codes: implements `FailureCodes`, and makes it known, for an enum or a struct.
///
/// Each variant has a code, by which clients tell it from the others. The doc comment of a variant says what the code means.
///
/// # On a variant, or a struct
///
/// | option | meaning | without it |
/// | --- | --- | --- |
/// | `code = "card-declined"` | the code: ASCII letters, digits, `-`, `_`, `.` and `:` | the name of the variant, in kebab case |
/// | `permanent` | another attempt would fail as well, so a job is not tried again | it is, as often as its task says |
/// | `retry_after = "30s"` | how long a job waits before its next attempt (`ms`, `s`, `m`, `h`) | the backoff of its task |
/// | `status = 402` | the HTTP status, where failures have one (`failures_as_status`) | that of the service |
/// | `details` | clients can read all named fields | those with `detail` |
/// | `transparent` | code and details are those of the error inside, as `#[error(transparent)]` says of the message | |
///
/// An enum knows `crate = path` alone, which says where the runtime is when it is re-exported elsewhere; a struct knows it, too.
///
/// # On a field
///
/// | option | meaning |
/// | --- | --- |
/// | `detail`, `detail = "name"` | clients can read it, under its own name or this one; it is `Serialize` |
/// | `retry_after` | a `Duration` or an `Option<Duration>`: how long to wait |
#[proc_macro_derive(FailureCodes, attributes(failure))]
pub fn derive_failure_codes(item: TokenStream) -> TokenStream {
    failure_codes::derive(item.into()).into()
}
