//! One parameter of a task.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, Generics, Pat, PatType, Signature, Type};

use crate::ast;
use crate::doc::{self, Doc};
use crate::errors::Errors;
use crate::options::ParamOptions;

pub(crate) struct Param {
    /// The name in the function.
    pub(crate) ident: Ident,
    /// The name the client uses.
    pub(crate) name: String,
    /// Where to underline what is wrong with the name.
    pub(crate) name_span: Span,
    /// The type as written, `&` included.
    pub(crate) written: Type,
    /// The type without `&`.
    pub(crate) inner: Type,
    pub(crate) by_ref: bool,
    pub(crate) options: ParamOptions,
    pub(crate) docs: Doc,
}

impl Param {
    /// The type whose value the call owns: the one behind a `&` is made from what the request holds.
    pub(crate) fn owned(&self) -> TokenStream {
        let inner = &self.inner;
        let unsized_behind_ref = self.by_ref
            && match inner {
                Type::Slice(_) => true,
                Type::Path(path) => path.path.segments.last().is_some_and(|last| {
                    last.arguments.is_none()
                        && ["str", "Path"].iter().any(|name| last.ident == name)
                }),
                _ => false,
            };
        if unsized_behind_ref {
            quote!(<#inner as ::std::borrow::ToOwned>::Owned)
        } else {
            inner.to_token_stream()
        }
    }
}

/// Reads the parameters and takes from the signature what rustc would refuse there: our attributes and doc comments.
pub(crate) fn take_params(sig: &mut Signature, errors: &mut Errors) -> Vec<Param> {
    let mut params = Vec::new();
    let Signature {
        inputs, generics, ..
    } = sig;
    for input in inputs {
        match input {
            FnArg::Receiver(receiver) => {
                receiver.attrs.retain(|attribute| !is_ours(attribute));
                errors.on(
                    receiver,
                    "a task is a free function: take what `self` holds as an injected parameter",
                );
            }
            FnArg::Typed(typed) => params.extend(take_param(typed, generics, errors)),
        }
    }
    params
}

/// Whether rustc refuses the attribute on a parameter, so that the macro has to take it away.
fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().is_ident("task") || doc::is_doc(attribute) || of_a_derive(attribute).is_some()
}

/// What to write instead of an attribute that only a derive knows.
fn of_a_derive(attribute: &Attribute) -> Option<String> {
    let name = attribute.path().get_ident()?.to_string();
    match name.as_str() {
        "serde" => Some(
            "`#[serde(…)]` belongs to a field of a type that derives serde's traits. For a parameter write \
             `#[task(default = …)]` or `#[task(rename = \"…\")]`; for all else give it a type of your own: \
             `#[derive(Deserialize, JsonSchema)] #[serde(transparent)] struct Name(#[serde(…)] Inner)`"
                .to_owned(),
        ),
        "garde" => Some(
            "`#[garde(…)]` belongs to a field of a type that derives `garde::Validate`. Give the parameter a type of your own, and \
             write `#[task(garde)]` beside it: `#[derive(Deserialize, JsonSchema, Validate)] #[serde(transparent)] \
             struct Name(#[garde(…)] Inner)`"
                .to_owned(),
        ),
        "schemars" | "validate" => Some(format!(
            "`#[{name}(…)]` belongs to a field of a type that is derived for. Give the parameter a type of your own: \
             `#[derive(Deserialize, JsonSchema)] #[serde(transparent)] struct Name(#[{name}(…)] Inner)`"
        )),
        _ => None,
    }
}

fn take_param(typed: &mut PatType, generics: &Generics, errors: &mut Errors) -> Option<Param> {
    let (docs, options) = take_attributes(&mut typed.attrs, errors);
    let ident = ident(&typed.pat, errors);
    let (inner, by_ref) = inner(&mut typed.ty, generics, errors);
    let ident = ident?;
    let (name, name_span) = match &options.rename {
        Some(rename) => (rename.value(), rename.span()),
        None => (Ident::unraw(ident).to_string(), ident.span()),
    };
    if name.is_empty() {
        errors.at(name_span, "a parameter's name must not be empty");
    }
    Some(Param {
        ident: ident.clone(),
        name,
        name_span,
        written: (*typed.ty).clone(),
        inner,
        by_ref,
        options,
        docs,
    })
}

/// Takes our attributes and doc comments, and says of the others what must not be there.
fn take_attributes(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> (Doc, ParamOptions) {
    let (ours, rest): (Vec<_>, Vec<_>) = attributes.drain(..).partition(is_ours);
    *attributes = rest;
    let (docs, ours): (Vec<_>, Vec<_>) = ours.into_iter().partition(doc::is_doc);
    let mut options = Vec::new();
    for attribute in ours {
        match of_a_derive(&attribute) {
            Some(instead) => errors.on(attribute, instead),
            None => options.push(attribute),
        }
    }
    let options = ParamOptions::parse(&options, errors);
    for attribute in attributes {
        if attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr") {
            errors.on(
                attribute,
                "a parameter of a task cannot be conditional: the request's shape would change with it; put `#[cfg]` on two functions instead",
            );
        }
    }
    (Doc::of(&docs), options)
}

fn ident<'a>(pattern: &'a Pat, errors: &mut Errors) -> Option<&'a Ident> {
    match pattern {
        Pat::Ident(pat) if pat.subpat.is_none() && pat.by_ref.is_none() => Some(&pat.ident),
        pattern => {
            errors.on(
                pattern,
                "a parameter of a task needs a plain name: it is the key in `params`",
            );
            None
        }
    }
}

/// The type without `&`, and whether there was one.
fn inner(ty: &mut Type, generics: &Generics, errors: &mut Errors) -> (Type, bool) {
    let Type::Reference(reference) = ungrouped(ty) else {
        return (ty.clone(), false);
    };
    if let Some(mutability) = &reference.mutability {
        errors.on(
            mutability,
            "a parameter of a task cannot be `&mut`: take it by value and return what changed",
        );
    }
    // A declared one is reported where it is declared.
    if let Some(lifetime) = &reference.lifetime
        && !ast::declares(generics, &lifetime.ident.to_string())
    {
        errors.on(
            lifetime,
            "a parameter of a task lives as long as the call: leave the lifetime out",
        );
        if lifetime.ident != "static" {
            // rustc knows of none either, and would propose to declare it.
            reference.lifetime = None;
        }
    }
    (ungrouped(&mut reference.elem).clone(), true)
}

/// The type without the invisible delimiters around a fragment of a `macro_rules!`.
fn ungrouped(ty: &mut Type) -> &mut Type {
    match ty {
        Type::Group(group) => ungrouped(&mut group.elem),
        ty => ty,
    }
}

/// The first and the last token of a type or an expression.
///
/// A span made of both underlines the whole; `quote_spanned!` with its own span underlines only its first token on a
/// stable compiler.
pub(crate) fn ends(whole: &(impl ToTokens + Spanned)) -> (Span, Span) {
    let mut tokens = whole.to_token_stream().into_iter();
    let first = tokens
        .next()
        .map_or_else(|| whole.span(), |token| token.span());
    (first, tokens.last().map_or(first, |token| token.span()))
}
