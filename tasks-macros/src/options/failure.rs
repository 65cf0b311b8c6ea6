//! `#[failure(…)]` on an error, its variants and their fields.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Path};

use super::parse::{self, for_each_option, keys};
use crate::duration;
use crate::errors::Errors;

/// How long a code may be.
const MAX_CODE: usize = 64;

/// The longest delay of a job.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// What the framework says of failures that are not errors of a task's.
pub(crate) const RESERVED: [&str; 12] = [
    "panic",
    "timeout",
    "not-finite",
    "not-serializable",
    "internal",
    "not-run",
    "result-too-large",
    "result-not-stored",
    "old-task-version",
    "crash",
    "lost",
    "damaged",
];

keys! {
    EnumKey {
        Crate = "crate",
    } else of_a_variant
}

keys! {
    VariantKey {
        Code = "code",
        Permanent = "permanent",
        RetryAfter = "retry_after",
        Status = "status",
        Details = "details",
        Transparent = "transparent",
    }
}

keys! {
    /// A struct is an error with one variant.
    StructKey {
        Code = "code",
        Permanent = "permanent",
        RetryAfter = "retry_after",
        Status = "status",
        Details = "details",
        Transparent = "transparent",
        Crate = "crate",
    }
}

keys! {
    FieldKey {
        Detail = "detail",
        RetryAfter = "retry_after",
    }
}

fn of_a_variant(key: &str) -> Option<String> {
    let is_one = parse::knows::<VariantKey>(key);
    is_one.then(|| {
        format!("`{key}` is an option of a variant: write it in a `#[failure(…)]` before each")
    })
}

/// What `#[failure(…)]` says of a variant, or of a struct.
#[derive(Default)]
pub(crate) struct VariantOptions {
    pub(crate) code: Option<LitStr>,
    pub(crate) permanent: Option<Span>,
    pub(crate) retry_after: Option<(Span, Duration)>,
    pub(crate) status: Option<u16>,
    /// All named fields are details.
    pub(crate) details: Option<Span>,
    /// The code is that of the error inside.
    pub(crate) transparent: Option<Span>,
}

/// What `#[failure(…)]` says of a field.
#[derive(Default)]
pub(crate) struct FieldOptions {
    /// Its name in the details, if that is not the field's own.
    pub(crate) detail: Option<(Span, Option<LitStr>)>,
    /// It says how long to wait.
    pub(crate) retry_after: Option<Span>,
}

/// Where the runtime is, as an enum says.
pub(crate) fn enum_options(attributes: &[Attribute], errors: &mut Errors) -> Option<Path> {
    let mut krate = None;
    let tokens = ours(attributes, "#[failure(crate = path)]", errors);
    for_each_option(tokens, errors, |key, input, _| {
        match key {
            EnumKey::Crate => krate = Some(parse::crate_path(input)?),
        }
        Ok(())
    });
    krate
}

/// What a struct says of its one code, and where the runtime is.
pub(crate) fn struct_options(
    attributes: &[Attribute],
    errors: &mut Errors,
) -> (VariantOptions, Option<Path>) {
    let mut options = VariantOptions::default();
    let mut krate = None;
    let tokens = ours(attributes, EXAMPLE, errors);
    for_each_option(tokens, errors, |key, input, _| {
        let key = match key {
            StructKey::Crate => {
                krate = Some(parse::crate_path(input)?);
                return Ok(());
            }
            StructKey::Code => VariantKey::Code,
            StructKey::Permanent => VariantKey::Permanent,
            StructKey::RetryAfter => VariantKey::RetryAfter,
            StructKey::Status => VariantKey::Status,
            StructKey::Details => VariantKey::Details,
            StructKey::Transparent => VariantKey::Transparent,
        };
        options.read(key, input)
    });
    (options, krate)
}

impl VariantOptions {
    pub(crate) fn parse(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let tokens = ours(attributes, EXAMPLE, errors);
        for_each_option(tokens, errors, |key, input, _| options.read(key, input));
        options
    }

    fn read(&mut self, key: VariantKey, input: ParseStream<'_>) -> syn::Result<()> {
        match key {
            VariantKey::Code => self.code = Some(code(parse::string(input, "code")?)?),
            VariantKey::Permanent => self.permanent = Some(parse::flag(input, "failure")?),
            VariantKey::RetryAfter => {
                let text = parse::string(input, "time")?;
                let time = duration::parse(&text.value()).ok_or_else(|| {
                    syn::Error::new_spanned(
                        &text,
                        "not a duration: write `500ms`, `30s`, `5m`, `2h` or a sum as `1m30s`",
                    )
                })?;
                if time > MAX_RETRY_AFTER {
                    return Err(syn::Error::new(text.span(), "is more than ten years"));
                }
                self.retry_after = Some((text.span(), time));
            }
            VariantKey::Status => self.status = Some(status(input)?),
            VariantKey::Details => self.details = Some(parse::flag(input, "failure")?),
            VariantKey::Transparent => self.transparent = Some(parse::flag(input, "failure")?),
        }
        Ok(())
    }
}

impl FieldOptions {
    pub(crate) fn parse(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let tokens = ours(attributes, "#[failure(detail)]", errors);
        for_each_option(tokens, errors, |key, input, _| {
            match key {
                FieldKey::Detail => {
                    let span = input.fork().parse::<Ident>()?.span();
                    let name = if input.peek2(syn::Token![=]) {
                        Some(parse::string(input, "name of the detail")?)
                    } else {
                        parse::flag(input, "failure")?;
                        None
                    };
                    options.detail = Some((span, name));
                }
                FieldKey::RetryAfter => {
                    options.retry_after = Some(parse::flag(input, "failure")?);
                }
            }
            Ok(())
        });
        options
    }
}

const EXAMPLE: &str = "#[failure(code = \"card-declined\")]";

/// The options of all `#[failure(…)]` of one item.
fn ours(attributes: &[Attribute], example: &str, errors: &mut Errors) -> TokenStream {
    let tokens: Vec<TokenStream> = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("failure"))
        .filter_map(|attribute| errors.take(parse::arguments(attribute, example)))
        .collect();
    quote!(#(#tokens),*)
}

fn code(literal: LitStr) -> syn::Result<LitStr> {
    check_code(&literal.value()).map_err(|message| syn::Error::new(literal.span(), message))?;
    Ok(literal)
}

/// Says what is wrong with a code.
pub(crate) fn check_code(code: &str) -> Result<(), String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if code.is_empty() || code.len() > MAX_CODE || !code.chars().all(is_allowed) {
        return Err(format!(
            "a code has 1 to {MAX_CODE} ASCII letters, digits, `-`, `_`, `.` and `:`, as in `card-declined`"
        ));
    }
    if RESERVED.contains(&code) {
        return Err(format!(
            "`{code}` is a code of the framework's own: choose another one, by `#[failure(code = \"…\")]`"
        ));
    }
    Ok(())
}

fn status(input: ParseStream<'_>) -> syn::Result<u16> {
    let value = parse::value(input)?;
    let number = match &value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => number.base10_parse::<u16>().ok(),
        _ => None,
    };
    number
        .filter(|number| (400..600).contains(number))
        .ok_or_else(|| {
            syn::Error::new(
                value.span(),
                "`status` is the HTTP status of an error, a number from 400 to 599",
            )
        })
}
