//! `#[derive(FailureCodes)]`.

use heck::ToKebabCase as _;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Field, Fields, Ident, Index, Member, Path, Type};

use crate::crate_path;
use crate::doc::Doc;
use crate::errors::Errors;
use crate::expand::{duration, option};
use crate::options::failure::{self, FieldOptions, VariantOptions};

pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let Some(input) = errors.take(syn::parse2::<DeriveInput>(item)) else {
        return errors.into_compile_errors();
    };
    check_generics(&input, &mut errors);
    let (variants, krate) = variants(&input, &mut errors);
    check_codes(&variants, &mut errors);
    if !errors.is_empty() {
        return errors.into_compile_errors();
    }
    expand(
        &input.ident,
        &variants,
        &crate_path::resolve(krate.as_ref()),
    )
}

/// One way to fail: a variant of an enum, or a struct.
struct Variant {
    /// How a pattern begins: `Self::Declined`.
    path: TokenStream,
    code: String,
    /// Where the code stands, or what it was made of.
    code_span: Span,
    doc: Doc,
    options: VariantOptions,
    /// Names and fields of what clients can read, and where the types of those stand.
    details: Vec<(String, Member, Span)>,
    /// The field that says how long to wait.
    retry_after: Option<(Member, Span)>,
    /// The only field of a transparent one, and its type.
    inner: Option<(Member, Type)>,
}

