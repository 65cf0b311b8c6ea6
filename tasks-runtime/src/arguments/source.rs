//! Where a parameter comes from: the request or the server.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::marker::PhantomData;

use super::request::{RequestFns, RequestParam};
use crate::inject::{Injectable, Injection, Injector, Requirements};

/// Chooses by type where a parameter comes from: the inherent constant of an injectable type wins over the one of
/// [`RequestFallback`], which every type has.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<T>);

impl<T: Injectable> Probe<T> {
    pub const __TASK_SOURCE: Injected<T> = Injected::FORCED;
}

pub trait RequestFallback {
    type Value;

    const __TASK_SOURCE: Requested<Self::Value> = Requested::FORCED;
}

impl<T> RequestFallback for Probe<T> {
    type Value = T;
}

/// The parameter is injected.
#[derive(Debug)]
pub struct Injected<T>(PhantomData<fn() -> T>);

/// The parameter is read from the request.
#[derive(Debug)]
pub struct Requested<T>(PhantomData<fn() -> T>);

impl<T> Clone for Injected<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Injected<T> {}

impl<T> Clone for Requested<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Requested<T> {}

impl<T> Injected<T> {
    pub const FORCED: Self = Self(PhantomData);
}

impl<T> Requested<T> {
    pub const FORCED: Self = Self(PhantomData);
}

#[doc(hidden)]
pub enum Kind<T: 'static> {
    Request(RequestFns<T>),
    Inject {
        inject: fn(&Injector<'_>) -> Injection<T>,
        requires: fn(&mut Requirements),
    },
}

/// Where a parameter of type `T` comes from.
///
/// Says what [`RequestParam`] says, without the way from the one to the other.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be a parameter of a task",
    label = "neither injectable nor readable from a request",
    note = "what is read from `params` implements `serde::Deserialize` and `schemars::JsonSchema`: derive them for types of this crate; for those of another crate, turn on its features for serde and schemars, or wrap them in a type of this crate with `#[serde(with = \"…\")]` and `#[schemars(with = \"…\")]`",
    note = "what is injected is given to `provide`: derive `Injectable` for types of this crate; take those of another crate as `State<…>`"
)]
pub trait Source<T: 'static> {
    #[doc(hidden)]
    const KIND: Kind<T>;
}

impl<T: Injectable> Source<T> for Injected<T> {
    const KIND: Kind<T> = Kind::Inject {
        inject: T::inject,
        requires: T::requires,
    };
}

#[diagnostic::do_not_recommend]
impl<T: RequestParam> Source<T> for Requested<T> {
    const KIND: Kind<T> = Kind::Request(T::FUNCTIONS);
}

/// A source for which `default`, `example` and `secret` make sense.
#[diagnostic::on_unimplemented(
    message = "an injected parameter cannot have a default, an example or constraints, nor be secret",
    label = "injected because of its type, so clients never send it",
    note = "take an `Option<…>` if it may be missing, or read it from the request with `#[task(request)]`"
)]
pub trait RequestSource<T: 'static>: Source<T> {}

impl<T: RequestParam> RequestSource<T> for Requested<T> {}
