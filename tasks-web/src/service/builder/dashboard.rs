//! Whether there is a dashboard, and who sees it.

use super::ServiceBuilder;
use crate::service::dashboard::DashboardAccess;

impl ServiceBuilder {
    /// Serves a dashboard: a page for those who operate the service, with a form for each task, jobs as they run, schedules and artifacts.
    ///
    /// It is at `/dashboard`, and `/` leads there unless there is a landing page or a route of the application. All its files are part of the program. With
    /// [`with_auth`](Self::with_auth), it asks for a key and shows what that key reaches. Without keys, the service has to listen on
    /// a loopback address, and trust no proxies: everything else is an error of [`build`](Self::build) or [`run`](crate::Service::run), unless
    /// [`dashboard_without_keys`](Self::dashboard_without_keys) is called. Needs the feature `dashboard`, which is on by default.
    ///
    /// ```
    /// use tasks_web::prelude::*;
    ///
    /// let builder = Service::builder(ServiceInfo::new("a-service", "A service")).with_dashboard();
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn with_dashboard(mut self) -> Self {
        self.dashboard.get_or_insert_default();
        self
    }

    /// Where the dashboard is. Defaults to `/dashboard`.
    #[must_use]
    pub fn dashboard_at(mut self, path: &str) -> Self {
        self.paths.dashboard.agree(path.to_owned());
        self
    }

    /// Serves the dashboard, without asking for a key, on addresses that other machines reach: something else decides who does, a private
    /// network or a proxy that asks for a password.
    #[must_use]
    pub fn dashboard_without_keys(mut self) -> Self {
        self.dashboard = Some(DashboardAccess::Everyone);
        self
    }

    /// Whether there is one.
    pub(in crate::service) fn has_dashboard(&self) -> bool {
        self.dashboard.is_some()
    }
}
