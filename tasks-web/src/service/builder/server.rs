//! Where a service listens, and how much it takes at once.

use std::time::Duration;

use super::ServiceBuilder;
use crate::http::sse::StreamLimits;

impl ServiceBuilder {
    /// Where to listen, in place of `HOST` and `PORT`, which default to 127.0.0.1 and 8000. Port 0 is any that is free.
    #[must_use]
    pub fn bind(mut self, host: impl Into<String>, port: u16) -> Self {
        self.address.agree((host.into(), port));
        self
    }

    /// Serves the health, the metrics and the system information on a port of their own, `127.0.0.1:9090` say, and no longer on
    /// that of the tasks. Port 0 is any that is free; where it is, is logged. Without this call everything is on one port.
    ///
    /// A thread of its own answers there, and the checks of the health run on it: a probe is answered while every worker
    /// computes. It answers before the start-up hooks run, and until the last shutdown hook has ended. Keys are asked for as
    /// on the other port: not for the health, but for the rest. CORS and sockets that are handed over are for the other port
    /// alone. An address that is taken is [`ServiceError::Management`](crate::ServiceError::Management), of
    /// [`Service::run`](crate::Service::run) and [`Service::startup`](crate::Service::startup).
    ///
    /// ```
    /// use tasks_web::prelude::*;
    ///
    /// let builder = Service::builder(ServiceInfo::new("a-service", "A service"))
    ///     .with_health()
    ///     .with_monitoring()
    ///     .management_bind("127.0.0.1:9090");
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn management_bind(mut self, address: impl Into<String>) -> Self {
        self.management.agree(address.into());
        self
    }

    /// How many threads serve requests. Defaults to as many as processors; at least 1.
    #[must_use]
    pub fn http_threads(mut self, count: usize) -> Self {
        self.http_threads.agree(count.max(1));
        self
    }

    /// How many streams of events (of jobs, of the health) may be open at once, in all and from one address; more are answered
    /// by 429. Defaults to 512 and 32. Of IPv6, a network of 64 bits counts as one address.
    #[must_use]
    pub fn max_streams(mut self, in_all: usize, per_address: usize) -> Self {
        self.streams.agree(StreamLimits {
            in_all,
            per_address,
        });
        self
    }

    /// Proxies whose `X-Forwarded-For`, `-Proto`, `-Host` and `-Prefix` count, by their addresses or networks. Defaults to none:
    /// anybody can send those headers.
    ///
    /// `X-Forwarded-For` says who the client is, for limits by address; the others make `Location` a URL, which else is a path.
    ///
    /// ```
    /// use tasks_web::prelude::*;
    ///
    /// let builder = Service::builder(ServiceInfo::new("a-service", "A service")).trusted_proxies(["10.0.0.0/8", "127.0.0.1"]);
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn trusted_proxies<T: Into<String>>(
        mut self,
        proxies: impl IntoIterator<Item = T>,
    ) -> Self {
        self.proxies.extend(proxies.into_iter().map(Into::into));
        self
    }

    /// Names by which clients may reach the service, without a port, beside addresses and `localhost`: a request with another one in its header `Host` is answered
    /// 421.
    ///
    /// Without this call any name is taken, but by a service that [`run`](crate::Service::run) serves on loopback addresses alone, without keys and without
    /// [`trusted_proxies`](Self::trusted_proxies): a page of any site could lead its name there (DNS rebinding), and would be let in by the browser as the service's own page.
    ///
    /// ```
    /// use tasks_web::prelude::*;
    ///
    /// let builder = Service::builder(ServiceInfo::new("a-service", "A service")).allowed_hosts(["tasks.example.org"]);
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn allowed_hosts<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.allowed_hosts.extend(names.into_iter().map(Into::into));
        self
    }

    /// How long requests that are under way may take at the end, after half a second in which those who are connected may still
    /// ask. Defaults to 30 seconds.
    #[must_use]
    pub fn shutdown_timeout(mut self, time: Duration) -> Self {
        self.shutdown_timeout.agree(time);
        self
    }
}
