//! Serves until it is told to stop.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};

use super::error::{BuildProblems, ServiceError};
use super::handle::Service;
use super::keys;
use super::listen::{Listen, announce, announce_management};
use super::server::{ServerHandles, bind};
use super::signals::Signals;
use crate::logging;
use crate::open_files;

impl Service {
    /// Serves until SIGTERM or Ctrl-C: then it takes no more connections, answers the requests that are there within the
    /// [limit](crate::ServiceBuilder::shutdown_timeout), and runs what [`on_shutdown`](crate::ServiceBuilder::on_shutdown)
    /// was given. A second signal ends the wait. On SIGHUP it reads the API keys [again](Self::reload_keys), and goes on.
    ///
    /// It listens on sockets that were handed over by `systemd` or `systemfd`, if there are any, else on the
    /// [address](crate::ServiceBuilder::bind) that is set; and says on standard output where that is.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Listen`] and [`ServiceError::Management`] when an address is taken, [`ServiceError::Startup`] when a start-up hook fails,
    /// [`ServiceError::Serve`] when the server breaks down.
    pub async fn run(self) -> Result<(), ServiceError> {
        // From the beginning: a process that does not listen to this signal is ended by it.
        let reloading = reload_on_hangup(self.clone());
        let result = tokio::select! {
            result = self.serve() => result,
            never = reloading => match never {},
        };
        // The process may end now, and with it the thread that writes what standard error did not take at once.
        logging::flush();
        result
    }

    async fn serve(self) -> Result<(), ServiceError> {
        open_files::raise_limit().map_err(ServiceError::Serve)?;
        let listen = &self.inner.listen;
        let failed = |source| ServiceError::Listen {
            address: listen.address(),
            source,
        };
        let mut listeners = Listen::handed_over()?;
        let handed_over = !listeners.is_empty();
        if !handed_over {
            listeners = bind(&listen.host, listen.port).map_err(failed)?;
        }
        let addresses = listeners.iter().map(TcpListener::local_addr);
        let addresses: Vec<SocketAddr> = addresses.collect::<Result<_, _>>().map_err(failed)?;
        // Sockets that are handed over may be of other addresses than the one that was looked at when the service was built.
        if let Some(open) = addresses
            .iter()
            .find(|address| self.inner.only_loopback && !address.ip().is_loopback())
        {
            let reason = format!("the dashboard would be open to whoever reaches {open}");
            let kind = std::io::ErrorKind::PermissionDenied;
            return Err(failed(std::io::Error::new(kind, reason)));
        }
        let is_loopback = |address: &SocketAddr| address.ip().is_loopback();
        if self.inner.is_unguarded && addresses.iter().all(is_loopback) {
            self.inner.policy.hosts.restrict();
        }
        let mut signals = Signals::new().map_err(ServiceError::Serve)?;
        let started = tokio::select! {
            started = self.startup() => started,
            signal = signals.next() => {
                tracing::info!(signal, "stopping before it has begun");
                self.shutdown().await;
                return Ok(());
            }
        };
        if let Err(error) = started {
            self.shutdown().await;
            return Err(error);
        }
        let serving = self.server(listeners, handed_over);
        let ServerHandles { server, closing } = serving.map_err(ServiceError::Serve)?;
        let (what, path) = self.front();
        announce(&addresses, what, path);
        if let Some(management) = &self.inner.management {
            if self.inner.is_unguarded && management.addresses().iter().all(is_loopback) {
                management.restrict_hosts();
            }
            announce_management(&management.addresses());
        }

        let mut server = std::pin::pin!(server);
        let result = tokio::select! {
            result = &mut server => result,
            signal = signals.next() => {
                tracing::info!(signal, "stopping");
                self.inner.stopping.cancel();
                let mut stopping = std::pin::pin!(async {
                    // Jobs and requests end side by side: each has its own time limit.
                    tokio::join!(closing.close(), &mut server, self.drain()).1
                });
                tokio::select! {
                    result = &mut stopping => result,
                    signal = signals.next() => {
                        tracing::warn!(signal, "not waiting any longer");
                        self.stop_waiting();
                        Ok(())
                    }
                }
            }
        };
        tokio::select! {
            () = self.shutdown() => tracing::info!("stopped"),
            signal = signals.next() => {
                tracing::warn!(signal, "not waiting any longer");
                self.close().await;
            }
        }
        result.map_err(ServiceError::Serve)
    }

