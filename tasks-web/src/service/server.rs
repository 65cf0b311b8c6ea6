//! The server of a service: actix's, over [connections](Connection) of our own.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{Extensions, HttpService, Protocol};
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, map_config};
use actix_web::dev::{AppConfig, Server, ServerHandle, fn_service};
use actix_web::rt::net::{TcpSocket, TcpStream};
use actix_web::{App, Error, web};

use super::connection::Connection;
use super::fallback::outside;
use super::handle::Service;
use crate::http::OpenConnections;

/// How many clients wait at most until they are let in, as in actix's `HttpServer`.
const BACKLOG: u32 = 1024;
/// How long the head of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the end of a connection may take.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// For how long those who are connected are answered, and told not to send more, before connections are closed.
const MAX_CLOSE_NOTICE: Duration = Duration::from_millis(500);
/// For how long at least: somebody may have been let in just now.
const MIN_CLOSE_NOTICE: Duration = Duration::from_millis(50);

/// A server that runs as long as it is polled, and what ends it.
pub(super) struct ServerHandles {
    pub(super) server: Server,
    pub(super) closing: ServerStop,
}

/// Ends a server.
pub(super) struct ServerStop {
    handle: ServerHandle,
    connections: Arc<OpenConnections>,
    /// Whether another process goes on with the sockets.
    handed_over: bool,
}

/// Listens on all addresses of a host; that some cannot be had is no error.
pub(super) fn bind(host: &str, port: u16) -> io::Result<Vec<TcpListener>> {
    let mut failed = None;
    let mut listeners = Vec::new();
    for address in (host, port).to_socket_addrs()? {
        match listen(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        _ if !listeners.is_empty() => Ok(listeners),
        Some(error) => Err(error),
        None => Err(io::Error::other("the name has no address")),
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

impl Service {
    /// Serves on these sockets.
    pub(super) fn server(
        &self,
        listeners: Vec<TcpListener>,
        handed_over: bool,
    ) -> io::Result<ServerHandles> {
        let listen = &self.inner.listen;
        let connections = Arc::new(OpenConnections::default());
        let mut builder = Server::build()
            .disable_signals()
            .shutdown_timeout(listen.shutdown_timeout.as_secs());
        if let Some(workers) = listen.workers {
            builder = builder.workers(workers);
        }
        for listener in listeners {
            let address = listener.local_addr()?;
            let (service, connections) = (self.clone(), Arc::clone(&connections));
            let shutdown = builder.graceful_shutdown_signal();
            builder = builder.listen(address.to_string(), listener, move || {
                let app = App::new()
                    .configure(service.configure())
                    .default_service(web::to(outside))
                    .into_factory()
                    .map_err(|error: Error| error.error_response());
                let shutdown = shutdown.clone();
                let http = HttpService::build()
                    .graceful_shutdown_signal(move || {
                        let shutdown = shutdown.clone();
                        async move { shutdown.notified().await }
                    })
                    .client_request_timeout(HEAD_TIMEOUT)
                    .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                    .local_addr(address)
                    .on_connect_ext(|connection: &Connection, data: &mut Extensions| {
                        data.insert(connection.exchange().clone());
                    })
                    .finish(map_config(app, move |()| config(address)));
                let connections = Arc::clone(&connections);
                fn_service(move |stream: TcpStream| {
                    let peer = stream.peer_addr().ok();
                    let connection = Connection::new(stream, &connections);
                    async move { Ok::<_, DispatchError>((connection, Protocol::Http1, peer)) }
                })
                .and_then(http)
            })?;
        }
        let server = builder.run();
        let closing = ServerStop {
            handle: server.handle(),
            connections,
            handed_over,
        };
        Ok(ServerHandles { server, closing })
    }
}

/// What `HttpServer` tells an app. There is no other way to say it: actix's own server for tests makes it like this, too.
fn config(address: SocketAddr) -> AppConfig {
    AppConfig::__priv_test_new(false, address.to_string(), address)
}

impl ServerStop {
    /// Answers those who are connected, tells them to connect anew for what they ask next, and ends the server. Who is not
    /// let in yet waits for the process that goes on with the sockets, if there is one.
    pub(super) async fn close(self) {
        if self.handed_over {
            self.handle.pause().await;
        }
        self.connections.close();
        let began = tokio::time::Instant::now();
        while began.elapsed() < MIN_CLOSE_NOTICE
            || (self.connections.are_used() && began.elapsed() < MAX_CLOSE_NOTICE)
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.handle.stop(true).await;
    }
}
