//! The part of `#[task(…)]` that is about background jobs.

use syn::parse::ParseStream;
use syn::{Expr, ExprLit, ExprUnary, Lit, LitInt, LitStr, UnOp};

use super::backoff::Backoff;
use super::events::EventOption;
use super::flow::FlowOptions;
use super::parse;

/// What `#[task(…)]` says of background jobs.
#[derive(Default)]
pub(crate) struct JobOptions {
    pub(crate) retries: Option<u32>,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) queue: Option<LitStr>,
    pub(crate) priority: Option<i32>,
    pub(crate) max_concurrency: Option<u32>,
    pub(crate) flow: FlowOptions,
    pub(crate) unique: bool,
    pub(crate) crash_limit: Option<u32>,
    pub(crate) version: Option<u32>,
    /// Whether it fails jobs of older versions, and where that is said.
    pub(crate) old_versions: Option<(bool, LitStr)>,
    pub(crate) events: Vec<EventOption>,
}

/// `priority = -5`.
pub(super) fn priority(input: ParseStream<'_>) -> syn::Result<i32> {
    let value = parse::value(input)?;
    let integer = |number: &LitInt| number.base10_parse::<i32>().ok();
    let number = match &value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => integer(number),
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => match expr.as_ref() {
            Expr::Lit(ExprLit {
                lit: Lit::Int(number),
                ..
            }) => integer(number).map(|number| -number),
            _ => None,
        },
        _ => None,
    };
    number.ok_or_else(|| {
        syn::Error::new_spanned(
            value,
            "`priority` is an integer: jobs of a higher one go first",
        )
    })
}

/// A name of 1 to 64 letters, digits, `_` and `-`.
pub(super) fn queue(name: LitStr) -> syn::Result<LitStr> {
    let text = name.value();
    let well_formed = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if well_formed {
        Ok(name)
    } else {
        Err(syn::Error::new_spanned(
            name,
            "a queue has a name of 1 to 64 letters, digits, `_` and `-`",
        ))
    }
}

/// `unique`, or `unique = "params"`.
pub(super) fn unique(input: ParseStream<'_>) -> syn::Result<bool> {
    if input.peek2(syn::Token![=]) {
        let what = parse::string(input, "scope of `unique`")?;
        if what.value() == "params" {
            return Ok(true);
        }
        return Err(syn::Error::new_spanned(
            what,
            "a job is unique by its parameters: write `unique = \"params\"`",
        ));
    }
    input.call(<syn::Ident as syn::ext::IdentExt>::parse_any)?;
    Ok(true)
}

/// `old_versions = "fail"`.
pub(super) fn old_versions(input: ParseStream<'_>) -> syn::Result<(bool, LitStr)> {
    let what = parse::string(input, "treatment of old versions")?;
    match what.value().as_str() {
        "wait" => Ok((false, what)),
        "fail" => Ok((true, what)),
        _ => Err(syn::Error::new_spanned(
            what,
            "a job whose steps are of an older version waits for a worker that has it, or fails: write `old_versions = \"wait\"` or `\"fail\"`",
        )),
    }
}
