//! Panics in the log. What the standard library does is to write them to standard error itself, and to wait for its reader.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::panic::PanicHookInfo;

thread_local! {
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Logs panics from now on, each as one event.
pub(super) fn install() {
    std::panic::set_hook(Box::new(|info| {
        let error_location = info.location().map(ToString::to_string);
        if EXPECTED.get() {
            LOCATION.set(error_location);
            return;
        }
        // Captured only when `RUST_BACKTRACE` asks for it.
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
        tracing::error!(
            error_location,
            error = message(info),
            backtrace = backtrace.as_ref().map(tracing::field::display),
            "a panic"
        );
    }));
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(not a text)")
}

/// Runs code whose panic its caller catches and logs.
pub(crate) fn expected<R>(run: impl FnOnce() -> R) -> R {
    struct Leave(bool);
    impl Drop for Leave {
        fn drop(&mut self) {
            EXPECTED.set(self.0);
        }
    }
    let _leave = Leave(EXPECTED.replace(true));
    run()
}

/// Where the latest panic of such code on this thread began.
pub(crate) fn location() -> Option<String> {
    LOCATION.take()
}
