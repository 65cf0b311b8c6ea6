//! What the proxies in front of a service say: who the client is, and what the service is called out there.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use actix_web::HttpRequest;
#[cfg(feature = "database")]
use actix_web::http::header::HOST;
use actix_web::http::header::HeaderName;
#[cfg(feature = "database")]
use actix_web::http::uri::Authority;
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
#[cfg(feature = "database")]
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The networks whose word is taken. A service puts them into the data of its application; without them, nobody's is.
#[derive(Clone, Debug)]
pub(crate) struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Reads addresses, and networks like `10.0.0.0/8`.
    pub(crate) fn new(texts: &[String], problems: &mut Vec<String>) -> Self {
        let mut networks = Vec::new();
        for text in texts {
            let read = text
                .parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            match read {
                Ok(network) => networks.push(network),
                Err(_) => problems.push(format!(
                    "`{}` cannot be a trusted proxy: give an address or a network, like `10.0.0.7` or `10.0.0.0/8`",
                    text.escape_debug()
                )),
            }
        }
        Self(networks.into())
    }

    fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Those of the service, when the other end of the connection is one of them.
    fn behind(request: &HttpRequest) -> Option<(&Self, IpAddr)> {
        let peer = request.peer_addr()?.ip();
        let proxies = request.app_data::<Self>()?;
        proxies.trust(peer).then_some((proxies, peer))
    }
}

/// The address of the client: the last one in the chain that is not a trusted proxy. `::` when it is not known.
pub(crate) fn client_address(request: &HttpRequest) -> IpAddr {
    let Some((proxies, peer)) = TrustedProxies::behind(request) else {
        return request
            .peer_addr()
            .map_or(UNKNOWN, |peer| peer.ip().to_canonical());
    };
    let mut client = peer;
    for said in words(request, &FORWARDED_FOR).into_iter().rev() {
        let Ok(address) = said.parse::<IpAddr>() else {
            break;
        };
        client = address;
        if !proxies.trust(address) {
            break;
        }
    }
    client.to_canonical()
}

/// Stands for clients whose address is not known.
pub(crate) const UNKNOWN: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// One subscriber: who has an IPv6 address has all of its /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// What comes before a path of the service in the eyes of the client: `https://example.org/prefix` when a trusted proxy says
/// so, else nothing, which leaves a path, and that is right everywhere.
#[cfg(feature = "database")]
pub(crate) fn public_base(request: &HttpRequest) -> String {
    if TrustedProxies::behind(request).is_none() {
        return String::new();
    }
    let last = |name: &HeaderName| words(request, name).pop();
    let prefix = public_prefix(request);
    // Schemes are case-insensitive (RFC 3986, section 3.1).
    let scheme = last(&FORWARDED_PROTO).and_then(|proto| {
        let mut known = ["http", "https"].into_iter();
        known.find(|scheme| proto.eq_ignore_ascii_case(scheme))
    });
    let host = last(&FORWARDED_HOST)
        .or_else(|| request.headers().get(HOST)?.to_str().ok())
        .filter(|host| {
            host.parse::<Authority>()
                .is_ok_and(|authority| !authority.as_str().contains('@'))
        });
    match (scheme, host) {
        (Some(scheme), Some(host)) => format!("{scheme}://{host}{prefix}"),
        _ => prefix.to_owned(),
    }
}

/// The host by which the client knows the service, when a trusted proxy says so.
pub(crate) fn forwarded_host(request: &HttpRequest) -> Option<&str> {
    TrustedProxies::behind(request)?;
    words(request, &FORWARDED_HOST).pop()
}

/// The prefix below which a trusted proxy has the service: `/prefix`, or nothing.
pub(crate) fn public_prefix(request: &HttpRequest) -> &str {
    if TrustedProxies::behind(request).is_none() {
        return "";
    }
    words(request, &FORWARDED_PREFIX)
        .pop()
        .map(|prefix| prefix.trim_end_matches('/'))
        .filter(|prefix| is_path(prefix))
        .unwrap_or_default()
}

fn is_path(prefix: &str) -> bool {
    prefix.starts_with('/')
        && !prefix.starts_with("//")
        && prefix
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte))
}

/// The words of a list, which may stand in several lines.
fn words<'a>(request: &'a HttpRequest, name: &HeaderName) -> Vec<&'a str> {
    request
        .headers()
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_are_one_client() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
