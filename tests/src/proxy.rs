//! A road to a server that can be cut, and can be slow.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
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
        Self::of(TcpListener::bind(("127.0.0.1", 0)).await?, port, None)
    }

    /// To the server with this port, on which each connection carries so many bytes a second in each direction.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub fn start_slow(port: u16, bytes_per_second: u32) -> Result<Self> {
        let socket = small_socket()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Self::of(socket.listen(64)?, port, Some(bytes_per_second))
    }

    fn of(listener: TcpListener, port: u16, rate: Option<u32>) -> Result<Self> {
        let address = listener.local_addr()?;
        let road: Arc<Mutex<CancellationToken>> = Arc::default();
        let closed = CancellationToken::new();
        let roads = Arc::clone(&road);
        tokio::spawn(closed.clone().run_until_cancelled_owned(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let cut = roads.lock().unwrap_or_else(PoisonError::into_inner).clone();
                tokio::spawn(async move {
                    let Ok(mut far) = connect(port, rate.is_some()).await else {
                        return;
                    };
                    let copy = async {
                        match rate {
                            None => {
                                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                            }
                            Some(rate) => copy_slowly(near, far, rate).await,
                        }
                    };
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

/// A socket that keeps little, so that what is slow is seen by both sides.
fn small_socket() -> std::io::Result<TcpSocket> {
    const BUFFER: u32 = 64 * 1024;
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    Ok(socket)
}

async fn connect(port: u16, small: bool) -> std::io::Result<TcpStream> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    if small {
        small_socket()?.connect(address).await
    } else {
        TcpStream::connect(address).await
    }
}

/// Both directions, until one of them ends.
async fn copy_slowly(near: TcpStream, far: TcpStream, rate: u32) {
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::select! {
        () = pump(near_read, far_write, rate) => {}
        () = pump(far_read, near_write, rate) => {}
    }
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    rate: u32,
) {
    let mut buffer = vec![0; 32 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let seconds = count as f64 / f64::from(rate);
        tokio::time::sleep(std::time::Duration::from_secs_f64(seconds)).await;
        let Some(bytes) = buffer.get(..count) else {
            return;
        };
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
