//! Takes jobs out of the database and writes their ends into it, many at once: each round is one transaction.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use ulid::Ulid;

use super::Shared;
use super::attempt::{Attempt, Event};
use super::claim::{self, Kind};
use super::finish::{Finish, finish};
use super::membership::{self, Member};
use super::places::Places;
use super::runner;
use super::running::Why;
use super::wakeup;
use super::watch::{self, Watch};
use crate::jobs::error::JobError;
use crate::jobs::store::Line;
use crate::jobs::table::{Claimed, now, state};
use crate::jobs::{schedules, store};

/// How often to look for jobs that other processes submitted, when nobody says so.
const POLL: Duration = Duration::from_secs(1);
/// How often to look whether somebody wants a job to stop.
const CANCEL: Duration = Duration::from_millis(400);
/// How many ends are written at once.
const AT_ONCE: usize = 500;
/// How many lines of logs.
const LINES_AT_ONCE: usize = 2000;

pub(in crate::jobs) struct Driver {
    shared: Arc<Shared>,
    inbox: mpsc::UnboundedReceiver<Event>,
    worker: String,
    /// What is to be written.
    finished: Vec<Finish>,
    changed: BTreeMap<Ulid, Arc<Attempt>>,
    lines: Vec<Line>,
    /// The jobs whose attempts were started and whose ends are not written yet.
    started: HashSet<(String, i64)>,
    /// There may be jobs to take.
    hungry: bool,
    /// There may be other times than those that are known: of jobs that wait, of schedules.
    stirred: bool,
    /// When the next job that waits is due.
    due: Option<i64>,
    clock: Clock,
    watch: Watch,
}

/// When this and that was done last, by the steady clock.
struct Clock {
    beat: Instant,
    poll: Instant,
    cancel: Instant,
    held: Instant,
    #[cfg(feature = "metrics")]
    count: Option<Instant>,
}

/// What a round found.
#[derive(Default)]
struct Round {
    expelled: bool,
    claimed: Vec<Claimed>,
    /// Whether all places that were asked for are taken: there may be more.
    full: bool,
    due: Option<i64>,
}

impl Driver {
    pub(in crate::jobs) fn new(shared: Arc<Shared>, inbox: mpsc::UnboundedReceiver<Event>) -> Self {
        let now = Instant::now();
        Self {
            shared,
            inbox,
            worker: String::new(),
            finished: Vec::new(),
            changed: BTreeMap::new(),
            lines: Vec::new(),
            started: HashSet::new(),
            hungry: true,
            stirred: true,
            due: None,
            clock: Clock {
                beat: now,
                poll: now,
                cancel: now,
                held: now,
                #[cfg(feature = "metrics")]
                count: None,
            },
            watch: Watch::default(),
        }
    }

    pub(in crate::jobs) async fn run(mut self) {
        let listening = wakeup::listen(Arc::clone(&self.shared));
        self.join().await;
        while !self.shared.stopping.is_cancelled() {
            self.collect();
            if !self.has_something_to_do() {
                self.wait().await;
                continue;
            }
            self.round_or_wait(true).await;
            self.look_after().await;
        }
        if let Some(listening) = listening {
            listening.abort();
        }
        self.end().await;
    }