fn variants(input: &DeriveInput, errors: &mut Errors) -> (Vec<Variant>, Option<Path>) {
    match &input.data {
        Data::Enum(data) => {
            let krate = failure::enum_options(&input.attrs, errors);
            if data.variants.is_empty() {
                errors.on(
                    &input.ident,
                    "an error without variants never happens, so it has no codes",
                );
            }
            let variants = data.variants.iter().map(|variant| {
                let ident = &variant.ident;
                let options = VariantOptions::parse(&variant.attrs, errors);
                let path = quote!(Self::#ident);
                Variant::new(
                    path,
                    ident,
                    (&variant.attrs, &variant.fields),
                    options,
                    errors,
                )
            });
            (variants.collect(), krate)
        }
        Data::Struct(data) => {
            let (options, krate) = failure::struct_options(&input.attrs, errors);
            let parts = (input.attrs.as_slice(), &data.fields);
            let variant = Variant::new(quote!(Self), &input.ident, parts, options, errors);
            (vec![variant], krate)
        }
        Data::Union(data) => {
            errors.on(data.union_token, "codes are for enums and structs");
            (Vec::new(), None)
        }
    }
}

impl Variant {
    fn new(
        path: TokenStream,
        ident: &Ident,
        (attributes, fields): (&[Attribute], &Fields),
        options: VariantOptions,
        errors: &mut Errors,
    ) -> Self {
        let mut details: Vec<(String, Member, Span)> = Vec::new();
        let mut retry_after = None;
        for (index, field) in fields.iter().enumerate() {
            let member = field
                .ident
                .clone()
                .map_or_else(|| Member::Unnamed(Index::from(index)), Member::Named);
            let of_field = FieldOptions::parse(&field.attrs, errors);
            if let Some(span) = of_field.retry_after {
                if options.retry_after.is_some() || retry_after.is_some() {
                    errors.at(span, "`retry_after` is given twice");
                }
                retry_after = Some((member.clone(), field.ty.span()));
            }
            match of_field.detail {
                Some((span, name)) => match name.map(|name| name.value()).or_else(|| name_of(field)) {
                    Some(name) if name.is_empty() => errors.at(span, "a detail has a name: `#[failure(detail = \"…\")]`"),
                    Some(name) if details.iter().any(|(other, ..)| *other == name) => {
                        errors.at(span, format!("two details are called `{name}`: give one of them another name, by `#[failure(detail = \"…\")]`"));
                    }
                    Some(name) => details.push((name, member, field.ty.span())),
                    None => errors.at(
                        span,
                        "the field has no name: give the detail one, by `#[failure(detail = \"…\")]`",
                    ),
                },
                None if options.details.is_some() => {
                    details.extend(name_of(field).map(|name| (name, member, field.ty.span())));
                }
                None => {}
            }
        }
        if let Some(span) = options.details
            && !matches!(fields, Fields::Named(_))
        {
            errors.at(
                span,
                "`details` takes all named fields, and there are none: write `#[failure(detail = \"…\")]` on a field",
            );
        }
        if let (Some(span), true) = (
            options.permanent,
            options.retry_after.is_some() || retry_after.is_some(),
        ) {
            errors.at(
                span,
                "what is `permanent` is not tried again, so `retry_after` says nothing: leave one of them out",
            );
        }
        let inner = options
            .transparent
            .and_then(|span| inner(span, fields, &options, errors));
        let code_span = options
            .code
            .as_ref()
            .map_or(ident.span(), syn::LitStr::span);
        let code = options.code.as_ref().map_or_else(
            || ident.unraw().to_string().to_kebab_case(),
            syn::LitStr::value,
        );
        Self {
            path,
            code,
            code_span,
            doc: Doc::of(attributes),
            options,
            details,
            retry_after,
            inner,
        }
    }

    /// The code as the runtime has it.
    fn code(&self) -> TokenStream {
        let Self {
            code, doc, options, ..
        } = self;
        let permanent = options.permanent.is_some();
        let retry_after = option(options.retry_after.map(|(_, time)| duration(time)));
        let status = option(options.status.map(|status| quote!(#status)));
        quote!(__rt::failure_code(#code, #doc, #permanent, #retry_after, #status))
    }
}

fn name_of(field: &Field) -> Option<String> {
    field.ident.as_ref().map(|ident| ident.unraw().to_string())
}

/// The error in a transparent variant.
fn inner(
    span: Span,
    fields: &Fields,
    options: &VariantOptions,
    errors: &mut Errors,
) -> Option<(Member, Type)> {
    let says_more = options.code.is_some()
        || options.permanent.is_some()
        || options.retry_after.is_some()
        || options.status.is_some()
        || options.details.is_some();
    if says_more {
        errors.at(
            span,
            "what is `transparent` has all from the error inside: leave the other options out",
        );
    }
    let mut all = fields.members().zip(fields);
    match (all.next(), all.next()) {
        (Some((member, field)), None) => Some((member, field.ty.clone())),
        _ => {
            errors.at(
                span,
                "`transparent` is for one field, which is the error inside",
            );
            None
        }
    }
}

fn check_generics(input: &DeriveInput, errors: &mut Errors) {
    if let Some(lifetime) = input.generics.lifetimes().next() {
        errors.on(
            lifetime,
            "an error that a task returns cannot borrow: own what it holds",
        );
    }
    let generic = input
        .generics
        .type_params()
        .map(|param| &param.ident)
        .chain(input.generics.const_params().map(|param| &param.ident))
        .next();
    if let Some(generic) = generic {
        errors.on(
            generic,
            "codes are found by the type of the error, so a generic one cannot derive them: implement `FailureCodes` by hand, and name each type that tasks return by `failure_codes!`",
        );
    }
}

/// Clients tell variants apart by their codes.
fn check_codes(variants: &[Variant], errors: &mut Errors) {
    let coded: Vec<&Variant> = variants
        .iter()
        .filter(|variant| variant.options.transparent.is_none())
        .collect();
    for (index, variant) in coded.iter().enumerate() {
        if let Err(message) = failure::check_code(&variant.code) {
            let message = if variant.options.code.is_some() || message.contains("#[failure(") {
                message
            } else {
                format!("{message}: give it one by `#[failure(code = \"…\")]`")
            };
            errors.at(variant.code_span, message);
        } else if coded[..index]
            .iter()
            .any(|other| other.code == variant.code)
        {
            errors.at(
                variant.code_span,
                format!(
                    "two variants have the code `{}`: clients could not tell them apart",
                    variant.code
                ),
            );
        }
    }
}

/// Whether a type has the error itself in it, whose codes would be their own part.
fn names(of_type: &Type, ident: &Ident) -> bool {
    fn any(tokens: TokenStream, ident: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(name) => name == *ident || name == "Self",
            TokenTree::Group(group) => any(group.stream(), ident),
            _ => false,
        })
    }
    any(of_type.to_token_stream(), ident)
}

fn expand(ident: &Ident, variants: &[Variant], krate: &Path) -> TokenStream {
    let coded = variants.iter().filter(|variant| variant.inner.is_none());
    let own = coded.clone().map(Variant::code);
    let inside: Vec<&Type> = variants
        .iter()
        .filter_map(|variant| variant.inner.as_ref())
        .map(|(_, of_type)| of_type)
        .filter(|of_type| !names(of_type, ident))
        .collect();
    let all = if inside.is_empty() {
        quote!(&[#(#own),*])
    } else {
        quote!({
            const PARTS: &[&[__rt::FailureCode]] = &[&[#(#own),*], #(__rt::CodesOf::<#inside>::CODES),*];
            const ALL: [__rt::FailureCode; __rt::count_codes(PARTS)] = __rt::join_codes(PARTS);
            &ALL
        })
    };
    let codes = coded.clone().map(|variant| {
        let (path, code) = (&variant.path, variant.code());
        match &variant.retry_after {
            None => quote!(#path { .. } => ::core::option::Option::Some(#code)),
            Some((member, span)) => {
                let time = Ident::new("__time", *span);
                quote!(#path { #member: #time, .. } => ::core::option::Option::Some(__rt::retry_after(#code, #time)))
            }
        }
    });
    let details = coded
        .filter(|variant| !variant.details.is_empty())
        .map(|variant| {
            let path = &variant.path;
            let parts = variant.details.iter().enumerate();
            let bound: Vec<Ident> = parts
                .map(|(index, (_, _, span))| format_ident!("__{index}", span = *span))
                .collect();
            let names: Vec<&String> = variant.details.iter().map(|(name, ..)| name).collect();
            let members = variant.details.iter().map(|(_, member, _)| member);
            quote! {
                #path { #(#members: #bound,)* .. } => ::core::option::Option::Some(__rt::details([
                    #((#names, __rt::detail(#names, #bound)),)*
                ]))
            }
        });
    let wrapped = variants.iter().filter_map(|variant| {
        let (path, (member, of_type)) = (&variant.path, variant.inner.as_ref()?);
        let inner = Ident::new("__inner", of_type.span());
        let error = quote_spanned!(of_type.span()=> #inner.the_error_inside());
        Some(quote!(#path { #member: #inner } => ::core::option::Option::Some(#error)))
    });
    // That it is an error is asked of the type, so what it lacks is said at its name.
    let name = quote_spanned!(ident.span()=> #ident);
    quote! {
        #[doc(hidden)]
        const _: () = {
            use #krate::__private::scope::*;

            #[automatically_derived]
            #[allow(unreachable_patterns, deprecated)]
            impl __rt::FailureCodes for #name {
                const CODES: &'static [__rt::FailureCode] = #all;

                fn failure_code(&self) -> ::core::option::Option<__rt::FailureCode> {
                    match self {
                        #(#codes,)*
                        _ => ::core::option::Option::None,
                    }
                }

                fn details(&self) -> ::core::option::Option<__rt::JsonValue> {
                    match self {
                        #(#details,)*
                        _ => ::core::option::Option::None,
                    }
                }

                fn transparent(&self) -> ::core::option::Option<&(dyn ::core::error::Error + 'static)> {
                    match self {
                        #(#wrapped,)*
                        _ => ::core::option::Option::None,
                    }
                }
            }

            __rt::inventory::submit! { __rt::CodedError::of::<#ident>() }
        };
    }
}
