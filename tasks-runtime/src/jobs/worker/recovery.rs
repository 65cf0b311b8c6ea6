//! Watches the workers of other processes, and reaps those that are gone.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::membership::{self, Member};
use super::shared::WorkerShared;
use crate::database::computer;
use crate::jobs::error::JobError;

/// As much of the time between two looks counts as watched, at most. When this process was paused itself, for a minute say, it
/// has not seen anybody be stale for a minute.
const MAX_LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Heartbeats of other workers, and for how long each was seen unchanged.
#[derive(Default)]
pub(in crate::jobs) struct HeartbeatWatch {
    looked: Option<Instant>,
    seen: HashMap<String, (i64, Duration)>,
}

impl HeartbeatWatch {
    /// Those of which nothing new was seen for a lease. What keeps this process from writing its own heartbeat may keep others from
    /// theirs, so the time counts only while it writes it.
    fn stale(
        &mut self,
        lease: Duration,
        me: &str,
        members: Vec<Member>,
        heartbeats: bool,
    ) -> Vec<Member> {
        let now = Instant::now();
        let watched = self.looked.replace(now).map_or(Duration::ZERO, |looked| {
            now.duration_since(looked).min(MAX_LOOK_INTERVAL)
        });
        let watched = if heartbeats { watched } else { Duration::ZERO };
        self.seen
            .retain(|id, _| members.iter().any(|member| member.id == *id));
        let mut stale = Vec::new();
        for member in members {
            if member.id == me {
                continue;
            }
            let fresh = (member.heartbeat, Duration::ZERO);
            let seen = self.seen.entry(member.id.clone()).or_insert(fresh);
            if seen.0 != member.heartbeat {
                *seen = fresh;
                continue;
            }
            seen.1 += watched;
            if seen.1 >= lease {
                stale.push(member);
            }
        }
        stale
    }
}

/// Buries workers that are stale. Gives whether there were any.
pub(in crate::jobs) async fn reap_stale(
    shared: &WorkerShared,
    watch: &mut HeartbeatWatch,
    me: &str,
    members: Vec<Member>,
    heartbeats: bool,
) -> bool {
    let reason = format!(
        "the worker that ran the job did not answer for {:?}, so the job was taken from it, which counts as a crash",
        shared.settings.lease
    );
    let mut any = false;
    for member in watch.stale(shared.settings.lease, me, members, heartbeats) {
        any |= reap(shared, &member, &reason).await;
    }
    any
}

/// Buries those of this machine whose processes are gone: nobody has to be stale for that. Gives whether there were any.
pub(in crate::jobs) async fn reap_gone(
    shared: &WorkerShared,
    me: &str,
    members: &[Member],
) -> bool {
    let here = host();
    // Where a process does not know its own start, it cannot tell others by theirs: they are watched.
    let Some((machine, _)) = here.rsplit_once(' ').filter(|(_, own)| !own.is_empty()) else {
        return false;
    };
    let mut any = false;
    for member in members {
        if let Some((of, started)) = member.host.rsplit_once(' ')
            && of == machine
            && member.id != me
            && is_gone(member.process, started)
        {
            let reason = "the process that ran the job is gone, which counts as a crash";
            any |= reap(shared, member, reason).await;
        }
    }
    any
}

async fn reap(shared: &WorkerShared, dead: &Member, reason: &str) -> bool {
    let limits = &shared.crash_limits;
    let reaped: Result<Option<usize>, JobError> = shared
        .session
        .transaction(async |tx| {
            membership::reap(tx, dead, reason, limits, shared.clock.now()).await
        })
        .await;
    match reaped {
        Ok(None) => false,
        Ok(Some(jobs)) => {
            tracing::warn!(
                jobs,
                process = dead.process,
                host = dead.host,
                reason,
                "a worker was taken for dead, and its jobs are ready again"
            );
            shared.changes.notify_all();
            true
        }
        Err(error) => {
            tracing::warn!(%error, "the jobs of a process that is gone were not rescued");
            false
        }
    }
}

/// Where a process is: the name of the machine, its start, the space that the numbers of its processes are from - a container has its
/// own - and when this process started, because numbers come again.
pub(in crate::jobs) fn host() -> String {
    let name = computer();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let started = stat_of(std::process::id().into()).map_or_else(String::new, |(_, start)| start);
    format!("{name} {} {} {started}", boot.trim(), space.display())
}

/// Whether there is no process of this number, or only what is left of it until its parent asks, or a later one. One of which
/// nothing can be read, since it is somebody else's, is not gone.
fn is_gone(process: i64, started: &str) -> bool {
    let pid = i32::try_from(process)
        .ok()
        .filter(|number| *number > 0)
        .and_then(rustix::process::Pid::from_raw);
    let Some(pid) = pid else {
        return true;
    };
    if rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
        return true;
    }
    stat_of(process).is_some_and(|(state, start)| matches!(&*state, "Z" | "X") || start != started)
}

/// The state of a process of this machine, and when it started, in ticks of the clock: the first and the twentieth field after the
/// name, which may have anything in it (`proc_pid_stat(5)`).
fn stat_of(process: i64) -> Option<(String, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    Some((fields.next()?.to_owned(), fields.nth(18)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start() {
        let own = i64::from(std::process::id());
        let here = host();
        let (_, started) = here.rsplit_once(' ').unwrap();
        assert!(started.parse::<u64>().unwrap() > 0);
        assert!(!is_gone(own, started));
        assert!(is_gone(own, "1"), "the number came again");
        assert!(is_gone(i64::from(i32::MAX), started));
        assert!(is_gone(0, started) && is_gone(-1, started));
        // Its parent has not asked for it.
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let id = i64::from(child.id());
        let (_, of_child) = stat_of(id).unwrap();
        while !is_gone(id, &of_child) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(stat_of(id).is_some());
        child.wait().unwrap();
    }

    fn member(heartbeat: i64) -> Vec<Member> {
        vec![Member {
            id: "other".to_owned(),
            heartbeat,
            host: String::new(),
            process: 1,
            time: 0,
        }]
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_is_silent_when_its_beat_was_watched_to_stay_the_same() {
        let lease = Duration::from_secs(3);
        let mut watch = HeartbeatWatch::default();
        let mut look = async |seconds, heartbeat| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            watch.stale(lease, "me", member(heartbeat), true).len()
        };
        assert_eq!(look(0, 1).await, 0);
        assert_eq!(look(1, 1).await, 0);
        assert_eq!(look(1, 2).await, 0, "it has shown a sign of life");
        assert_eq!(look(1, 2).await, 0);
        assert_eq!(look(1, 2).await, 0);
        assert_eq!(look(1, 2).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_paused_has_watched_nobody_meanwhile() {
        let mut watch = HeartbeatWatch::default();
        let lease = Duration::from_secs(10);
        assert!(watch.stale(lease, "me", member(1), true).is_empty());
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(watch.stale(lease, "me", member(1), true).is_empty());
        assert!(
            watch.stale(lease, "other", member(1), true).is_empty(),
            "itself"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_cannot_write_a_heartbeat_accuses_nobody() {
        let mut watch = HeartbeatWatch::default();
        let lease = Duration::from_secs(3);
        for heartbeats in [true, false, false, false, false, false, true, true] {
            assert!(watch.stale(lease, "me", member(1), heartbeats).is_empty());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(watch.stale(lease, "me", member(1), true).len(), 1);
    }
}
