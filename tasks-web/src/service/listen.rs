//! Where a service listens.

use std::io::{self, Write as _};
#[cfg(feature = "dashboard")]
use std::net::IpAddr;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use listenfd::ListenFd;
use serde_json::json;

use super::error::ServiceError;
use super::setting::Setting;
use crate::logging;

/// An address, as it was set or as the environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) workers: Option<usize>,
    pub(crate) shutdown_timeout: Duration,
}

/// `HOST` and `PORT`, or 127.0.0.1 and 8000.
fn from_env(problems: &mut Vec<String>) -> (String, u16) {
    let host = std::env::var("HOST").unwrap_or_else(|_| "127.0.0.1".to_owned());
    let port = match std::env::var("PORT") {
        Ok(text) => text.trim().parse().unwrap_or_else(|_| {
            problems.push(format!(
                "PORT is `{}`, which is not a port: use 0 to 65535",
                text.escape_debug()
            ));
            8000
        }),
        Err(_) => 8000,
    };
    (host, port)
}

impl Listen {
    /// As it was set, with defaults.
    pub(super) fn new(
        address: Setting<(String, u16)>,
        workers: Setting<usize>,
        shutdown_timeout: Setting<Duration>,
        problems: &mut Vec<String>,
    ) -> Self {
        let address = address.take(problems);
        let (host, port) = address.unwrap_or_else(|| from_env(problems));
        Self {
            host,
            port,
            workers: workers.take(problems),
            shutdown_timeout: shutdown_timeout
                .take(problems)
                .unwrap_or(Duration::from_secs(30)),
        }
    }

    /// The sockets that a supervisor handed over (`systemd`, `systemfd`), if there are any. A rebuilt service goes on with
    /// the same ones, and who connects meanwhile waits.
    pub(super) fn handed_over() -> Result<Vec<TcpListener>, ServiceError> {
        let mut given = ListenFd::from_env();
        let mut listeners = Vec::new();
        for index in 0..given.len() {
            let listener = given.take_tcp_listener(index).and_then(|listener| {
                if let Some(listener) = &listener {
                    listener.set_nonblocking(true)?;
                }
                Ok(listener)
            });
            match listener {
                Ok(listener) => listeners.extend(listener),
                Err(source) => {
                    return Err(ServiceError::Listen {
                        address: format!("the socket {index} that was handed over"),
                        source,
                    });
                }
            }
        }
        Ok(listeners)
    }

    /// Whether only programs of this machine can reach it.
    #[cfg(feature = "dashboard")]
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.host.trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost")
            || host
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback())
    }

    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Says where to look.
pub(super) fn announce(addresses: &[SocketAddr], what: &str, path: &str) {
    for address in addresses {
        say(
            *address,
            &format!("Listening on http://{address} - {what} at http://{address}{path}"),
        );
    }
}

/// Says where the management port is.
pub(super) fn announce_management(addresses: &[SocketAddr]) {
    for address in addresses {
        say(*address, &format!("Management on http://{address}"));
    }
}

/// On standard output, in the form of the log. Nobody may be listening, and that is no reason not to serve.
fn say(address: SocketAddr, message: &str) {
    let mut out = io::stdout().lock();
    if logging::is_json() {
        let timestamp = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let line = json!({
            "timestamp": timestamp, "level": "INFO", "message": message, "address": address.to_string(), "target": "tasks_web",
        });
        _ = writeln!(out, "{line}");
    } else {
        _ = writeln!(out, "{message}");
    }
    _ = out.flush();
}
