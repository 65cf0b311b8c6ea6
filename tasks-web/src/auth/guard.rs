//! Lets requests in by their keys.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::SystemTime;

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderName};
use actix_web::{HttpMessage as _, HttpRequest};
use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use super::keys::{ApiKeys, KeyTable};
use super::session;
use crate::access::Access;
use crate::http::{UNKNOWN, client_address, network};
use crate::problem::Problem;

/// How many wrong keys an address may send at once, and then per minute.
const WRONG_AT_ONCE: NonZeroU32 = match NonZeroU32::new(10) {
    Some(count) => count,
    None => NonZeroU32::MIN,
};

/// How many addresses are kept in mind. When more send wrong keys at one time, the rest of them share one allowance.
const ADDRESSES: usize = 10_000;

type WrongKeyLimiter = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>;

/// The keys of a service.
pub(crate) struct Guard {
    header: HeaderName,
    /// Where the keys are from.
    source: ApiKeys,
    keys: RwLock<KeyTable>,
    clock: DefaultClock,
    wrong: WrongKeyLimiter,
    /// Whether a browser may have a session in place of the header.
    sessions: bool,
    /// Where the tasks are.
    tasks: String,
    /// Where agents' hosts come in.
    agents: Option<Agents>,
    /// The sessions that have ended before their time.
    ended: Arc<session::EndedSessions>,
}

/// Where agents' hosts come in.
struct Agents {
    path: String,
    /// What one without a key is told, in `WWW-Authenticate`.
    challenge: String,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("header", &self.header())
            .field("keys", &self.known().len())
            .finish_non_exhaustive()
    }
}

impl ApiKeys {
    /// Reads all sources and checks all keys.
    pub(crate) fn load(self, problems: &mut Vec<String>) -> Option<Guard> {
        let keys = self.read(problems);
        let header = HeaderName::from_bytes(self.spelled().as_bytes()).map_err(|_| {
            problems.push(format!(
                "`{}` cannot be the header of the API keys: use letters, digits and hyphens",
                self.spelled().escape_debug()
            ));
        });
        Some(Guard::new(header.ok()?, keys?, self))
    }
}

impl Guard {
    fn new(header: HeaderName, keys: KeyTable, source: ApiKeys) -> Self {
        let clock = DefaultClock::default();
        Self {
            header,
            source,
            keys: RwLock::new(keys),
            wrong: RateLimiter::new(
                Quota::per_minute(WRONG_AT_ONCE),
                HashMapStateStore::default(),
                clock.clone(),
            ),
            clock,
            sessions: false,
            tasks: String::new(),
            agents: None,
            ended: Arc::default(),
        }
    }

