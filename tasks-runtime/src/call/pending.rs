//! A call that has not been decoded yet.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::envelope::Envelope;
use super::resources::Resources;
use super::run::Run;
use super::target::CallTarget;
use crate::arguments::{
    self, AnyArgCells, Echo, Input, InvalidArguments, StructFields, Validation,
};
#[cfg(feature = "database")]
use crate::context::AttemptHandle;
use crate::context::{ExecutorHandle, TaskContext};
use crate::inject::Providers;
use crate::task::Caller;

/// The arguments of one execution on their way into a task's parameters. Made by the executor, used by generated code.
pub struct PendingCall<'a> {
    pub(crate) host: Arc<dyn ExecutorHandle>,
    pub(crate) resources: &'a Arc<Resources>,
    /// The task, by its position in the registry.
    pub(crate) position: usize,
    pub(crate) input: Input<'a>,
    pub(crate) envelope: Envelope,
    /// Who asks.
    pub(crate) caller: Caller,
    /// The attempt of a job that this is.
    #[cfg(feature = "database")]
    pub(crate) attempt: Option<Arc<dyn AttemptHandle>>,
}

impl fmt::Debug for PendingCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingCall")
            .field("task", &self.target().name)
            .finish_non_exhaustive()
    }
}

impl<'a> PendingCall<'a> {
    fn target(&self) -> &'a CallTarget {
        &self.resources.targets[self.position]
    }

    /// Reads the arguments into their cells.
    pub(super) fn decode(self, cells: &mut dyn AnyArgCells) -> Result<Run, InvalidArguments> {
        let echo = read(self.input, self.target(), cells)?;
        Ok(self.begin(&echo))
    }

    /// Reads the arguments into their cells, and has the rules of the task look at them.
    pub(super) fn decode_validated<C: AnyArgCells>(
        self,
        cells: &mut C,
        rules: Rules<C>,
    ) -> Result<Run, InvalidArguments> {
        let target = self.target();
        let providers = &self.resources.providers;
        let echo = read_validated(self.input, target, providers, cells, rules)?;
        Ok(self.begin(&echo))
    }

    /// Reads the arguments of a closure, which are one value, and has its rule look at them.
    pub(crate) fn decode_whole<P: DeserializeOwned>(
        self,
        fields: &StructFields,
        rule: impl FnOnce(&P) -> Result<(), InvalidArguments>,
    ) -> Result<(P, Run), InvalidArguments> {
        let (params, echo) = fields.read(self.input)?;
        rule(&params)?;
        Ok((params, self.begin(&echo)))
    }

    fn begin(self, echo: &Echo<'_>) -> Run {
        let json = self.envelope.begin(&self.target().name, echo);
        let context = TaskContext::new(
            self.host,
            self.position,
            self.caller,
            #[cfg(feature = "database")]
            self.attempt,
        );
        Run::new(Arc::clone(self.resources), context, json)
    }
}

/// The rules of a task: they look at the cells, once these are filled, and say what is wrong.
pub(super) type Rules<C> = fn(&C, &mut Validation<'_>);

/// Reads the arguments of a task into their cells, and has its rules look at them.
pub(super) fn read_validated<'a, C: AnyArgCells>(
    input: Input<'a>,
    target: &CallTarget,
    providers: &Providers,
    cells: &mut C,
    rules: Rules<C>,
) -> Result<Echo<'a>, InvalidArguments> {
    let echo = read(input, target, cells)?;
    arguments::validate(&echo, &target.parameters, providers, |validation| {
        rules(cells, validation);
    })?;
    Ok(echo)
}

/// Reads the arguments of a task into their cells.
pub(super) fn read<'a>(
    input: Input<'a>,
    target: &CallTarget,
    cells: &mut dyn AnyArgCells,
) -> Result<Echo<'a>, InvalidArguments> {
    arguments::read(input, &target.parameters, cells)
}
