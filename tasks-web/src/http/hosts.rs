//! By which names clients may know the service.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HOST;

use crate::problem::Problem;

/// The names that the header `Host` may have, beside addresses and `localhost`. It may have any until that is [restricted](Self::restrict).
///
/// A service without keys that only its own machine reaches is still reached by each page in a browser of that machine, if the name of the page's site is made
/// to lead there (DNS rebinding): for the browser it is the page's own site then. The name tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedHosts {
    names: Arc<[String]>,
    restricted: Arc<AtomicBool>,
}

impl AllowedHosts {
    /// Restricted to these, if there are any.
    pub(crate) fn new(names: &[String]) -> Self {
        Self {
            names: names.into(),
            restricted: Arc::new(AtomicBool::new(!names.is_empty())),
        }
    }

    /// Takes no other name from now on.
    pub(crate) fn restrict(&self) {
        self.restricted.store(true, Ordering::Relaxed);
    }

    /// Refuses a request that was sent to another name.
    pub(crate) fn check(&self, request: &ServiceRequest) -> Result<(), Problem> {
        if !self.restricted.load(Ordering::Relaxed) {
            return Ok(());
        }
        let head = request.head();
        let named = match head.uri.authority() {
            Some(authority) => Some(authority.as_str()),
            None => head
                .headers
                .get(HOST)
                .map(|host| host.to_str().unwrap_or("?")),
        };
        // A client that says no name is no browser.
        let Some(named) = named else {
            return Ok(());
        };
        if self.has(named) {
            return Ok(());
        }
        Err(Problem::misdirected(without_port(named)))
    }

    /// Whether a name, which may have a port, cannot be that of another site: an address, `localhost`, or one of these.
    pub(crate) fn has(&self, named: &str) -> bool {
        let host = without_port(named);
        host.eq_ignore_ascii_case("localhost")
            || host.to_ascii_lowercase().ends_with(".localhost")
            || host.parse::<IpAddr>().is_ok()
            || self
                .names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(host))
    }
}

/// The name or the address alone; nothing where a port is to follow and something else does.
fn without_port(host: &str) -> &str {
    let (host, rest) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').unwrap_or_default(),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let port = rest.strip_prefix(':').unwrap_or(rest);
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return "";
    }
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn names_of_others_are_refused() {
        let hosts = AllowedHosts::new(&["tasks.example".to_owned()]);
        let check = |host: &str| {
            let request = TestRequest::default().insert_header((HOST, host));
            hosts.check(&request.to_srv_request()).is_ok()
        };
        for own in [
            "localhost",
            "LOCALHOST:8000",
            "a.localhost",
            "localhost.",
            "127.0.0.1:80",
            "[::1]:80",
            "192.168.1.7",
            "Tasks.Example:443",
        ] {
            assert!(check(own), "{own}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "xlocalhost",
            "tasks.example.evil",
            "",
            "127.1",
            "[::1].evil.example",
            "[::1",
            "127.0.0.1:80:evil.example",
            "localhost:80@evil.example",
        ] {
            assert!(!check(other), "{other}");
        }
    }
}
