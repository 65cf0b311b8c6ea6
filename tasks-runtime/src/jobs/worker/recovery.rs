//! Watches the workers of other processes, and reaps those that are gone.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::membership::Member;
use super::reap::{Reaped, reap};
use super::shared::WorkerShared;
use crate::database::computer;
use crate::jobs::error::JobError;
use crate::jobs::history::Count;
use crate::jobs::state::JobState;

/// As much of the time between two looks counts as watched, at most. When this process was paused itself, for a minute say, it
/// has not seen anybody be stale for a minute.
const MAX_LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// What to do about locks that are in the way; only PostgreSQL has any of rows.
pub(super) const END_THEM: &str =
    "end the transactions that have locked rows, which `pg_locks` and `pg_stat_activity` show";

/// Heartbeats of other workers, and for how long each was seen unchanged.
#[derive(Default)]
pub(in crate::jobs) struct HeartbeatWatch {
    looked: Option<Instant>,
    seen: HashMap<String, (i64, Duration)>,
}

impl HeartbeatWatch {
    /// Those of which nothing new was seen for their leases. What keeps this process from writing its own heartbeat may keep others from
    /// theirs, so the time counts only while it writes it: its latest is `heartbeat_age` old, which is no more than half of the shorter lease.
    fn stale(
        &mut self,
        lease: Duration,
        me: &str,
        members: Vec<Member>,
        heartbeat_age: Duration,
    ) -> Vec<Member> {
        let now = Instant::now();
        let watched = self.looked.replace(now).map_or(Duration::ZERO, |looked| {
            now.duration_since(looked).min(MAX_LOOK_INTERVAL)
        });
        self.seen
            .retain(|id, _| members.iter().any(|member| member.id == *id));
        let mut stale = Vec::new();
        for member in members {
            if member.id == me || member.is_dead() {
                continue;
            }
            let fresh = (member.heartbeat, Duration::ZERO);
            let seen = self.seen.entry(member.id.clone()).or_insert(fresh);
            if seen.0 != member.heartbeat {
                *seen = fresh;
                continue;
            }
            let of_member = member.lease(lease);
            if heartbeat_age < of_member.min(lease) / 2 {
                seen.1 += watched;
            }
            if seen.1 >= of_member {
                stale.push(member);
            }
        }
        stale
    }
}

/// Reaps workers whose processes of this machine are gone, for which nobody has to be stale, those that are stale, and those that some
/// worker has taken for dead without being able to take all their jobs. Gives whether there were any.
pub(in crate::jobs) async fn reap_dead(
    shared: &WorkerShared,
    watch: &mut HeartbeatWatch,
    me: &str,
    members: Vec<Member>,
    heartbeat_age: Duration,
) -> bool {
    let lease = shared.settings.lease;
    let (mut dead, living): (Vec<_>, Vec<_>) = members
        .into_iter()
        .filter(|member| member.id != me)
        .partition(Member::is_dead);
    let gone = gone(&living);
    for stale in watch.stale(lease, me, living, heartbeat_age) {
        if gone.iter().all(|gone| gone.id != stale.id) {
            dead.push(stale);
        }
    }
    let mut reaper = Reaper {
        shared,
        any: false,
        obstacles: Vec::new(),
    };
    for member in &gone {
        let reason = "the process that ran the job is gone, which counts as a crash";
        reaper.reap(member, reason).await;
    }
    for member in &dead {
        let reason = if member.is_dead() {
            "the worker that ran the job was expired by hand; or it is gone or did not answer, and the row of the job was locked until now: the job \
             was taken from it, which counts as a crash"
        } else {
            &format!(
                "the worker that ran the job did not answer for {:?}, so the job was taken from it, which counts as a crash",
                member.lease(lease)
            )
        };
        reaper.reap(member, reason).await;
    }
    let Reaper { any, obstacles, .. } = reaper;
    shared.health.set_not_rescued(&obstacles);
    any
}

/// Those of this machine whose processes are gone.
fn gone(members: &[Member]) -> Vec<Member> {
    let here = host();
    // Where a process does not know its own start, it cannot tell others by theirs: they are watched.
    let Some((machine, _)) = here.rsplit_once(' ').filter(|(_, own)| !own.is_empty()) else {
        return Vec::new();
    };
    let is_gone = |member: &&Member| {
        member
            .host
            .rsplit_once(' ')
            .is_some_and(|(of, started)| of == machine && is_gone(member.process, started))
    };
    members.iter().filter(is_gone).cloned().collect()
}