    /// Becomes a worker that others see.
    async fn join(&mut self) {
        let (host, process) = (watch::host(), i64::from(std::process::id()));
        let mut pause = Duration::from_millis(100);
        loop {
            let id = Ulid::new().to_string();
            let joined: Result<(), JobError> = self
                .shared
                .session
                .transaction(async |tx| {
                    claim::relabel(tx, self.shared.executor.registry()).await?;
                    membership::register(tx, &id, &host, process, now()).await
                })
                .await;
            match joined {
                Ok(()) => {
                    self.worker.clone_from(&id);
                    self.shared.worker.store(id);
                    self.clock.beat = Instant::now();
                    break;
                }
                Err(error) if self.shared.stopping.is_cancelled() => {
                    tracing::warn!(%error, "the jobs never began");
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "the jobs cannot begin yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
            }
        }
        self.bury_others(None).await;
    }

    /// Those that are gone, or silent for too long; `members` if they were read already.
    async fn bury_others(&mut self, members: Option<Vec<Member>>) {
        let members = match members {
            Some(members) => members,
            None => {
                let found: Result<Vec<Member>, JobError> = self
                    .shared
                    .session
                    .read(async |conn| membership::all(conn).await)
                    .await;
                found.unwrap_or_default()
            }
        };
        let gone = watch::bury_gone(&self.shared, &self.worker, &members).await;
        let silent = watch::bury_silent(&self.shared, &mut self.watch, &self.worker, members);
        if silent.await || gone {
            self.stir();
        }
    }

    /// Everything that attempts have said until now.
    fn collect(&mut self) {
        while self.finished.len() < AT_ONCE
            && self.lines.len() < LINES_AT_ONCE
            && let Ok(event) = self.inbox.try_recv()
        {
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Finished(end) => {
                self.finished.push(end.storable());
                // A place is free.
                self.hungry = true;
            }
            Event::Began(id, fence) => {
                self.started.insert((id, fence));
            }
            Event::Over(id, fence) => {
                self.started.remove(&(id.clone(), fence));
                self.hungry = true;
                // It may have been completed in a transaction of the task's own.
                self.shared.changes.tell(&id);
            }
            Event::Changed(attempt) => {
                self.changed.insert(attempt.id, attempt);
            }
            Event::Line {
                id,
                fence,
                at,
                message,
            } => self.lines.push(Line {
                id,
                fence,
                at,
                message,
            }),
        }
    }

    fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= now())
    }

    fn is_time_to_beat(&self) -> bool {
        self.clock.beat.elapsed() >= self.shared.settings.lease / 4
    }

    fn has_something_to_do(&self) -> bool {
        !self.finished.is_empty()
            || !self.changed.is_empty()
            || !self.lines.is_empty()
            || (self.hungry && Places::of(&self.shared).are_free())
            || self.is_due()
            || self.is_time_to_beat()
    }

    /// Somebody else has changed something.
    fn stir(&mut self) {
        self.hungry = true;
        self.stirred = true;
    }

    async fn wait(&mut self) {
        let lease = self.shared.settings.lease;
        let mut until = (self.clock.beat + lease / 4).min(self.clock.poll + POLL);
        if !self.shared.running.is_empty() {
            until = until.min(self.clock.cancel + CANCEL);
        }
        if let Some(due) = self.due {
            let wait = u64::try_from(due - now()).unwrap_or(0);
            until = until.min(Instant::now() + Duration::from_micros(wait));
        }
        let shared = Arc::clone(&self.shared);
        tokio::select! {
            event = self.inbox.recv() => {
                if let Some(event) = event {
                    self.take(event);
                }
            }
            () = shared.wake.notified() => self.stir(),
            () = shared.stopping.cancelled() => {}
            () = tokio::time::sleep_until(until) => self.look_after().await,
        }
    }

    /// What there is to do now and then.
    async fn look_after(&mut self) {
        if self.clock.cancel.elapsed() >= CANCEL && !self.shared.running.is_empty() {
            self.clock.cancel = Instant::now();
            let asked: Result<Vec<String>, JobError> = self
                .shared
                .session
                .read(async |conn| membership::asked_to_stop(conn, &self.worker).await)
                .await;
            for id in asked.unwrap_or_default() {
                self.shared.running.cancel(&id);
            }
        }
        if self.clock.poll.elapsed() >= POLL {
            self.clock.poll = Instant::now();
            let found: Result<(bool, Vec<Member>), JobError> = self
                .shared
                .session
                .read(async |conn| {
                    Ok((
                        claim::is_any(conn, now()).await?,
                        membership::all(conn).await?,
                    ))
                })
                .await;
            if let Ok((any, workers)) = found {
                if any {
                    self.stir();
                }
                self.bury_others(Some(workers)).await;
            }
        }
        if self.clock.held.elapsed() >= self.shared.settings.lease / 2 {
            self.clock.held = Instant::now();
            self.return_what_never_began().await;
        }
        #[cfg(feature = "metrics")]
        self.count_those_that_wait().await;
    }

    /// When the connection is lost while a round is committed, nobody can tell whether the jobs of that round were given to this
    /// worker. Those that were, and that nobody started, go back.
    async fn return_what_never_began(&mut self) {
        let shared = Arc::clone(&self.shared);
        // What began outside of the rounds has said so once nobody begins.
        let _none_begins = shared.beginning.lock().await;
        let held: Result<Vec<(String, i64)>, JobError> = self
            .shared
            .session
            .read(async |conn| membership::held(conn, &self.worker).await)
            .await;
        while let Ok(event) = self.inbox.try_recv() {
            self.take(event);
        }
        for (id, fence) in held.unwrap_or_default() {
            if !self.started.contains(&(id.clone(), fence)) {
                tracing::warn!(
                    job = id,
                    "a job was given to this process, and never began: it goes back"
                );
                self.finished.push(Finish::returned(&id, fence, now()));
            }
        }
        let orphans: Result<usize, JobError> = self
            .shared
            .session
            .transaction(async |tx| membership::return_orphans(tx, now()).await)
            .await;
        if let Ok(jobs @ 1..) = orphans {
            tracing::warn!(
                jobs,
                "jobs of processes that are not there any more go back"
            );
            self.shared.changes.tell_all();
            self.stir();
        }
    }

    #[cfg(feature = "metrics")]
    async fn count_those_that_wait(&mut self) {
        const COUNT: Duration = Duration::from_secs(5);
        let Some(metrics) = self.shared.metrics.clone() else {
            return;
        };
        if self.clock.count.is_some_and(|last| last.elapsed() < COUNT) {
            return;
        }
        self.clock.count = Some(Instant::now());
        let counts: Result<_, JobError> = self
            .shared
            .session
            .read(async |conn| store::waiting(conn).await)
            .await;
        if let Ok(counts) = counts {
            metrics.waiting(&counts);
        }
    }

    /// One round; when the database fails, a pause, and what was to be written is kept.
    async fn round_or_wait(&mut self, claim: bool) {
        match self.round(claim).await {
            Ok(round) => {
                self.clock.beat = Instant::now();
                self.shared.has_reached_the_database();
                if round.expelled {
                    self.expelled().await;
                    return;
                }
                self.hungry = round.full;
                self.due = round.due;
                for job in round.claimed {
                    self.started.insert((job.id.clone(), job.fence));
                    runner::start(&self.shared, job);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the jobs cannot reach their database");
                // By now others may have taken this process for dead.
                if self.clock.beat.elapsed() > self.shared.settings.lease {
                    self.shared.running.stop_all(Why::Superseded);
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
    }

    async fn round(&mut self, claim: bool) -> Result<Round, JobError> {
        let finished: Vec<Finish> = std::mem::take(&mut self.finished);
        let lines = std::mem::take(&mut self.lines);
        let changed: Vec<_> = std::mem::take(&mut self.changed)
            .into_values()
            .map(|attempt| {
                let (progress, artifact) = attempt.take_said();
                (attempt, progress, artifact)
            })
            .collect();
        let asks = claim && (self.hungry || self.is_due());
        let stirred =
            self.stirred || self.is_due() || finished.iter().any(|end| end.state == state::WAITING);
        let ticks = asks && stirred;
        let mut places = Places::of(&self.shared);
        let wants = if asks && self.shared.settings.engine.is_none() {
            places.wants()
        } else {
            Vec::new()
        };
        let (worker, known_due) = (&self.worker, self.due);
        let registry = self.shared.executor.registry();
        let result: Result<Round, JobError> = self
            .shared
            .session
            .transaction(async |tx| {
                let mut round = Round {
                    due: known_due,
                    ..Round::default()
                };
                if !membership::beat(tx, worker).await? {
                    round.expelled = true;
                    return Ok(round);
                }
                let superseded = finish(tx, &finished).await?;
                if superseded > 0 {
                    tracing::debug!(superseded, "ends of attempts that do not count any more");
                }
                for (attempt, progress, artifact) in &changed {
                    let (id, json) = (attempt.id.to_string(), progress.as_deref());
                    store::progress(
                        tx,
                        &id,
                        attempt.fence,
                        json.unwrap_or_default(),
                        artifact.as_deref(),
                    )
                    .await?;
                }
                store::log(tx, &lines).await?;
                if ticks {
                    let scheduled = schedules::tick(tx, registry, now()).await?;
                    let waiting = claim::promote(tx, now()).await?;
                    round.due = scheduled.into_iter().chain(waiting).min();
                }
                for want in &wants {
                    let Some(kind) = places.kind(want) else {
                        continue;
                    };
                    let limit = places.limit(want);
                    if limit == 0 {
                        round.full = true;
                        continue;
                    }
                    let jobs = claim::claim(tx, worker, &want.queue, &kind, limit, now()).await?;
                    round.full |= !matches!(kind, Kind::Suspect(_)) && jobs.len() == limit;
                    places.take(&jobs);
                    round.claimed.extend(jobs);
                }
                Ok(round)
            })
            .await;
        match &result {
            Ok(_) => {
                self.stirred = stirred && !ticks;
                if asks {
                    self.shared.due.notify_one();
                }
                for end in &finished {
                    self.started.remove(&(end.id.clone(), end.fence));
                }
                let changes = &self.shared.changes;
                let ids = finished.iter().map(|end| end.id.as_str());
                ids.for_each(|id| changes.tell(id));
                changed
                    .iter()
                    .for_each(|(attempt, ..)| changes.tell_id(attempt.id));
            }
            Err(_) => {
                // For the next round.
                let newer = std::mem::replace(&mut self.finished, finished);
                self.finished.extend(newer);
                let newer = std::mem::replace(&mut self.lines, lines);
                self.lines.extend(newer);
                for (attempt, ..) in changed {
                    self.changed.insert(attempt.id, attempt);
                }
                self.stir();
            }
        }
        result
    }

    /// Others took this process for dead, because it was stopped for a while, say: its jobs are theirs now.
    async fn expelled(&mut self) {
        tracing::warn!("this process was silent for too long: its jobs were given to others");
        self.shared.running.stop_all(Why::Superseded);
        self.finished.clear();
        self.changed.clear();
        self.started.clear();
        self.stir();
        self.join().await;
    }

    /// Lets attempts end, returns what is left to the queue, and leaves.
    async fn end(&mut self) {
        // What is called for from now on does not begin.
        let shared = Arc::clone(&self.shared);
        let _none_begins = shared.beginning.lock().await;
        let deadline = Instant::now() + self.shared.settings.drain;
        while !self.shared.running.is_empty() && Instant::now() < deadline {
            self.end_round().await;
            let tick = (Instant::now() + CANCEL).min(deadline);
            tokio::select! {
                event = self.inbox.recv() => if let Some(event) = event { self.take(event) },
                () = tokio::time::sleep_until(tick) => {}
            }
        }
        // What can be stopped is; a thread cannot, and ends with the process.
        self.shared.running.stop_all(Why::Shutdown);
        let deadline = Instant::now() + Duration::from_secs(1);
        while !self.shared.running.is_empty() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for (id, fence, closure) in self.shared.running.left() {
            self.finished.push(left_behind(&id, fence, closure));
        }
        let mut failures = 0;
        loop {
            self.collect();
            if self.finished.is_empty() && self.changed.is_empty() && self.lines.is_empty() {
                break;
            }
            if let Err(error) = self.round(false).await {
                tracing::warn!(%error, "the jobs that are left were not returned yet");
                failures += 1;
                if failures == 5 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
        // With what it could not return.
        let left: Result<(), JobError> = self
            .shared
            .session
            .transaction(async |tx| membership::leave(tx, &self.worker, now()).await)
            .await;
        if let Err(error) = left {
            tracing::warn!(%error, "others will have to find out that this process is gone");
        }
    }

    async fn end_round(&mut self) {
        self.collect();
        if !self.finished.is_empty() || self.is_time_to_beat() {
            self.round_or_wait(false).await;
        }
        self.look_after().await;
    }
}

/// What becomes of an attempt that does not end before its process.
pub(in crate::jobs) fn left_behind(id: &str, fence: i64, closure: bool) -> Finish {
    let end = Finish::returned(id, fence, now());
    if !closure {
        return end;
    }
    Finish {
        state: state::FAILED,
        attempts: 0,
        finished_at: Some(now()),
        error_type: Some("lost".to_owned()),
        error: Some(
            "the process that ran it ended, and a closure cannot survive its process".to_owned(),
        ),
        ..end
    }
}
