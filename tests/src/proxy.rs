//! A road to a server that can be cut.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Passes connections on to a server of this machine, until they are cut.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    road: Arc<Mutex<CancellationToken>>,
    _closed: tokio_util::sync::DropGuard,
}

impl Proxy {
    /// To the server with this port.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start(port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let road: Arc<Mutex<CancellationToken>> = Arc::default();
        let closed = CancellationToken::new();
        let roads = Arc::clone(&road);
        tokio::spawn(closed.clone().run_until_cancelled_owned(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let cut = roads.lock().unwrap_or_else(PoisonError::into_inner).clone();
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else {
                        return;
                    };
                    let copy = tokio::io::copy_bidirectional(&mut near, &mut far);
                    cut.run_until_cancelled(copy).await;
                });
            }
        }));
        Ok(Self {
            address,
            road,
            _closed: closed.drop_guard(),
        })
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Cuts all connections that are there, whatever they are in the middle of.
    pub fn cut(&self) {
        let mut road = self.road.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *road).cancel();
    }
}
