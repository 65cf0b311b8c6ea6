//! Lets requests in by their keys.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;

use actix_web::HttpMessage as _;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderName;
use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use super::access::Access;
use crate::http::{UNKNOWN, client_address, network};
use crate::problem::Problem;

/// How many wrong keys an address may send at once, and then per minute.
const WRONG_AT_ONCE: NonZeroU32 = match NonZeroU32::new(10) {
    Some(count) => count,
    None => NonZeroU32::MIN,
};

/// How many addresses are kept in mind. When more send wrong keys at one time, the rest of them share one allowance.
const ADDRESSES: usize = 10_000;

type Attempts = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>;

/// The keys of a service.
pub(crate) struct Guard {
    header: HeaderName,
    /// As it was given, for people.
    spelled: String,
    keys: Vec<([u8; 32], Access)>,
    clock: DefaultClock,
    wrong: Attempts,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("header", &self.spelled)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl Guard {
    pub(super) fn new(header: HeaderName, spelled: String, keys: Vec<([u8; 32], Access)>) -> Self {
        let clock = DefaultClock::default();
        Self {
            header,
            spelled,
            keys,
            wrong: RateLimiter::new(
                Quota::per_minute(WRONG_AT_ONCE),
                HashMapStateStore::default(),
                clock.clone(),
            ),
            clock,
        }
    }

    pub(crate) fn header(&self) -> &str {
        &self.spelled
    }

    /// What the keys reach, each.
    pub(crate) fn accesses(&self) -> impl Iterator<Item = &Access> {
        self.keys.iter().map(|(_, access)| access)
    }

    /// Whether there is a key that does not reach all tasks.
    pub(crate) fn has_limits(&self) -> bool {
        self.keys.iter().any(|(_, access)| access.tags().is_some())
    }

    /// Puts the access that the request's key gives into its extensions, or says why it is not let in.
    pub(crate) fn admit(&self, request: &ServiceRequest) -> Result<(), Problem> {
        let mut sent = request.headers().get_all(&self.header);
        let Some(key) = sent.next() else {
            return Err(Problem::unauthorized(format!(
                "a key is needed: send it in the header `{}`",
                self.spelled
            )));
        };
        // Of two keys it is not clear which counts.
        if sent.next().is_none()
            && let Some(access) = self.find(key.as_bytes())
        {
            request.extensions_mut().insert(access.clone());
            return Ok(());
        }
        // Only now: whoever has a right key is never slowed.
        self.count(client_address(request.request()))?;
        Err(Problem::unauthorized(format!(
            "the key in the header `{}` is not one of this service's",
            self.spelled
        )))
    }

    /// Compares with every key, whichever fits, so that the time says nothing.
    fn find(&self, sent: &[u8]) -> Option<&Access> {
        let hash: [u8; 32] = Sha256::digest(sent).into();
        let mut found = u32::MAX;
        for (index, (known, _)) in (0..u32::MAX).zip(&self.keys) {
            let fits: Choice = known.ct_eq(&hash);
            found.conditional_assign(&index, fits);
        }
        self.keys
            .get(usize::try_from(found).ok()?)
            .map(|(_, access)| access)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_for_addresses_is_bounded() {
        let guard = Guard::new(HeaderName::from_static("x"), "x".to_owned(), Vec::new());
        for number in 0..u32::try_from(2 * ADDRESSES).unwrap() {
            _ = guard.count(IpAddr::V4(number.into()));
        }
        assert!(guard.wrong.len() <= ADDRESSES + 1);
    }
}
