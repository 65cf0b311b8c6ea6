//! Options: `#[task(…)]` on the function and on its parameters.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprArray, ExprLit, Lit, LitBool, LitStr, Path, Token};

use crate::duration;
use crate::errors::Errors;
use crate::job::JobOptions;

/// What `#[task(…)]` on the function says.
#[derive(Default)]
pub(crate) struct TaskOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) register: Option<bool>,
    pub(crate) krate: Option<Path>,
    pub(crate) job: JobOptions,
}

impl TaskOptions {
    const KEYS: [&str; 12] = [
        "name",
        "tags",
        "timeout",
        "retries",
        "backoff",
        "queue",
        "priority",
        "max_concurrency",
        "unique",
        "crash_limit",
        "register",
        "crate",
    ];

    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for_each_option(tokens, &Self::KEYS, errors, |key, input, errors| {
            match key {
                "name" => options.name = Some(string(input, "task name")?),
                "tags" => options.tags = tags(input, errors)?,
                "timeout" => options.timeout = Some(timeout(&string(input, "timeout")?)?),
                "register" => options.register = Some(boolean(input, key)?),
                key if JobOptions::KEYS.contains(&key) => options.job.take(key, input)?,
                _ => options.krate = Some(crate_path(input)?),
            }
            Ok(())
        });
        options
    }
}

/// What `#[task(…)]` on a parameter says.
#[derive(Default)]
pub(crate) struct ParamOptions {
    pub(crate) default: Option<Expr>,
    pub(crate) example: Option<Expr>,
    pub(crate) rename: Option<LitStr>,
    pub(crate) secret: Option<Span>,
    pub(crate) source: Option<Source>,
}

/// The override of the choice that is otherwise made by type.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    Inject,
    Request,
}

impl ParamOptions {
    const KEYS: [&str; 6] = [
        "default", "example", "rename", "secret", "inject", "request",
    ];

