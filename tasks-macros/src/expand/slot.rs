//! The slot of a parameter, and where its value comes from.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, ExprLit, Lit};

use super::constraints::constraints;
use super::tokens::option;
use crate::options::Source;
use crate::param::{self, Param};
use crate::{print, signature};

pub(super) fn slot(param: &Param) -> TokenStream {
    let ty = param.owned();
    let ends = param::ends(&param.inner);
    let at_type = source(param, &ty, ends);
    let parameter = parameter(param);
    let options = &param.options;
    let is_plain = options.default.is_none()
        && options.example.is_none()
        && options.secret.is_none()
        && options.constraints.is_empty()
        && options.garde.is_none();
    if is_plain {
        return call_at(ends, "slot", quote!(#at_type, #parameter));
    }
    let default = option(options.default.as_ref().map(|value| {
        let value = value_fn(value, &ty);
        quote!(__rt::Default { value: #value, json: <__rt::JsonProbe<#ty>>::__TASK_JSON })
    }));
    let example = option(options.example.as_ref().map(|value| {
        let made = value_fn(value, &ty);
        // A value that does not serialize is reported where it is written.
        let source = source(param, &ty, param::ends(value));
        quote!(__rt::example(#source, #made))
    }));
    let arguments = quote!(#at_type, #parameter, #default, #example);
    call_at(ends, "request_slot", arguments)
}

/// A call that is underlined from `first` to `last`, so that rustc has nothing to say of `#[task]`.
fn call_at((first, last): (Span, Span), function: &str, arguments: TokenStream) -> TokenStream {
    let function = Ident::new(function, first);
    let path = quote_spanned!(first=> __rt::#function);
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments);
    arguments.set_span(last);
    quote!(#path #arguments)
}

/// Where the value comes from: chosen by type, unless the parameter says otherwise. An error is underlined
/// from `first` to `last`.
pub(super) fn source(param: &Param, ty: &TokenStream, (first, last): (Span, Span)) -> TokenStream {
    let open = quote_spanned!(first=> <);
    match param.options.source {
        None => {
            let constant = quote_spanned!(last=> __TASK_SOURCE);
            quote!(#open __rt::Probe<#ty>>::#constant)
        }
        Some(Source::Inject) => {
            let constant = quote_spanned!(last=> FORCED);
            quote!(#open __rt::Injected<#ty>>::#constant)
        }
        Some(Source::Request) => {
            let constant = quote_spanned!(last=> FORCED);
            quote!(#open __rt::Requested<#ty>>::#constant)
        }
    }
}

/// A `fn() -> T`, so that the expression is evaluated per call.
fn value_fn(value: &Expr, ty: &TokenStream) -> TokenStream {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            attrs,
        }) if attrs.is_empty() => {
            let convert = quote_spanned!(text.span()=> <__rt::TextProbe<#ty>>::__task_text(#text));
            quote!(|| -> #ty { #convert })
        }
        value => quote!(|| -> #ty { #value }),
    }
}

fn parameter(param: &Param) -> TokenStream {
    let name = &param.name;
    let annotation = print::ty(&param.written);
    let description = &param.docs;
    let default = option(signature::default(param).map(ToTokens::into_token_stream));
    let secret = param.options.secret.is_some();
    let constraints = constraints(&param.options.constraints, &param.owned());
    quote! {
        __rt::Parameter {
            name: #name, annotation: #annotation, description: #description, default: #default, secret: #secret,
            constraints: #constraints,
        }
    }
}