    /// Says where the tasks are: a read-only key may validate their arguments.
    pub(crate) fn with_tasks_at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.tasks);
        self
    }

    /// Says where agents' hosts come in, which send a key as a token, and what one without a key is told.
    pub(crate) fn with_agents_at(mut self, path: &str, challenge: String) -> Self {
        let path = path.to_owned();
        self.agents = Some(Agents { path, challenge });
        self
    }

    /// Lets browsers have sessions.
    pub(crate) fn with_sessions(mut self) -> Self {
        self.sessions = true;
        self
    }

    pub(crate) fn header(&self) -> &str {
        self.source.spelled()
    }

    fn known(&self) -> RwLockReadGuard<'_, KeyTable> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the keys as their sources have them now. When something is wrong, all stays as it is.
    ///
    /// Whether there are limits decides what is open to all, which is settled at the start.
    pub(crate) fn reload(&self) -> Result<usize, Vec<String>> {
        let mut problems = Vec::new();
        let read = self.source.read(&mut problems);
        let Some(keys) = read.filter(|_| problems.is_empty()) else {
            return Err(problems);
        };
        if has_limits(&keys) && !self.has_limits() {
            return Err(vec![
                "a key is limited to tags, and none was at the start, which closes `/docs` to those without a key: start the \
                 service again"
                    .to_owned(),
            ]);
        }
        let count = keys.len();
        let mut known = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        *known = with_streams_kept(&known, keys);
        Ok(count)
    }

    /// What the keys reach, each.
    pub(crate) fn accesses(&self) -> Vec<Access> {
        let known = self.known();
        known.iter().map(|(_, access)| access.clone()).collect()
    }

    /// Whether there is a key that does not reach all tasks.
    pub(crate) fn has_limits(&self) -> bool {
        has_limits(&self.known())
    }

    /// Puts the access that the request's key gives into its extensions, or says why it is not let in.
    pub(crate) fn admit(&self, request: &ServiceRequest) -> Result<(), Problem> {
        let access = self.access(request)?;
        let looks = matches!(*request.method(), Method::GET | Method::HEAD);
        let path = request.match_info().unprocessed();
        // Which tools a read-only key may call is decided for each.
        let asks = self.is_validation(path) || self.agents_at(path).is_some();
        let is_let_in = looks || *request.method() == Method::POST && asks;
        if access.is_read_only() && !is_let_in {
            return Err(Problem::read_only_key(access.key_name()));
        }
        request.extensions_mut().insert(access);
        Ok(())
    }

    /// Whether a path is the `$validate` of a task.
    fn is_validation(&self, path: &str) -> bool {
        let rest = path
            .strip_prefix(self.tasks.as_str())
            .and_then(|rest| rest.strip_prefix('/'));
        let rest = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
        rest.and_then(|rest| rest.split_once('/'))
            .is_some_and(|(_, action)| action == "$validate")
    }

    /// Whether agents' hosts come in at a path.
    fn agents_at(&self, path: &str) -> Option<&Agents> {
        let agents = self.agents.as_ref()?;
        (path.strip_suffix('/').unwrap_or(path) == agents.path).then_some(agents)
    }

    /// What the key of a request reaches, or its session.
    fn access(&self, request: &ServiceRequest) -> Result<Access, Problem> {
        let agents = self.agents_at(request.match_info().unprocessed());
        let mut sent = request.headers().get_all(&self.header);
        let Some(key) = sent.next() else {
            if let Some(agents) = agents {
                return self.access_of_agent(request, agents);
            }
            if let Some(access) = self.session(request.request()) {
                if !session::is_own_page(request.request()) {
                    return Err(Problem::other_origin());
                }
                return Ok(access);
            }
            return Err(Problem::unauthorized(format!(
                "a key is needed: send it in the header `{}`",
                self.header()
            )));
        };
        // Of two keys it is not clear which counts.
        if sent.next().is_none()
            && let Some(access) = self.find(key.as_bytes())
        {
            return Ok(access);
        }
        // Only now: whoever has a right key is never slowed.
        self.count(client_address(request.request()))?;
        let detail = format!(
            "the key in the header `{}` is not one of this service's",
            self.header()
        );
        Err(match agents {
            Some(agents) => Problem::unauthorized_by(detail, &agents.challenge),
            None => Problem::unauthorized(detail),
        })
    }

    /// What the key of an agent's host reaches, which comes as a token (RFC 6750, section 2.1).
    fn access_of_agent(
        &self,
        request: &ServiceRequest,
        agents: &Agents,
    ) -> Result<Access, Problem> {
        let header = request.headers().get(AUTHORIZATION);
        let token = header.and_then(|header| bearer(header.as_bytes()));
        let Some(token) = token else {
            let detail = format!(
                "a key is needed: send it as `Authorization: Bearer …`, or in the header `{}`",
                self.header()
            );
            return Err(Problem::unauthorized_by(detail, &agents.challenge));
        };
        if let Some(access) = self.find(token) {
            return Ok(access);
        }
        self.count(client_address(request.request()))?;
        let detail =
            "the key in the header `Authorization` is not one of this service's".to_owned();
        Err(Problem::unauthorized_by(detail, &agents.challenge))
    }

    /// What the session of a request reaches.
    pub(super) fn session(&self, request: &HttpRequest) -> Option<Access> {
        if !self.sessions {
            return None;
        }
        let keys = self.known();
        let mut all = session::all(request, &keys, &self.ended, SystemTime::now());
        all.next().map(|session| session.access(&self.ended))
    }

    /// Ends the sessions of a request: whoever has a copy of their cookies is not let in by this process.
    pub(super) fn end_sessions(&self, request: &HttpRequest) {
        let (keys, now) = (self.known(), SystemTime::now());
        for session in session::all(request, &keys, &self.ended, now) {
            self.ended.add(&session, now);
        }
    }

    /// The value of a new session's cookie, for who has a key.
    pub(super) fn begin_session(
        &self,
        request: &HttpRequest,
        key: &str,
    ) -> Result<String, Problem> {
        if self.find(key.as_bytes()).is_some()
            && let Some(value) = session::issue(&Sha256::digest(key).into(), SystemTime::now())
        {
            return Ok(value);
        }
        self.count(client_address(request))?;
        Err(Problem::unauthorized(
            "the key is not one of this service's".to_owned(),
        ))
    }

    /// Compares with every key, whichever fits, so that the time says nothing.
    fn find(&self, sent: &[u8]) -> Option<Access> {
        let keys = self.known();
        let hash: [u8; 32] = Sha256::digest(sent).into();
        let mut found = u32::MAX;
        for (index, (known, _)) in (0..u32::MAX).zip(keys.iter()) {
            let fits: Choice = known.ct_eq(&hash);
            found.conditional_assign(&index, fits);
        }
        keys.get(usize::try_from(found).ok()?)
            .map(|(_, access)| access.clone())
    }

    fn count(&self, address: IpAddr) -> Result<(), Problem> {
        let mut address = network(address);
        if self.wrong.len() >= ADDRESSES {
            self.wrong.retain_recent();
            if self.wrong.len() >= ADDRESSES {
                address = UNKNOWN;
            }
        }
        self.wrong
            .check_key(&address)
            .map_err(|until| Problem::too_many_attempts(until.wait_time_from(self.clock.now())))
    }
}

/// The token in a header (RFC 6750, section 2.1); the name of the scheme has any case.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

/// The new keys, in which those that are as before are the same, so that what was begun with them goes on. What was begun with others ends.
fn with_streams_kept(before: &KeyTable, mut keys: KeyTable) -> KeyTable {
    for (hash, access) in before {
        let same = keys
            .iter_mut()
            .find(|(other, now)| other == hash && now.is_same(access));
        match same {
            Some((_, now)) => now.clone_from(access),
            None => access.revoke(),
        }
    }
    keys
}

fn has_limits(keys: &KeyTable) -> bool {
    keys.iter().any(|(_, access)| access.tags().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_for_addresses_is_bounded() {
        let guard = Guard::new(HeaderName::from_static("x"), Vec::new(), ApiKeys::new());
        for number in 0..u32::try_from(2 * ADDRESSES).unwrap() {
            _ = guard.count(IpAddr::V4(number.into()));
        }
        assert!(guard.wrong.len() <= ADDRESSES + 1);
    }
}