/// Reaps one worker after the other.
struct Reaper<'a> {
    shared: &'a WorkerShared,
    /// Whether any job is ready again, or any worker gone.
    any: bool,
    /// Why jobs are not ready again yet.
    obstacles: Vec<String>,
}

impl Reaper<'_> {
    async fn reap(&mut self, dead: &Member, reason: &str) {
        let shared = self.shared;
        let limits = &shared.crash_limits;
        let reaped: Result<Reaped, JobError> = shared
            .session
            .transaction(async |tx| reap(tx, dead, reason, limits, shared.clock.now()).await)
            .await;
        let process = dead.process;
        match reaped {
            Ok(Reaped::Not) => {}
            Ok(Reaped::WorkerLocked) => self.obstacles.push(format!(
                "another transaction has locked the row of the worker of process {process}; {END_THEM}"
            )),
            Ok(Reaped::Yes { jobs, locked }) => {
                if !locked.is_empty() {
                    self.obstacles.push(format!(
                        "other transactions have locked the rows of jobs of process {process}: {}; {END_THEM}",
                        locked.join(", ")
                    ));
                }
                let now = shared.clock.now();
                for job in &jobs {
                    let ended = match job.state {
                        JobState::Failed => Some(Count::Failed),
                        JobState::Canceled => Some(Count::Canceled),
                        _ => None,
                    };
                    let of = (job.task_name.as_deref(), job.queue.as_str());
                    for count in [Some(Count::Crashed), ended].into_iter().flatten() {
                        shared.figures.count_job(of, count, now);
                    }
                }
                let jobs = jobs.len();
                // That some are locked is said by the health, once.
                if jobs > 0 || locked.is_empty() {
                    tracing::warn!(
                        jobs,
                        process,
                        host = dead.host,
                        reason,
                        "a worker was taken for dead, and its jobs are ready again"
                    );
                    shared.changes.notify_all();
                    self.any = true;
                }
            }
            Err(error) => {
                // The health logs it, if it lasts.
                self.obstacles
                    .push(format!("the jobs of process {process}: {error}"));
            }
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
            lease: None,
        }]
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_is_silent_when_its_beat_was_watched_to_stay_the_same() {
        let lease = Duration::from_secs(3);
        let mut watch = HeartbeatWatch::default();
        let mut look = async |seconds, heartbeat| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            watch
                .stale(lease, "me", member(heartbeat), Duration::ZERO)
                .len()
        };
        assert_eq!(look(0, 1).await, 0);
        assert_eq!(look(1, 1).await, 0);
        assert_eq!(look(1, 2).await, 0, "it has shown a sign of life");
        assert_eq!(look(1, 2).await, 0);
        assert_eq!(look(1, 2).await, 0);
        assert_eq!(look(1, 2).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_has_the_time_that_it_has_said() {
        let mut watch = HeartbeatWatch::default();
        let mut look = async |seconds, lease: Duration| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            let mut members = member(1);
            members[0].lease = Some(6_000_000);
            watch.stale(lease, "me", members, Duration::ZERO).len()
        };
        // Shorter than this process has others wait, and longer.
        for lease in [Duration::from_secs(60), Duration::from_secs(1)] {
            assert_eq!(look(0, lease).await, 0);
        }
        for _ in 0..2 {
            assert_eq!(look(2, Duration::from_secs(1)).await, 0);
        }
        assert_eq!(look(2, Duration::from_secs(60)).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_paused_has_watched_nobody_meanwhile() {
        let mut watch = HeartbeatWatch::default();
        let lease = Duration::from_secs(10);
        assert!(
            watch
                .stale(lease, "me", member(1), Duration::ZERO)
                .is_empty()
        );
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(
            watch
                .stale(lease, "me", member(1), Duration::ZERO)
                .is_empty()
        );
        assert!(
            watch
                .stale(lease, "other", member(1), Duration::ZERO)
                .is_empty(),
            "itself"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_cannot_write_a_heartbeat_accuses_nobody() {
        let mut watch = HeartbeatWatch::default();
        let lease = Duration::from_secs(3);
        for heartbeats in [true, false, false, false, false, false, true, true] {
            let age = if heartbeats { Duration::ZERO } else { lease };
            assert!(watch.stale(lease, "me", member(1), age).is_empty());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(watch.stale(lease, "me", member(1), Duration::ZERO).len(), 1);
    }
}
