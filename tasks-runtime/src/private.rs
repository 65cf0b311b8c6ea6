//! For generated code: what it names, and the types in the signatures of that. Nothing here is part of the public API.

pub use inventory;

pub use crate::arguments::{
    AnyPlace, AnyPlaces, AnySlot, Default, Example, Injected, JsonFallback, JsonProbe, NotInjected,
    Places, Probe, RequestFallback, Requested, Slot, Slots, example, request_slot, slot, text,
};
pub use crate::execute::{
    Asynchronous, Blocking, Call, Facts, Finish, Run, Running, Shim, asynchronous, blocking,
};
pub use crate::task::{
    Outcome, OutputSchema, Parameter, PlainReturn, Ret, SchemaFallback, TaskDescriptor,
};
