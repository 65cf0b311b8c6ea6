//! The options of the attributes: what may be written in `#[task(…)]` and `#[injectable(…)]`.

mod backoff;
mod constraints;
mod injectable;
mod job;
mod param;
mod parse;
mod task;

pub(crate) use self::backoff::Backoff;
pub(crate) use self::constraints::{Constraint, Rule};
pub(crate) use self::injectable::InjectableOptions;
pub(crate) use self::job::JobOptions;
pub(crate) use self::param::{ParamOptions, Source};
pub(crate) use self::task::TaskOptions;
