//! One call of a task: decode, wait for a permit, inject, run the function, write the result.
//!
//! What is generic over the function is in `shim`; the rest is the same for all tasks. Nothing here knows which tasks there are.

mod blocking;
mod descriptor;
mod envelope;
mod error;
mod limits;
pub(crate) mod panic;
mod pending;
mod resources;
mod returned;
mod run;
mod shim;
mod target;
mod validated;

pub(crate) use blocking::BlockingPool;
pub use descriptor::TaskDescriptor;
pub(crate) use descriptor::linked;
pub(crate) use envelope::Envelope;
pub use error::{ExecuteError, Refusal};
pub(crate) use limits::Limits;
pub use pending::PendingCall;
pub(crate) use resources::Resources;
pub use returned::{PlainReturn, TaskReturn};
pub use run::{Run, Running, Started};
pub use shim::{CheckCall, Finish, FunctionInfo, FunctionShim, Shim, asynchronous, blocking};
pub(crate) use shim::{run_async, run_blocking};
pub(crate) use target::CallTarget;
pub use validated::ValidatedShim;
