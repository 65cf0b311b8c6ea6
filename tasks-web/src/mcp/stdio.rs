//! The server over standard input and output, for programs that start it: one message in each line.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tasks_runtime::Caller;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::conversation::{Conversation, Said};
use super::error::{ErrorCode, McpError};
use super::headers;
use super::message::{Message, Unreadable};
use super::peer::{Address, Capabilities, Peer};
use super::reply::write_error;
use super::reports::Reports;
use super::request::Request;
use super::server::McpServer;
use super::version::Version;

/// How many requests are answered at once; more wait.
const MAX_CALLS: usize = 64;

/// How many requests may be answered or wait; more are refused.
const MAX_OPEN: usize = 1024;

/// How many messages may wait to be written, and to be read.
const MAX_WAITING: usize = 64;

/// The longest message, in bytes.
const MAX_LINE: usize = 2 * 1024 * 1024;

/// How long calls under way have when there is nothing more to read, and what they say to be written.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long jobs have of that to end; then their calls are answered by their ids. Hosts send SIGTERM two seconds after the end of the input.
const LAST_JOBS: Duration = Duration::from_millis(1500);

/// How long calls have after that signal, which is followed by SIGKILL.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// A line of input.
pub(crate) enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// Reads lines on a thread of its own: one that waits for input cannot be stopped, and the process may end without it.
pub(crate) fn lines(mut input: impl BufRead + Send + 'static) -> io::Result<mpsc::Receiver<Line>> {
    let (lines, received) = mpsc::channel(MAX_WAITING);
    std::thread::Builder::new()
        .name("tasks-stdin".to_owned())
        .spawn(move || {
            while let Ok(Some(line)) = next_line(&mut input) {
                if lines.blocking_send(line).is_err() {
                    return;
                }
            }
        })?;
    Ok(received)
}

/// A call that is under way.
struct OpenCall {
    handle: AbortHandle,
    reports: Arc<Reports>,
}

/// The calls that are under way, by their ids as JSON.
type OpenCalls = Arc<Mutex<HashMap<String, OpenCall>>>;

/// Answers messages until there are no more, or until it is to stop.
pub(crate) async fn serve(
    server: Arc<McpServer>,
    mut input: mpsc::Receiver<Line>,
    output: impl AsyncWrite + Unpin + Send + 'static,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut stop = std::pin::pin!(stop);
    let (answers, waiting) = mpsc::channel::<String>(MAX_WAITING);
    let mut writer = tokio::spawn(write_all(waiting, output));
    let mut session = Session {
        server,
        answers,
        open: OpenCalls::default(),
        calls: JoinSet::new(),
        permits: Arc::new(Semaphore::new(MAX_CALLS)),
        agreed: Version::LATEST_WITH_HANDSHAKE,
    };
    let is_told = loop {
        tokio::select! {
            line = input.recv() => match line {
                // A host that does not read keeps what is said to it waiting.
                Some(line) => tokio::select! {
                    () = session.take(line) => {}
                    () = &mut stop => break true,
                },
                None => break false,
            },
            // Nobody reads what is said.
            written = &mut writer => return written.unwrap_or(Ok(())),
            _ = session.calls.join_next(), if !session.calls.is_empty() => {}
            () = &mut stop => break true,
        }
    };
    let is_told = session.end(is_told, stop).await;
    let last = if is_told { LAST_MOMENT } else { LAST_WORDS };
    match timeout(last, writer).await {
        Ok(written) => written.unwrap_or(Ok(())),
        Err(_) => Ok(()),
    }
}

async fn write_all(
    mut waiting: mpsc::Receiver<String>,
    mut output: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    while let Some(mut message) = waiting.recv().await {
        message.retain(|c| c != '\n' && c != '\r');
        message.push('\n');
        output.write_all(message.as_bytes()).await?;
        output.flush().await?;
    }
    Ok(())
}

/// What is known of a host.
struct Session {
    server: Arc<McpServer>,
    answers: mpsc::Sender<String>,
    open: OpenCalls,
    calls: JoinSet<()>,
    permits: Arc<Semaphore>,
    /// Of clients before 2026-07-28, which say it once.
    agreed: Version,
}

impl Session {
    async fn take(&mut self, line: Line) {
        let Line::Whole(line) = line else {
            let message = format!("a message has at most {MAX_LINE} bytes");
            let error = McpError::new(ErrorCode::InvalidRequest, message);
            return self.say(write_error(None, &error)).await;
        };
        if line.trim_ascii().is_empty() {
            return;
        }
        match Message::read(&line) {
            Ok(message) => match message.id {
                Some(id) => {
                    if let Err(error) = self.begin(id, &message) {
                        self.say(write_error(Some(id), &error)).await;
                    }
                }
                None => self.notified(&message),
            },
            Err(Unreadable { id, error }) => self.say(write_error(id, &error)).await,
        }
    }

