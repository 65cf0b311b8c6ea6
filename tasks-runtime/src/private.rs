//! For generated code: what it names, and the types in the signatures of that. Nothing here is part of the public API.

pub use inventory;

pub use crate::arguments::{
    AnyArgCell, AnyArgCells, AnySlot, ArgCell, ChoiceParam, Constraint, Counted, Default, Example,
    ExampleSource, FromText, GardeParam, Injected, ItemsParam, JsonFallback, JsonProbe,
    LengthParam, NotInjected, Parameter, Probe, RangeParam, RequestFallback, RequestSource,
    Requested, RuleResult, RuleSource, Slot, Slots, Source, TextFallback, TextParam, TextProbe,
    Validation, bound, choices, documentation, example, format, garde_requires, given, items,
    length, pattern, request_slot, slot, unique,
};
pub use crate::call::{
    CheckCall, Finish, FunctionInfo, FunctionShim, PendingCall, PlainReturn, Run, Running, Shim,
    Started, TaskDescriptor, TaskReturn, ValidatedShim, asynchronous, blocking,
};
pub use crate::task::{
    Backoff, EventType, Growth, JobPolicy, Outcome, OutputSchema, Rate, SchemaFallback, ToolKind,
    ToolPolicy,
};
pub use crate::task::{
    CodedError, CodesOf, ErrorInside, FailureCode, FailureCodes, NoCodes, codes, count_codes,
    detail, details, failure_code, join_codes, retry_after,
};
pub use serde_json::Value as JsonValue;

/// What generated code imports, with names that nobody's own items have.
pub mod scope {
    pub use super::{
        ErrorInside as _, JsonFallback as _, NoCodes as _, PlainReturn as _, RequestFallback as _,
        SchemaFallback as _, TextFallback as _,
    };
    pub use crate::__private as __rt;
}
