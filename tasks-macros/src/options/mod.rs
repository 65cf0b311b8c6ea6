//! The options of the attributes: what may be written in `#[task(…)]`, `#[injectable(…)]` and `#[failure(…)]`.

mod backoff;
mod constraints;
mod events;
pub(crate) mod failure;
mod flow;
mod injectable;
mod job;
mod param;
mod parse;
mod task;
mod tool;
mod validate;

pub(crate) use self::backoff::Backoff;
pub(crate) use self::constraints::{Constraint, ConstraintKind};
pub(crate) use self::flow::{FlowOptions, Rate};
pub(crate) use self::injectable::InjectableOptions;
pub(crate) use self::job::JobOptions;
pub(crate) use self::param::{ParamOptions, Source};
pub(crate) use self::task::TaskOptions;
pub(crate) use self::tool::{McpOption, ToolOptions};
pub(crate) use self::validate::Validate;
