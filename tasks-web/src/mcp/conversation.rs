//! A request that is being answered: what is said meanwhile, and the answer, on whatever way they go.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::peer::Peer;
use super::reply::{self, Answer};
use super::reports::Reports;
use super::request::Request;
use super::server::McpServer;
use super::version::Version;

/// How often a call that goes on says so: hosts give up on those that say nothing.
const NEXT_WORD: Duration = Duration::from_secs(10);

/// A request that is being answered.
pub(super) struct Conversation {
    answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
    pub(super) reports: Arc<Reports>,
    id: String,
    version: Version,
    server: Arc<McpServer>,
    began: Instant,
    /// When the client heard of it last.
    said: Instant,
}

/// What comes next.
pub(super) enum Said {
    /// Messages before the answer.
    Notifications(Vec<String>),
    /// Nothing, for so long that a sign of life is due.
    Nothing,
    /// The answer, after the messages that were still to be sent.
    Answer(Vec<String>, Answer),
}

impl Conversation {
    pub(super) fn begin(server: &Arc<McpServer>, id: &str, request: Request, peer: Peer) -> Self {
        let (reports, version) = (Arc::clone(&peer.reports), peer.version);
        let (answering, now) = (Arc::clone(server), Instant::now());
        Self {
            answer: Box::pin(async move { answering.answer(request, &peer).await }),
            reports,
            id: id.to_owned(),
            version,
            server: Arc::clone(server),
            began: now,
            said: now,
        }
    }

    /// The message that has the answer.
    pub(super) fn write(&self, answer: &Answer) -> String {
        reply::write(&self.id, answer, self.version, &self.server.identity)
    }

    /// The status of the answer over HTTP.
    pub(super) fn status(&self, answer: &Answer) -> u16 {
        match answer {
            Ok(_) => 200,
            Err(error) => error.status(self.version),
        }
    }

    /// The answer, if it is there without waiting.
    pub(super) async fn at_once(&mut self) -> Poll<Answer> {
        std::future::poll_fn(|cx| Poll::Ready(self.answer.as_mut().poll(cx))).await
    }

    /// The answer alone.
    pub(super) async fn answer(&mut self) -> Answer {
        self.answer.as_mut().await
    }

    pub(super) async fn next(&mut self) -> Said {
        let reports = Arc::clone(&self.reports);
        let silent = NEXT_WORD.saturating_sub(self.said.elapsed());
        let said = tokio::select! {
            // First: what a task reports without end must not keep its own end, or its timeout, from being seen.
            biased;
            answer = &mut self.answer => Said::Answer(reports.take().into(), answer),
            () = reports.some() => Said::Notifications(reports.take().into()),
            () = tokio::time::sleep(silent) => {
                reports.goes_on(self.began.elapsed().as_secs());
                match reports.take() {
                    none if none.is_empty() => Said::Nothing,
                    some => Said::Notifications(some.into()),
                }
            }
        };
        self.said = Instant::now();
        said
    }
}
