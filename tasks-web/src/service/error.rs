//! Why a service cannot be built or run.

use std::error::Error;
use std::fmt;
use std::io;
use std::iter::successors;

/// Why a service cannot be built, or not be run.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServiceError {
    /// It is put together wrongly. Everything that is wrong is there at once.
    Build(BuildProblems),
    /// It cannot listen.
    Listen {
        /// Where: `127.0.0.1:8000`.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// It cannot listen on the address of [`management_bind`](crate::ServiceBuilder::management_bind).
    Management {
        /// As it was set: `127.0.0.1:9090`.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// A hook of [`on_startup`](crate::ServiceBuilder::on_startup) failed.
    Startup(Box<dyn Error + Send + Sync>),
    /// The server broke down.
    Serve(io::Error),
    /// [`run_mcp_stdio`](crate::Service::run_mcp_stdio) cannot serve, or standard input or output broke.
    Mcp(io::Error),
}

/// All that is wrong with a service, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildProblems(pub(crate) Vec<String>);

impl BuildProblems {
    /// The problems.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(problems) => {
                f.write_str("the service cannot be built")?;
                problems
                    .0
                    .iter()
                    .try_for_each(|line| write!(f, "\n  {line}"))
            }
            Self::Listen { address, source } => {
                write!(f, "cannot listen on {address}: {source}; ")?;
                f.write_str(if source.kind() == io::ErrorKind::AddrInUse {
                    "another program does: stop it, or set HOST and PORT to an address that is free"
                } else {
                    "set HOST and PORT to an address of this machine that is free"
                })
            }
            Self::Management { address, source } => write!(
                f,
                "cannot listen on {address} for management: {source}; give `management_bind` an address of this machine \
                 that is free, like `127.0.0.1:9090`"
            ),
            Self::Startup(error) => write!(f, "a start-up hook failed: {error}"),
            Self::Serve(error) => write!(f, "the server broke down: {error}"),
            Self::Mcp(error) => write!(
                f,
                "agents cannot be served over standard input and output: {error}"
            ),
        }
    }
}

/// How many causes of an error are read.
const MAX_CAUSES: usize = 128;

/// The first cause of an error that its own words do not include: the words of a [`ServiceError`] include those of its error, and who prints all
/// causes would print it again.
fn unsaid<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let said = error.to_string();
    // `source` is code of the application's, and may lead back to where it began.
    successors(error.source(), |cause: &&'a (dyn Error + 'static)| {
        (*cause).source()
    })
    .take(MAX_CAUSES)
    .find(|cause| !said.contains(&cause.to_string()))
}

impl Error for ServiceError {
    /// The first cause that the words of this error do not include. The error itself is in the variant.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Build(_) => None,
            Self::Listen { source, .. }
            | Self::Management { source, .. }
            | Self::Serve(source)
            | Self::Mcp(source) => unsaid(source),
            Self::Startup(error) => unsaid(error.as_ref()),
        }
    }
}
