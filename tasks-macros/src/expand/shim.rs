//! The shim of a task.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{ReturnType, Signature, Type};

use super::rules::rules;
use super::slot::slot;
use crate::options::Validate;
use crate::param::{self, Param};

/// The code that decodes, injects and calls. The runtime has it, generic over the function and the slots; what it cannot
/// know is how the values become arguments, which a closure says.
pub(super) fn shim(sig: &Signature, params: &[Param], validate: Option<&Validate>) -> TokenStream {
    let ident = &sig.ident;
    let slots = list(params.iter().map(slot));
    let names: Vec<_> = (0..params.len())
        .map(|index| format_ident!("__{index}"))
        .collect();
    let cells = list(names.iter().map(Ident::to_token_stream));
    let borrows = params.iter().any(|param| param.by_ref);
    let asynchronous = sig.asyncness.is_some();
    let call = if asynchronous && borrows {
        let arguments = params.iter().zip(&names).map(|(param, name)| {
            if param.by_ref {
                quote!(&#name)
            } else {
                quote!(#name)
            }
        });
        // The future owns what the function borrows.
        quote!({
            #(let #names = #names.take();)*
            async move { #ident(#(#arguments),*).await }
        })
    } else {
        let arguments = params.iter().zip(&names).map(|(param, name)| {
            if param.by_ref {
                quote!(&#name.take())
            } else {
                quote!(#name.take())
            }
        });
        quote!(#ident(#(#arguments),*))
    };
    let call = quote!(|#cells| #call);
    let finish = finish(sig);
    let output = output_type(sig);
    let schema =
        quote!(|__generator| <__rt::TaskReturn<#output>>::__TASK_OUTPUT.__task_schema(__generator));
    let error = quote!(<__rt::TaskReturn<#output>>::__TASK_ERROR);
    let inner = quote!(#ident, #slots, #call, #finish, #schema, #error);
    // A future that is not `Send` is reported at this call: underline the function's name, not `#[task]`.
    let at = ident.span();
    let shim = if asynchronous {
        quote_spanned!(at=> &__rt::asynchronous(#inner))
    } else {
        quote_spanned!(at=> &__rt::blocking(#inner))
    };
    match rules(params, &names, validate) {
        Some(rules) => quote!(#shim.validated(|#cells, __validation| #rules)),
        None => shim,
    }
}

/// `(a, (b, ()))`.
fn list(items: impl DoubleEndedIterator<Item = TokenStream>) -> TokenStream {
    items
        .rev()
        .fold(quote!(()), |rest, item| quote!((#item, #rest)))
}

/// The function that turns what the task returned into an outcome.
fn finish(sig: &Signature) -> TokenStream {
    match &sig.output {
        ReturnType::Default => quote!(<__rt::TaskReturn<()>>::__task_finish),
        ReturnType::Type(_, ty) => {
            let (first, last) = param::ends(ty);
            let open = quote_spanned!(first=> <__rt::TaskReturn<);
            let method = quote_spanned!(last=> >>::__task_finish);
            quote!(#open #ty #method)
        }
    }
}

fn output_type(sig: &Signature) -> TokenStream {
    match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => Type::to_token_stream(ty),
    }
}
