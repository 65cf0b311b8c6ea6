//! Who sees the dashboard of a service without API keys.

use super::draft::Problems;
use super::listen::Listen;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DashboardAccess {
    /// Nobody from another machine.
    #[default]
    Loopback,
    /// Whoever reaches the service.
    Everyone,
}

impl DashboardAccess {
    /// Finds an address that other machines reach, or proxies through which they do, where there are no keys.
    pub(super) fn check(
        self,
        keys: bool,
        listen: &Listen,
        is_proxied: bool,
        problems: &mut Problems,
    ) {
        if self == Self::Everyone || keys {
            return;
        }
        if !listen.is_loopback() {
            problems.push(format!(
                "{}: ask for keys by `with_auth`, listen on 127.0.0.1, or call `dashboard_without_keys`",
                open_to(&listen.address())
            ));
        } else if is_proxied {
            problems.push(
                "the dashboard would be open to whoever reaches a proxy of `trusted_proxies`: ask for keys by `with_auth`, or call \
                 `dashboard_without_keys`"
                    .to_owned(),
            );
        }
    }
}

/// What is wrong with an address.
pub(super) fn open_to(address: &str) -> String {
    format!("the dashboard would be open to whoever reaches {address}")
}
