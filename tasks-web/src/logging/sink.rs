//! Writes lines to standard error, and neither fails nor waits.
//!
//! A line is written at once when standard error takes it at once. When it does not, a thread writes what has gathered, up to a
//! limit; what is more than that, and what cannot be written, is lost and counted.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// How much may wait to be written, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// What a pipe that takes anything takes without waiting (`PIPE_BUF`).
#[cfg(unix)]
const PIPE_BUF: usize = 4096;

#[derive(Default)]
struct Sink {
    waiting: Mutex<PendingLines>,
    more: Condvar,
    lost: AtomicU64,
}

#[derive(Default)]
struct PendingLines {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Whether the thread is writing.
    writing: bool,
}

fn sink() -> &'static Sink {
    static SINK: OnceLock<Sink> = OnceLock::new();
    SINK.get_or_init(Sink::default)
}

/// Starts the thread. Without it, what standard error does not take at once is lost.
pub(super) fn start() -> io::Result<()> {
    // It ends with the process.
    std::thread::Builder::new()
        .name("tasks-log".to_owned())
        .spawn(|| sink().write_all())
        .map(drop)
}

/// How many lines were lost.
pub(super) fn lost() -> u64 {
    sink().lost.load(Ordering::Relaxed)
}

/// Waits until everything is written, for a moment.
pub(crate) fn flush() {
    const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
    let sink = sink();
    let waiting = sink.lock();
    // Whether it was in time changes nothing.
    _ = sink
        .more
        .wait_timeout_while(waiting, FLUSH_TIMEOUT, |waiting| {
            waiting.writing || !waiting.lines.is_empty()
        });
}

impl Sink {
    fn lock(&self) -> MutexGuard<'_, PendingLines> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, line: &[u8]) {
        let mut waiting = self.lock();
        let idle = waiting.lines.is_empty() && !waiting.writing;
        if idle && takes_at_once(line.len()) {
            match io::stderr().write_all(line) {
                Ok(()) => return,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return self.lose(1),
            }
        }
        if waiting.bytes + line.len() > MAX_BYTES {
            return self.lose(1);
        }
        waiting.bytes += line.len();
        waiting.lines.push_back(line.to_vec());
        self.more.notify_all();
    }

    fn lose(&self, count: u64) {
        self.lost.fetch_add(count, Ordering::Relaxed);
    }

    fn write_all(&self) {
        let mut waiting = self.lock();
        loop {
            while waiting.lines.is_empty() {
                waiting = self
                    .more
                    .wait(waiting)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            waiting.writing = true;
            while let Some(line) = waiting.lines.pop_front() {
                drop(waiting);
                if io::stderr().write_all(&line).is_err() {
                    self.lose(1);
                }
                waiting = self.lock();
                waiting.bytes -= line.len();
            }
            waiting.writing = false;
            // Somebody may wait for this.
            self.more.notify_all();
        }
    }
}

/// Whether a write of this length does not wait for a reader.
#[cfg(unix)]
fn takes_at_once(length: usize) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let stderr = io::stderr();
    let mut ask = [PollFd::new(&stderr, PollFlags::OUT)];
    // Also when nobody is there to read: the error is found by writing.
    length <= PIPE_BUF && poll(&mut ask, Some(&now)).is_ok_and(|ready| ready > 0)
}

#[cfg(not(unix))]
fn takes_at_once(_: usize) -> bool {
    false
}

/// One line, which is written when it is dropped.
#[derive(Debug, Default)]
pub(super) struct LineBuffer(Vec<u8>);

impl Write for LineBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LineBuffer {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            sink().take(&self.0);
        }
    }
}
