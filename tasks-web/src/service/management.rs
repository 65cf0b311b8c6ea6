//! The port for those who run the service: health, metrics and what it runs on, served by a thread that no task runs on.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::dev::ServerHandle;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpServer};

use super::error::ServiceError;
use super::fallback::{not_found, outside};
use super::gate::Gate;
use super::middleware::{Policy, RequestMiddleware};
use crate::http::TrustedProxies;
use crate::part::Part;

/// What is served there, and whether it is.
pub(crate) struct Management {
    /// As it was set: `127.0.0.1:9090`.
    address: String,
    pub(crate) parts: Vec<Part>,
    policy: Policy,
    gate: Option<Gate>,
    proxies: TrustedProxies,
    running: Mutex<Option<RunningServer>>,
}

/// The thread and what stops it.
struct RunningServer {
    addresses: Vec<SocketAddr>,
    handle: ServerHandle,
    thread: std::thread::JoinHandle<()>,
}

impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Management")
            .field("address", &self.address)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

impl Management {
    pub(crate) fn new(
        address: String,
        parts: Vec<Part>,
        policy: Policy,
        gate: Option<Gate>,
        proxies: TrustedProxies,
    ) -> Self {
        Self {
            address,
            parts,
            policy,
            gate,
            proxies,
            running: Mutex::new(None),
        }
    }

    /// Listens, on a thread of its own; does nothing when it does already.
    pub(crate) fn start(self: &Arc<Self>) -> Result<(), ServiceError> {
        let failed = |source| ServiceError::Management {
            address: self.address.clone(),
            source,
        };
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_some() {
            return Ok(());
        }
        let listener = TcpListener::bind(self.address.as_str()).map_err(failed)?;
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let management = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("tasks-management".to_owned())
            .spawn(move || {
                actix_web::rt::System::new().block_on(async move {
                    let server = HttpServer::new(move || {
                        let management = Arc::clone(&management);
                        App::new()
                            .configure(move |config| management.register(config))
                            .default_service(web::to(outside))
                    })
                    .workers(1)
                    .disable_signals()
                    .shutdown_timeout(1)
                    .listen(listener);
                    let server = match server {
                        Ok(server) => server,
                        Err(error) => {
                            _ = sender.send(Err(error));
                            return;
                        }
                    };
                    let addresses = server.addrs();
                    let server = server.run();
                    if sender.send(Ok((addresses, server.handle()))).is_ok()
                        && let Err(error) = server.await
                    {
                        tracing::error!(%error, "the management port broke down");
                    }
                });
            })
            .map_err(failed)?;
        let (addresses, handle) = receiver
            .recv()
            .unwrap_or_else(|_| Err(std::io::Error::other("its thread ended")))
            .map_err(failed)?;
        for address in &addresses {
            tracing::info!(%address, "the management port is open");
        }
        *running = Some(RunningServer {
            addresses,
            handle,
            thread,
        });
        Ok(())
    }

    /// Where it listens; nowhere before [`start`](Self::start).
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running
            .as_ref()
            .map_or_else(Vec::new, |running| running.addresses.clone())
    }

    /// Ends it, after the answers that are under way.
    pub(crate) async fn stop(&self) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(running) = running {
            running.handle.stop(true).await;
            // It has nothing left to do.
            _ = running.thread.join();
        }
    }

    /// Takes no other names than those of this machine from now on.
    pub(crate) fn restrict_hosts(&self) {
        self.policy.hosts.restrict();
    }

    fn register(&self, config: &mut ServiceConfig) {
        config.app_data(self.proxies.clone());
        let scope = web::scope("")
            .default_service(web::to(not_found))
            .configure(|config| {
                for routes in self.parts.iter().filter_map(|part| part.routes.as_ref()) {
                    routes(config);
                }
            });
        config.service(scope.wrap(RequestMiddleware::new(
            self.policy.clone(),
            self.gate.clone(),
        )));
    }
}
