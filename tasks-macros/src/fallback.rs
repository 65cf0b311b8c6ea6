//! What is emitted beside compile errors.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{FnArg, Type, parse_quote};

use crate::ast::TaskFn;
use crate::errors::Errors;

/// The function as the user meant it, so that nothing that calls it reports a second error, and the IDE goes on.
pub(crate) fn function(mut function: TaskFn, errors: Errors) -> TokenStream {
    // What was reported and rustc would report again.
    function.sig.variadic = None;
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(typed) = input
            && let Type::TraitObject(object) = &*typed.ty
        {
            *typed.ty = parse_quote!(::std::sync::Arc<#object>);
        }
    }
    let errors = errors.into_compile_errors();
    quote!(#function #errors)
}

/// The item untouched, when it could not even be read.
pub(crate) fn item(item: &TokenStream, errors: Errors) -> TokenStream {
    let errors = errors.into_compile_errors();
    quote!(#item #errors)
}
