//! The shim of a function whose arguments have rules beyond a schema.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use super::pending::{PendingCall, Rules, read_validated};
use super::run::Started;
use super::shim::{CheckCall, FunctionInfo, FunctionShim, RuleRequires, Shim};
use crate::arguments::{AnySlot, InvalidArguments, Slots, Validation};

/// The shim of a function, with the rules that its arguments have to keep. A task without rules has none of this.
pub struct ValidatedShim<S: Slots, F: 'static, R: 'static> {
    shim: FunctionShim<S, F, R>,
    rules: Rules<S::ArgCells>,
    requires: &'static [RuleRequires],
}

impl<S: Slots, F: 'static, R: 'static> FunctionShim<S, F, R> {
    /// The same, whose arguments have to keep `rules`.
    #[must_use]
    pub const fn validated(
        self,
        rules: fn(&S::ArgCells, &mut Validation<'_>),
        requires: &'static [RuleRequires],
    ) -> ValidatedShim<S, F, R> {
        ValidatedShim {
            shim: self,
            rules,
            requires,
        }
    }
}

impl<S: Slots, F: Sync + 'static, R: 'static> Shim for ValidatedShim<S, F, R> {
    fn start(&'static self, call: PendingCall<'_>) -> Result<Started, InvalidArguments> {
        let mut cells = self.shim.slots.cells();
        let run = call.decode_validated(&mut cells, self.rules)?;
        let context = run.context.clone();
        let running = (self.shim.run)(&self.shim, run, cells);
        Ok(Started { running, context })
    }

    fn check(&'static self, call: CheckCall<'_>) -> Result<(), InvalidArguments> {
        let mut cells = self.shim.slots.cells();
        let CheckCall {
            target,
            providers,
            input,
        } = call;
        read_validated(input, target, providers, &mut cells, self.rules).map(drop)
    }

    fn slot(&self, index: usize) -> Option<&dyn AnySlot> {
        self.shim.slot(index)
    }

    fn info(&self) -> &FunctionInfo {
        self.shim.info()
    }

    fn rules_require(&self) -> &[RuleRequires] {
        self.requires
    }
}
