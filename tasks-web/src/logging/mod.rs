//! Where the log goes, and in which form.

mod format;
pub(crate) mod panics;
mod sink;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::{Format, JsonFields};
use tracing_subscriber::util::SubscriberInitExt as _;

pub(crate) use sink::flush;

use crate::monitoring::LOG_LINES_LOST;
use crate::part::ScrapeHook;

/// A level alone, in any case and with Python's word for `warn`; or directives.
///
/// A single word that is none would be taken for the name of a crate, and all the rest be silent.
fn read(directives: &str) -> Result<EnvFilter, String> {
    let word = directives.trim();
    if word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        let level = match word.to_ascii_lowercase().as_str() {
            "warning" => "warn".to_owned(),
            "critical" | "fatal" => "error".to_owned(),
            other => other.to_owned(),
        };
        return match level.parse::<LevelFilter>() {
            Ok(level) => Ok(EnvFilter::new(level.to_string())),
            Err(_) => Err("it is not a level".to_owned()),
        };
    }
    EnvFilter::builder()
        .parse(directives)
        .map_err(|error| error.to_string())
}

/// Installs a subscriber that writes to standard error, unless the program has installed one.
///
/// `LOG_LEVEL` says what is written, in the words of `RUST_LOG`, which counts as well. Defaults to `info`. `LOG_FORMAT` is
/// `console` or `json`.
pub(crate) fn install(problems: &mut Vec<String>) {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let directives = variable("LOG_LEVEL")
        .or_else(|| variable("RUST_LOG"))
        .unwrap_or_else(|| "info".to_owned());
    let filter = match read(&directives) {
        Ok(filter) => filter,
        Err(error) => {
            return problems.push(format!(
                "`{}` cannot be what is logged: {error}; use a level such as `info`, or `info,my_crate=debug`",
                directives.escape_debug()
            ));
        }
    };
    let json = match variable("LOG_FORMAT").as_deref() {
        None | Some("console") => false,
        Some("json") => true,
        Some(other) => {
            return problems.push(format!(
                "LOG_FORMAT is `{}`, and it is either `console` or `json`",
                other.escape_debug()
            ));
        }
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // It would be said on standard error, which is what failed.
        .log_internal_errors(false)
        .with_writer(sink::LineBuffer::default);
    // An error means that the program has a subscriber of its own, which is as good.
    let installed = if json {
        subscriber
            .fmt_fields(JsonFields::new())
            .event_format(format::WithTask {
                inner: Format::default().json().flatten_event(true),
                json,
            })
            .finish()
            .try_init()
    } else {
        let ansi = std::io::stderr().is_terminal() && variable("NO_COLOR").is_none();
        subscriber
            .with_ansi(ansi)
            .event_format(format::WithTask {
                inner: Format::default().with_ansi(ansi),
                json,
            })
            .finish()
            .try_init()
    };
    if installed.is_err() {
        return;
    }
    JSON.store(json, Ordering::Relaxed);
    panics::install();
    if let Err(error) = sink::start() {
        problems.push(format!("the thread for the log cannot be started: {error}"));
    }
}

/// Whether everything that is written is JSON.
static JSON: AtomicBool = AtomicBool::new(false);

pub(crate) fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// Shows how many lines were lost.
pub(crate) fn on_scrape() -> ScrapeHook {
    let lost = metrics::counter!(LOG_LINES_LOST.name);
    Arc::new(move || lost.absolute(sink::lost()))
}