    /// Opens the [management port](crate::ServiceBuilder::management_bind), if there is one, and runs the start-up hooks, in the order given. [`run`](Self::run) does; an actix app of one's own calls it before it
    /// serves.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Startup`] is that of the first hook that fails; the rest do not run. [`ServiceError::Management`] when
    /// the management port cannot be opened.
    pub async fn startup(&self) -> Result<(), ServiceError> {
        if let Some(management) = &self.inner.management {
            management.start()?;
        }
        for hook in &self.inner.startup {
            hook.run().await.map_err(ServiceError::Startup)?;
        }
        Ok(())
    }

    /// Reads the API keys again from the files and the environment that [`ApiKeys`](crate::ApiKeys) names. [`run`](Self::run) does
    /// on SIGHUP.
    ///
    /// # Errors
    ///
    /// All that is wrong, one line each; then the keys stay as they were. A key that is limited to tags needs a new start,
    /// unless there was one before: it closes the documentation.
    pub fn reload_keys(&self) -> Result<(), BuildProblems> {
        let Some(gate) = &self.inner.gate else {
            return Ok(());
        };
        match gate.guard.reload() {
            Ok(count) => {
                tracing::info!(keys = count, "the API keys were read again");
                keys::warn_of_tags(&gate.guard, self.inner.executor.registry());
                Ok(())
            }
            Err(problems) => Err(BuildProblems(problems)),
        }
    }

    /// Ends all streams, runs the shutdown hooks, the last one first, and closes what the service opened. [`run`](Self::run)
    /// does; an actix app of one's own calls it after it has served. Errors are logged: what comes next runs all the same.
    pub async fn shutdown(&self) {
        self.inner.stopping.cancel();
        self.drain().await;
        for hook in self.inner.shutdown.iter().rev() {
            hook.finish().await;
        }
        self.close().await;
    }

    /// Lets the work of its parts end.
    async fn drain(&self) {
        let parts = self.inner.parts.iter();
        for hook in parts.filter_map(|part| part.drain.as_ref()) {
            hook.finish().await;
        }
    }

    /// Ends the wait for the work of its parts.
    pub(super) fn stop_waiting(&self) {
        let parts = self.inner.parts.iter();
        parts
            .filter_map(|part| part.stop_waiting.as_ref())
            .for_each(|stop| stop());
    }

    /// Closes what the service opened.
    pub(super) async fn close(&self) {
        for hook in self
            .inner
            .parts
            .iter()
            .rev()
            .filter_map(|part| part.shutdown.as_ref())
        {
            hook.finish().await;
        }
        // Whoever asks how the service is gets an answer until the end.
        if let Some(management) = &self.inner.management {
            management.stop().await;
        }
    }
}

/// SIGHUP is no reason to end: what may change is read again.
#[cfg(unix)]
async fn reload_on_hangup(service: Service) -> Infallible {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::hangup()) {
        Ok(mut hangups) => {
            while hangups.recv().await.is_some() {
                if let Err(problems) = service.reload_keys() {
                    for problem in problems.lines() {
                        tracing::error!(problem, "the API keys stay as they were");
                    }
                }
            }
        }
        Err(error) => tracing::warn!(%error, "SIGHUP cannot be listened to"),
    }
    std::future::pending().await
}

#[cfg(not(unix))]
async fn reload_on_hangup(_: Service) -> Infallible {
    std::future::pending().await
}
