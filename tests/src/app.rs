//! An actix application of a test, on a free port.

use std::net::SocketAddr;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};

/// Serves an application until the test ends.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    handle: ServerHandle,
}

impl Running {
    /// Serves a service as its `configure` gives it.
    #[must_use]
    pub fn service(service: &tasks_web::Service) -> Self {
        let configure = service.configure();
        Self::start(move |config| configure.clone()(config))
    }

    /// Starts two workers on a port of 127.0.0.1 that is free.
    ///
    /// # Panics
    ///
    /// When no port can be had.
    #[must_use]
    pub fn start(configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static) -> Self {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || App::new().configure(configure.clone()))
                    .workers(2)
                    // A client that hangs up cancels what it asked for.
                    .h1_allow_half_closed(false)
                    .disable_signals();
                let server = server.bind(("127.0.0.1", 0)).expect("a free port");
                let address = server.addrs()[0];
                let server = server.run();
                let running = Self {
                    address,
                    handle: server.handle(),
                };
                sender.send(running).expect("the test waits for it");
                server.await.expect("the server runs");
            });
        });
        receiver.recv().expect("the server starts")
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}
