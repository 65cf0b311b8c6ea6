//! What a browser has in place of the key, which it cannot send by itself: a cookie that is signed with the key's hash.
//!
//! Nothing is kept of one that goes on. A key that is no longer known signs nothing, so its sessions end with it; and every process
//! that has the key knows the session. What is kept, in the process that was asked to end it, is which session has ended: a copy of
//! its cookie is no use there any more. Other processes, and this one after a new start, do not know of that.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::COOKIE;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use ulid::Ulid;

use super::keys::KeyTable;
use crate::access::Access;
use crate::http::{is_own_origin, origin};

/// The name of the cookie.
const NAME: &str = "tasks_session";
/// How long a session lasts.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// What is signed besides the time: no other signature by the same key is one of a session.
const SIGNATURE_CONTEXT: &[u8] = b"tasks-web session\n";

/// How many cookies of the name are tried.
const MAX_COOKIES: usize = 8;
/// How many sessions that have ended are kept in mind. Each was begun with a key.
const MAX_ENDED: usize = 100_000;

/// Sessions that have ended before their time, by when that is, and their ids.
#[derive(Debug, Default)]
pub(super) struct EndedSessions(Mutex<BTreeSet<(u64, Ulid)>>);

/// One that was signed by a key.
pub(super) struct BrowserSession {
    access: Access,
    /// When it ends, in seconds since 1970.
    end: u64,
    id: Ulid,
}

impl BrowserSession {
    /// What it allows, for as long as it goes on.
    pub(super) fn access(&self, ended: &Arc<EndedSessions>) -> Access {
        let (end, id, ended) = (self.end, self.id, Arc::clone(ended));
        self.access.during(Arc::new(move || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.is_ok_and(|now| now.as_secs() < end) && !ended.contains(end, id)
        }))
    }
}

impl EndedSessions {
    /// Ends a session.
    pub(super) fn add(&self, session: &BrowserSession, now: SystemTime) {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those whose time is over are known by that.
        *ended = ended.split_off(&(now.as_secs(), Ulid::nil()));
        if ended.len() >= MAX_ENDED {
            ended.pop_first();
        }
        ended.insert((session.end, session.id));
    }

    fn has(&self, session: &BrowserSession) -> bool {
        self.contains(session.end, session.id)
    }

    fn contains(&self, end: u64, id: Ulid) -> bool {
        let ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ended.contains(&(end, id))
    }
}

/// The value of a cookie: when it ends, in seconds since 1970, its id, and the signature.
pub(super) fn issue(hash: &[u8; 32], now: SystemTime) -> Option<String> {
    let end = (now + LIFETIME).duration_since(UNIX_EPOCH).ok()?.as_secs();
    let id = Ulid::new();
    let mut value = format!("{end}.{id}.");
    for byte in signature(hash, end, id)?.finalize().into_bytes() {
        // Writing to a string cannot fail.
        _ = write!(value, "{byte:02x}");
    }
    Some(value)
}

/// The session of a cookie, if a key signed it and its time is not over.
fn read(keys: &KeyTable, value: &str, now: SystemTime) -> Option<BrowserSession> {
    let (end, rest) = value.split_once('.')?;
    let (id, signed) = rest.split_once('.')?;
    let (end, id): (u64, Ulid) = (end.parse().ok()?, id.parse().ok()?);
    let left = Duration::from_secs(end).checked_sub(now.duration_since(UNIX_EPOCH).ok()?)?;
    let signed = bytes(signed)?;
    let fits = |hash| signature(hash, end, id).is_some_and(|mac| mac.verify_slice(&signed).is_ok());
    let found = keys.iter().find(|(hash, _)| left <= LIFETIME && fits(hash));
    found.map(|(_, access)| BrowserSession {
        access: access.clone(),
        end,
        id,
    })
}

fn signature(hash: &[u8; 32], end: u64, id: Ulid) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(hash).ok()?;
    mac.update(SIGNATURE_CONTEXT);
    mac.update(&end.to_be_bytes());
    mac.update(&id.to_bytes());
    Some(mac)
}

