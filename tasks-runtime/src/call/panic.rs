//! Panics of tasks become failures.
//!
//! Unwinding is caught around every poll, so the worker lives on. A hook, installed once and chained to the one before
//! it, notes where a panic began; it acts only while a task is polled on the same thread.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::Cell;
#[cfg(feature = "database")]
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe};
#[cfg(feature = "database")]
use std::pin::pin;
use std::sync::Once;
#[cfg(feature = "database")]
use std::task::Poll;

use crate::task::{Detail, TaskFailure, Traceback};

thread_local! {
    static IN_TASK: Cell<bool> = const { Cell::new(false) };
    static LAST: Cell<Option<Box<Origin>>> = const { Cell::new(None) };
}

struct Origin {
    location: String,
    frames: Option<Backtrace>,
}

/// A caught panic.
#[derive(Debug)]
pub(crate) struct Caught {
    pub(crate) message: String,
    location: Option<String>,
    frames: Option<Backtrace>,
}

/// What tokio says when a task uses its runtime for what the other kind is needed for, and what to do. `$execute` runs tasks on the thread
/// that has the request, jobs run on several threads: what works on both is `tokio::spawn` and `spawn_blocking`.
const ADVICE: [(&str, &str); 3] = [
    (
        "spawn_local",
        "jobs run on several threads, where `spawn_local` and `actix_web::rt::spawn` do not work: use `tokio::spawn`",
    ),
    (
        "can call blocking only when running on the multi-threaded runtime",
        "an execution runs on the thread that has the request, where `block_in_place` does not work: use `tokio::task::spawn_blocking`, \
         or make the task a plain `fn`",
    ),
    (
        "Cannot start a runtime from within a runtime",
        "await the future instead of blocking on it, or make the task a plain `fn`",
    ),
];

impl Caught {
    pub(crate) fn into_failure(self, traceback: Traceback) -> TaskFailure {
        let advice = ADVICE.iter().find(|(said, _)| self.message.contains(said));
        let message = match advice {
            Some((_, advice)) => format!("{} ({advice})", self.message),
            None => self.message,
        };
        TaskFailure::panic(
            message,
            self.location.as_deref(),
            self.frames.as_ref(),
            traceback,
        )
    }
}

/// Installs the hook; cheap when it is there.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IN_TASK.get() {
                return previous(info);
            }
            let location = info
                .location()
                .map_or_else(|| "an unknown location".to_owned(), ToString::to_string);
            // The failure that comes of it is logged, with the message; this is for a panic that the task itself catches.
            tracing::debug!(location, "a panic in a task");
            let frames = (Detail::current() == Traceback::Full).then(Backtrace::force_capture);
            LAST.set(Some(Box::new(Origin { location, frames })));
        }));
    });
}

/// Runs code of a task's.
pub(crate) fn catch<R>(traceback: Traceback, run: impl FnOnce() -> R) -> Result<R, Caught> {
    struct Leave(bool);
    impl Drop for Leave {
        fn drop(&mut self) {
            IN_TASK.set(self.0);
        }
    }
    let _leave = Leave(IN_TASK.replace(true));
    let _detail = Detail::set(traceback);
    // What a panic left here that the task itself caught.
    let outer = LAST.take();
    // What the closure touched is dropped with it: the arguments, the future.
    let result = panic::catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let origin = LAST.take();
        let (location, frames) = origin.map_or((None, None), |origin| {
            (Some(origin.location), origin.frames)
        });
        let message = message(payload.as_ref());
        if let Err(second) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            // Whoever panics when its panic is dropped is not dropped again.
            std::mem::forget(second);
        }
        Caught {
            message,
            location,
            frames,
        }
    });
    LAST.set(outer);
    result
}

/// Runs a future of an application's that is no task.
#[cfg(feature = "database")]
pub(crate) async fn catch_polls<F: Future>(
    traceback: Traceback,
    future: F,
) -> Result<F::Output, Caught> {
    let mut future = pin!(future);
    poll_fn(
        |context| match catch(traceback, || future.as_mut().poll(context)) {
            Ok(poll) => poll.map(Ok),
            Err(caught) => Poll::Ready(Err(caught)),
        },
    )
    .await
}

fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}