    /// Reads the options of all the `#[task(…)]` of one parameter.
    pub(crate) fn parse(attributes: &[syn::Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let tokens: Vec<_> = attributes
            .iter()
            .filter_map(|attribute| errors.take(arguments(attribute)))
            .collect();
        for_each_option(
            quote::quote!(#(#tokens),*),
            &Self::KEYS,
            errors,
            |key, input, _| {
                let span = input.span();
                match key {
                    "default" => options.default = Some(value(input)?),
                    "example" => options.example = Some(value(input)?),
                    "rename" => options.rename = Some(string(input, "parameter name")?),
                    "secret" => {
                        flag(input, key)?;
                        options.secret = Some(span);
                    }
                    _ => {
                        flag(input, key)?;
                        if options.source.is_some() {
                            return Err(syn::Error::new(
                                span,
                                "`inject` and `request` exclude each other: keep one",
                            ));
                        }
                        options.source = Some(if key == "inject" {
                            Source::Inject
                        } else {
                            Source::Request
                        });
                    }
                }
                Ok(())
            },
        );
        options
    }
}

/// Splits `key = value, key, …` at its top-level commas, so that an error in one option leaves the others readable,
/// and calls `each` with every known key that was not given before.
fn for_each_option(
    tokens: TokenStream,
    known: &[&'static str],
    errors: &mut Errors,
    mut each: impl FnMut(&'static str, ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) {
    let mut seen: Vec<&'static str> = Vec::new();
    for option in split_at_commas(tokens) {
        let parse = |input: ParseStream<'_>| {
            let key = input.fork().call(Ident::parse_any).map_err(|error| {
                syn::Error::new(error.span(), format!("expected an option: {}", list(known)))
            })?;
            let text = key.to_string();
            let Some(&name) = known.iter().find(|name| **name == text) else {
                return Err(syn::Error::new(key.span(), unknown(&text, known)));
            };
            if seen.contains(&name) {
                return Err(syn::Error::new(
                    key.span(),
                    format!("`{name}` is given twice"),
                ));
            }
            seen.push(name);
            each(name, input, errors)?;
            if input.is_empty() {
                Ok(())
            } else {
                Err(input.error(format!(
                    "unexpected token after `{name}`: separate options by commas"
                )))
            }
        };
        if let Err(error) = parse.parse2(option) {
            errors.push(error);
        }
    }
}

fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut options = vec![Vec::new()];
    // A comma between angle brackets belongs to a type, as in `default = HashMap::<String, u8>::new()`.
    let mut depth = 0_usize;
    let mut previous = None;
    for token in tokens {
        if let TokenTree::Punct(punct) = &token {
            let before = previous.replace(punct.as_char());
            match punct.as_char() {
                ',' if depth == 0 => {
                    options.push(Vec::new());
                    continue;
                }
                '<' if depth > 0 || before == Some(':') => depth += 1,
                '>' if before != Some('-') && before != Some('=') => {
                    depth = depth.saturating_sub(1);
                }
                _ => {}
            }
        } else {
            previous = None;
        }
        if let Some(option) = options.last_mut() {
            option.push(token);
        }
    }
    options
        .into_iter()
        .filter(|option| !option.is_empty())
        .map(|option| option.into_iter().collect())
        .collect()
}

/// With what may have been meant: of a dozen names, the eye does not find the one that is alike.
fn unknown(option: &str, known: &[&str]) -> String {
    /// Below this, two names have little in common.
    const SIMILAR: f64 = 0.8;
    let close = known
        .iter()
        .map(|name| (strsim::jaro_winkler(option, name), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    let expected = list(known);
    match close {
        Some((_, name)) => {
            format!("unknown option `{option}`, did you mean `{name}`? Expected one of {expected}")
        }
        None => format!("unknown option `{option}`, expected one of {expected}"),
    }
}

fn list(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `key = expr`.
pub(crate) fn value(input: ParseStream<'_>) -> syn::Result<Expr> {
    let key = input.call(Ident::parse_any)?;
    if input.is_empty() {
        return Err(syn::Error::new(
            key.span(),
            format!("`{key}` needs a value: `{key} = …`"),
        ));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() {
        return Err(syn::Error::new(
            key.span(),
            format!("`{key}` needs a value: `{key} = …`"),
        ));
    }
    input.parse().map(ungrouped)
}

/// The expression without the invisible delimiters around a fragment of a `macro_rules!`.
fn ungrouped(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => ungrouped(*group.expr),
        expr => expr,
    }
}

/// `key`, and nothing after it.
fn flag(input: ParseStream<'_>, name: &str) -> syn::Result<()> {
    input.call(Ident::parse_any)?;
    if input.is_empty() {
        return Ok(());
    }
    let rest: TokenStream = input.parse()?;
    Err(syn::Error::new_spanned(
        rest,
        format!("`{name}` takes no value: write `#[task({name})]`"),
    ))
}

pub(crate) fn string(input: ParseStream<'_>, what: &str) -> syn::Result<LitStr> {
    match value(input)? {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Ok(text),
        other => Err(syn::Error::new_spanned(
            other,
            format!("the {what} must be a string literal"),
        )),
    }
}

pub(crate) fn boolean(input: ParseStream<'_>, key: &str) -> syn::Result<bool> {
    match value(input)? {
        Expr::Lit(ExprLit {
            lit: Lit::Bool(LitBool { value, .. }),
            ..
        }) => Ok(value),
        other => Err(syn::Error::new_spanned(
            other,
            format!("`{key}` is `true` or `false`"),
        )),
    }
}

fn tags(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Vec<LitStr>> {
    let elems = match value(input)? {
        Expr::Array(ExprArray { elems, .. }) => elems,
        other => {
            return Err(syn::Error::new_spanned(
                other,
                "tags are a list of string literals: `tags = [\"demo\", \"math\"]`",
            ));
        }
    };
    let mut tags: Vec<LitStr> = Vec::new();
    for element in elems.into_iter().map(ungrouped) {
        let Expr::Lit(ExprLit {
            lit: Lit::Str(tag), ..
        }) = element
        else {
            errors.on(
                element,
                "a tag must be a string literal: the list of tasks is made at compile time",
            );
            continue;
        };
        let text = tag.value();
        if text.trim().is_empty() {
            errors.on(&tag, "a tag must not be empty");
        } else if tags.iter().any(|earlier| earlier.value() == text) {
            errors.on(&tag, format!("tag `{text}` is given twice"));
        }
        tags.push(tag);
    }
    Ok(tags)
}

fn timeout(text: &LitStr) -> syn::Result<Duration> {
    match duration::parse(&text.value()) {
        Some(duration) if !duration.is_zero() => Ok(duration),
        Some(_) => Err(syn::Error::new_spanned(
            text,
            "a timeout must be longer than zero",
        )),
        None => Err(syn::Error::new_spanned(
            text,
            "a timeout is a number with a unit, `ms`, `s`, `m` or `h`: \"500ms\", \"30s\", \"1m30s\"",
        )),
    }
}

/// `crate = path`, or the same in quotes as serde spells it.
fn crate_path(input: ParseStream<'_>) -> syn::Result<Path> {
    input.call(Ident::parse_any)?;
    input.parse::<Token![=]>()?;
    if input.peek(LitStr) {
        input.parse::<LitStr>()?.parse()
    } else {
        input.call(Path::parse_mod_style)
    }
}

/// The tokens between the parentheses of an attribute.
fn arguments(attribute: &syn::Attribute) -> syn::Result<TokenStream> {
    match &attribute.meta {
        syn::Meta::List(list) => Ok(list.tokens.clone()),
        other => Err(syn::Error::new_spanned(
            other,
            "expected options in parentheses, as in `#[task(default = 1)]`",
        )),
    }
}

/// The `crate` option of `#[injectable(…)]`.
pub(crate) fn injectable_crate(attribute: &syn::Attribute, errors: &mut Errors) -> Option<Path> {
    let tokens = errors.take(arguments(attribute))?;
    let mut path = None;
    for_each_option(tokens, &["crate"], errors, |_, input, _| {
        path = Some(crate_path(input)?);
        Ok(())
    });
    path
}
