//! Notifies listeners in this process when a job changes.

use crate::jobs::id::JobId;
use tokio::sync::broadcast;

/// How many changes a listener may lag behind; beyond that it looks at everything.
const CAPACITY: usize = 1024;

/// Tells listeners which jobs have changed.
#[derive(Clone, Debug)]
pub(super) struct ChangeNotifier(broadcast::Sender<JobId>);

/// Hears of changes of one job, or of all.
#[derive(Debug)]
pub struct JobChanges {
    /// `None` for all.
    id: Option<JobId>,
    receiver: broadcast::Receiver<JobId>,
}

impl ChangeNotifier {
    pub(super) fn new() -> Self {
        Self(broadcast::channel(CAPACITY).0)
    }

    pub(super) fn notify(&self, id: JobId) {
        // Nobody may be listening.
        let _ = self.0.send(id);
    }

    /// Notifies all listeners: more changed than is known by job.
    pub(super) fn notify_all(&self) {
        self.notify(JobId::nil());
    }

    pub(super) fn of(&self, id: JobId) -> JobChanges {
        JobChanges {
            id: Some(id),
            receiver: self.0.subscribe(),
        }
    }

    pub(super) fn of_all(&self) -> JobChanges {
        JobChanges {
            id: None,
            receiver: self.0.subscribe(),
        }
    }
}

impl JobChanges {
    /// Waits until the job may have changed in this process.
    pub async fn changed(&mut self) {
        loop {
            match self.receiver.recv().await {
                Ok(id) if self.id.is_none_or(|own| own == id) || id == JobId::nil() => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Drops the changes that were noted until now: what is read after this call shows them.
    pub fn mark_seen(&mut self) {
        self.receiver = self.receiver.resubscribe();
    }
}
