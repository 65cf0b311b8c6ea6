//! Whether the content store answers, for the health.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tasks_runtime::ArtifactManager;

/// How long an answer counts.
const FRESH: Duration = Duration::from_secs(5);
/// How long to wait for one.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How much of an error is shown, in characters.
const SHOWN: usize = 300;

/// Asks the content store whether it answers, one question at a time, and remembers the answer for a moment.
pub(super) struct StoreProbe {
    manager: ArtifactManager,
    /// Held while it is asked.
    asking: tokio::sync::Mutex<()>,
    /// When it was asked last, and what was wrong.
    last: Mutex<Option<(Instant, Option<String>)>>,
}

impl StoreProbe {
    pub(super) fn new(manager: ArtifactManager) -> Self {
        Self {
            manager,
            asking: tokio::sync::Mutex::default(),
            last: Mutex::default(),
        }
    }

    fn last(&self) -> Option<(Instant, Option<String>)> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    /// What is wrong with the store, if something is. Who asks while another asks is given the last answer, if there was one.
    pub(super) async fn problem(&self) -> Option<String> {
        let last = self.last();
        if let Some((at, problem)) = &last
            && at.elapsed() < FRESH
        {
            return problem.clone();
        }
        let asking = match (self.asking.try_lock(), last) {
            (Ok(asking), _) => asking,
            (Err(_), Some((_, problem))) => return problem,
            (Err(_), None) => {
                let asking = self.asking.lock().await;
                if let Some((_, problem)) = self.last() {
                    return problem;
                }
                asking
            }
        };
        let problem = match tokio::time::timeout(TIMEOUT, self.manager.ping_store()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(public(&error.to_string())),
            Err(_) => Some(format!("it has not answered within {TIMEOUT:?}")),
        };
        let known = self
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace((Instant::now(), problem.clone()));
        drop(asking);
        match (known.and_then(|(_, problem)| problem), &problem) {
            (None, Some(problem)) => {
                tracing::warn!(problem, "the content store of artifacts is away");
            }
            (Some(_), None) => tracing::info!("the content store of artifacts is back"),
            _ => {}
        }
        problem
    }
}

/// An error of a store without what an address may hide: a password, or a signature.
fn public(error: &str) -> String {
    let words = error.split_whitespace().map(|word| {
        let Some((before, rest)) = word.split_once("://") else {
            return word.to_owned();
        };
        let end = rest.find('?').unwrap_or(rest.len());
        let address = rest.get(..end).unwrap_or_default();
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        let host = host.rsplit('@').next().unwrap_or_default();
        if path.is_empty() {
            format!("{before}://{host}")
        } else {
            format!("{before}://{host}/{path}")
        }
    });
    let words: Vec<String> = words.collect();
    words.join(" ").chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::public;

    #[test]
    fn an_error_shows_no_secrets() {
        let error = "error sending request for url (https://me:secret@store.example:9000/bucket/key?sig=secret&x=1): refused";
        let shown = public(error);
        assert_eq!(
            shown,
            "error sending request for url (https://store.example:9000/bucket/key refused"
        );
        assert_eq!(
            public("http://me:secret@store.example no"),
            "http://store.example no"
        );
        assert_eq!(public(&"x".repeat(1000)).len(), 300);
    }
}