fn bytes(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if hex.len() != 2 * bytes.len() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The sessions of a request that go on. A browser sends several cookies of the name where other services of the same host have
/// theirs, or where one was set for another path.
pub(super) fn all<'a>(
    request: &'a HttpRequest,
    keys: &'a KeyTable,
    ended: &'a EndedSessions,
    now: SystemTime,
) -> impl Iterator<Item = BrowserSession> + 'a {
    let cookies = request.headers().get_all(COOKIE);
    cookies
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter_map(|(name, value)| (name == NAME).then_some(value))
        .take(MAX_COOKIES)
        .filter_map(move |value| read(keys, value, now))
        .filter(|session| !ended.has(session))
}

/// The header that sets the cookie, for the paths below a prefix; without a value it is removed.
pub(super) fn cookie(request: &HttpRequest, value: Option<&str>, prefix: &str) -> String {
    let (value, age) = match value {
        Some(value) => (value, LIFETIME.as_secs()),
        None => ("", 0),
    };
    // The browser says how it came to the page, whatever is between it and the service.
    let secure = match origin(request) {
        Some(origin) if origin.starts_with("https://") => "; Secure",
        _ => "",
    };
    format!("{NAME}={value}; Path={prefix}/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}")
}

/// Whether a page of the service itself sent the request, as far as it may change something: other pages of the same site send
/// the cookie along.
pub(super) fn is_own_page(request: &HttpRequest) -> bool {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return true;
    }
    if let Some(site) = request.headers().get("sec-fetch-site") {
        return site == "same-origin";
    }
    is_own_origin(request)
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::access::KeyAccess;

    fn known(name: &str, hash: [u8; 32]) -> ([u8; 32], Access) {
        let grant = KeyAccess::new(name.to_owned(), None, false);
        (hash, Access::new(grant))
    }

    #[test]
    fn a_session_is_its_keys_until_it_ends() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let keys = vec![known("one", [1; 32]), known("two", [2; 32])];
        let value = issue(&[2; 32], now).unwrap();
        let name = |keys: &KeyTable, value: &str, now| {
            read(keys, value, now).map(|session| session.access.key_name().to_owned())
        };
        assert_eq!(name(&keys, &value, now).as_deref(), Some("two"));
        assert_eq!(name(&keys[..1].to_vec(), &value, now), None);
        assert_eq!(
            name(&keys, &value, now + LIFETIME),
            name(&keys, &value, now)
        );
        assert_eq!(
            name(&keys, &value, now + LIFETIME + Duration::from_secs(1)),
            None
        );
        // One that lasts longer than any is not one of ours.
        assert_eq!(name(&keys, &value, now - Duration::from_secs(1)), None);
        let (end, rest) = value.split_once('.').unwrap();
        let (id, signed) = rest.split_once('.').unwrap();
        let later = format!("{}.{rest}", end.parse::<u64>().unwrap() + 1);
        let other = format!("{end}.{}.{signed}", Ulid::new());
        for wrong in [
            "",
            ".",
            "x.y",
            end,
            &later,
            &other,
            &format!("{end}."),
            &format!("{end}.{id}"),
            &format!("{end}.{id}."),
            &format!("{end}.{signed}"),
            &format!("{end}.{id}.é"),
        ] {
            assert_eq!(name(&keys, wrong, now), None, "{wrong}");
        }
    }

    #[test]
    fn what_has_ended_is_kept_in_mind_for_as_long_as_it_matters() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let keys = vec![known("one", [1; 32])];
        let begin = || read(&keys, &issue(&[1; 32], now).unwrap(), now).unwrap();
        let ended = EndedSessions::default();
        let (one, two) = (begin(), begin());
        ended.add(&one, now);
        assert!(ended.has(&one) && !ended.has(&two));
        ended.add(&two, now + LIFETIME);
        assert!(ended.has(&one) && ended.has(&two));
        ended.add(&two, now + LIFETIME + Duration::from_secs(1));
        assert_eq!(ended.0.lock().unwrap().len(), 1);
        for _ in 0..MAX_ENDED + 10 {
            ended.add(&begin(), now);
        }
        assert_eq!(ended.0.lock().unwrap().len(), MAX_ENDED);
    }
}