    /// Begins to answer a request.
    fn begin(&mut self, id: &str, message: &Message<'_>) -> Result<(), McpError> {
        let version = headers::version_in(message)?.unwrap_or(self.agreed);
        let request = Request::of(message, version)?;
        if let Request::Initialize { version } = &request {
            let known = Version::of(version).filter(|version| !version.is_stateless());
            self.agreed = known.unwrap_or(Version::LATEST_WITH_HANDSHAKE);
        }
        let listens = request.listens();
        let token = message.progress_token()?.filter(|_| !listens);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_OPEN {
            return Err(McpError::new(
                ErrorCode::Internal,
                format!("{MAX_OPEN} requests are not answered yet: send this one later"),
            ));
        }
        if open.contains_key(id) {
            return Err(McpError::new(
                ErrorCode::InvalidRequest,
                "a request with this id is being answered",
            ));
        }
        let reports = Arc::new(Reports::new(token));
        let peer = Peer {
            version,
            access: None,
            caller: Caller::new(),
            capabilities: Capabilities::of(message, version),
            reports: Arc::clone(&reports),
            address: Address::Stdio,
        };
        let mut call = Conversation::begin(&self.server, id, request, peer);
        let (answers, ended, key) = (self.answers.clone(), Arc::clone(&self.open), id.to_owned());
        // Whoever asks whether the server lives, or only listens, takes no place.
        let permits = (!listens && message.method != "ping").then(|| Arc::clone(&self.permits));
        let handle = self.calls.spawn(async move {
            let _permit = match permits {
                Some(permits) => permits.acquire_owned().await.ok(),
                None => None,
            };
            let last = loop {
                match call.next().await {
                    Said::Nothing => {}
                    Said::Notifications(messages) => {
                        for message in messages {
                            // When nobody reads any more, the end is near.
                            let _ = answers.send(message).await;
                        }
                    }
                    Said::Answer(mut messages, answer) => {
                        messages.push(call.write(&answer));
                        break messages;
                    }
                }
            };
            ended
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&key);
            for message in last {
                let _ = answers.send(message).await;
            }
        });
        open.insert(id.to_owned(), OpenCall { handle, reports });
        Ok(())
    }

    /// A notification: the one that counts takes a request back.
    fn notified(&self, message: &Message<'_>) {
        if message.method != "notifications/cancelled" {
            return;
        }
        if let Some(id) = message.params.some("requestId") {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(call) = open.remove(id) {
                call.reports.take_back_at_the_end();
                call.handle.abort();
            }
        }
    }

    /// Lets calls come to their end, for a moment: a short one if the program is told to stop, then or before. Whether it was told.
    async fn end(
        mut self,
        mut is_told: bool,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> bool {
        let now = Instant::now();
        let mut end = now + LAST_WORDS;
        let mut end_of_jobs = if is_told { now } else { now + LAST_JOBS };
        loop {
            tokio::select! {
                ended = self.calls.join_next() => if ended.is_none() {
                    return is_told;
                },
                () = sleep_until(end_of_jobs), if !self.server.stopping.is_cancelled() => self.server.stopping.cancel(),
                () = &mut stop, if !is_told => {
                    is_told = true;
                    end_of_jobs = Instant::now();
                    end = end_of_jobs + LAST_MOMENT;
                }
                () = sleep_until(end) => break,
            }
        }
        self.calls.abort_all();
        is_told
    }

    async fn say(&self, message: String) {
        let _ = self.answers.send(message).await;
    }
}

/// The next line; `None` at the end. Of one that is too long, the rest is passed over.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let read = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read.is_empty() {
            return Ok(match (line.is_empty(), too_long) {
                (_, true) => Some(Line::TooLong),
                (true, false) => None,
                (false, false) => Some(Line::Whole(line)),
            });
        }
        let (part, found) = match read.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&read[..end], true),
            None => (read, false),
        };
        let used = part.len() + usize::from(found);
        if line.len() + part.len() > MAX_LINE {
            too_long = true;
            line.clear();
        } else if !too_long {
            line.extend_from_slice(part);
        }
        input.consume(used);
        if found {
            return Ok(Some(match too_long {
                true => Line::TooLong,
                false => Line::Whole(line),
            }));
        }
    }
}
