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
    /// Finds an address that other machines reach, where there are no keys.
    pub(super) fn check(self, keys: bool, listen: &Listen, problems: &mut Problems) {
        if self == Self::Everyone || keys || listen.is_loopback() {
            return;
        }
        problems.push(format!(
            "the dashboard would be open to whoever reaches {}: ask for keys by `with_auth`, listen on 127.0.0.1, or call \
             `dashboard_without_keys`",
            listen.address()
        ));
    }
}
