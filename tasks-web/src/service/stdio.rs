//! The service as a program that a host of agents starts and talks to.

use std::sync::Arc;

use super::error::ServiceError;
use super::handle::Service;
use super::signals::Signals;
use crate::{logging, mcp};

impl Service {
    /// Serves agents over standard input and output, in place of HTTP: for hosts on the same machine, which start the program and end it by closing its input. The
    /// service needs [`with_mcp`](crate::ServiceBuilder::with_mcp).
    ///
    /// Whoever starts the program may do what it can do, so no keys are asked for. Jobs run here as they do in any process of the service. The log goes
    /// to standard error; a program must not print anything else to standard output.
    ///
    /// ```no_run
    /// use tasks_web::prelude::*;
    ///
    /// #[actix_web::main]
    /// async fn main() -> anyhow::Result<()> {
    ///     let service = Service::builder(ServiceInfo::new("weather", "Weather")).with_mcp().build().await?;
    ///     match std::env::args().nth(1).as_deref() {
    ///         Some("mcp") => service.run_mcp_stdio().await?,
    ///         _ => service.run().await?,
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// What [`startup`](Self::startup) gives; [`ServiceError::Mcp`] when there is no MCP server, and when standard input or output breaks.
    pub async fn run_mcp_stdio(&self) -> Result<(), ServiceError> {
        let Some(server) = &self.inner.mcp else {
            return Err(ServiceError::Mcp(std::io::Error::other(
                "the service has no MCP server: call `with_mcp` when it is put together",
            )));
        };
        let mut signals = Signals::new().map_err(ServiceError::Mcp)?;
        let input = std::io::BufReader::new(std::io::stdin());
        let input = mcp::stdin_lines(input).map_err(ServiceError::Mcp)?;
        let started = tokio::select! {
            started = self.startup() => started,
            signal = signals.next() => {
                tracing::info!(signal, "stopping before it has begun");
                Ok(())
            }
        };
        let served = match started {
            Ok(()) => {
                let stop = async {
                    let signal = signals.next().await;
                    tracing::info!(signal, "stopping");
                };
                let server = Arc::clone(server);
                let served = mcp::serve_stdio(server, input, tokio::io::stdout(), stop);
                served.await.map_err(ServiceError::Mcp)
            }
            Err(error) => Err(error),
        };
        // Hosts kill a program that does not end within seconds: jobs that run go back to the queue, where they do not count as attempts.
        self.inner.stopping.cancel();
        self.stop_waiting();
        tokio::select! {
            () = self.shutdown() => {}
            signal = signals.next() => {
                tracing::warn!(signal, "not waiting any longer");
                self.close().await;
            }
        }
        logging::flush();
        served
    }
}
