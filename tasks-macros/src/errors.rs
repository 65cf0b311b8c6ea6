//! Collects errors instead of stopping at the first one.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::Error;

/// All that is wrong with one item.
#[derive(Default)]
pub(crate) struct Errors {
    ours: Option<Error>,
    /// Whether something is wrong that rustc reports in the function itself.
    rustcs: bool,
}

impl Errors {
    pub(crate) fn is_empty(&self) -> bool {
        self.ours.is_none() && !self.rustcs
    }

    /// Adds an error that underlines `tokens`, from the first to the last.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.push(Error::new_spanned(tokens, message));
    }

    pub(crate) fn at(&mut self, span: Span, message: impl std::fmt::Display) {
        self.push(Error::new(span, message));
    }

    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.ours {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    /// Leaves a mistake to rustc, which says what is wrong with the function as it was written: one message is enough.
    pub(crate) fn left_to_rustc(&mut self) {
        self.rustcs = true;
    }

    /// Keeps the value of a successful parse, or the error of a failed one.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// One `compile_error!` per error, or nothing.
    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.ours.map(Error::into_compile_error).unwrap_or_default()
    }
}
