//! For generated code. Nothing here is part of the public API.

pub use inventory;

pub use crate::arguments::{
    Default, Example, Injected, JsonFallback, JsonProbe, Place, Probe, RequestFallback, Requested,
    Slot, example, request_slot, slot, text,
};
pub use crate::execute::{Call, Run, Running, running};
pub use crate::task::{
    Outcome, OutputSchema, Parameter, PlainReturn, Registration, Ret, SchemaFallback,
    TaskDescriptor, type_id_of,
};
