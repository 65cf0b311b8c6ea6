//! `range(…)`, `length(…)` and the other constraints of a parameter.

use proc_macro2::{Ident, Span, TokenStream};
use regex_syntax::hir::{Hir, HirKind};
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, ExprUnary, Lit, LitStr, Token, UnOp, token};

use super::parse::{self, Key, for_each_option, keys};
use crate::errors::Errors;

keys! {
    RangeKey {
        Min = "min",
        Max = "max",
        ExclusiveMin = "exclusive_min",
        ExclusiveMax = "exclusive_max",
    }
}

keys! {
    LengthKey {
        Min = "min",
        Max = "max",
        Equal = "equal",
    }
}

keys! {
    ItemKey {
        Range = "range",
        MultipleOf = "multiple_of",
        Length = "length",
        Pattern = "pattern",
        Format = "format",
        OneOf = "one_of",
        Items = "items",
        Unique = "unique",
    }
}

/// Formats that are enforced, by their names in JSON Schema. The runtime has the same list.
const FORMATS: [&str; 13] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "json-pointer",
    "regex",
    "time",
    "uri",
    "uri-reference",
    "uuid",
];

/// One constraint, and where it is written.
pub(crate) struct Constraint {
    pub(crate) span: Span,
    pub(crate) kind: ConstraintKind,
}

pub(crate) enum ConstraintKind {
    /// The name of a bound in the runtime, and its value.
    Bound(&'static str, Expr),
    Length {
        min: Option<Expr>,
        max: Option<Expr>,
    },
    Pattern(LitStr),
    Format(LitStr),
    OneOf(Vec<Expr>),
    Unique,
    Items(Vec<Constraint>),
}

/// `range(min = 1, max = 100)`.
pub(super) fn range(
    input: ParseStream<'_>,
    errors: &mut Errors,
    to: &mut Vec<Constraint>,
) -> syn::Result<()> {
    let (_, tokens) = parentheses(input, "range(min = 1, max = 100)")?;
    let (mut min, mut max) = (None, None);
    for_each_option(tokens, errors, |key: RangeKey, input, errors| {
        let key_span = input.span();
        let value = parse::value(input)?;
        let (name, excluded) = match key {
            RangeKey::Min => ("Minimum", &mut min),
            RangeKey::Max => ("Maximum", &mut max),
            RangeKey::ExclusiveMin => ("ExclusiveMinimum", &mut min),
            RangeKey::ExclusiveMax => ("ExclusiveMaximum", &mut max),
        };
        if excluded.is_some() {
            errors.at(
                key_span,
                format!(
                    "`{}` and its exclusive form exclude each other: keep one",
                    key.name().trim_start_matches("exclusive_")
                ),
            );
        }
        *excluded = Some((key_span, name, value));
        Ok(())
    });
    if let (Some((_, least, min)), Some((_, most, max))) = (&min, &max)
        && let (Some(from), Some(to)) = (literal(min), literal(max))
    {
        let is_open = least.starts_with("Exclusive") || most.starts_with("Exclusive");
        if from > to || is_open && from >= to {
            errors.on(max, "no number is in this range: `max` is below `min`");
        }
    }
    for (span, name, value) in [min, max].into_iter().flatten() {
        to.push(Constraint {
            span,
            kind: ConstraintKind::Bound(name, value),
        });
    }
    Ok(())
}

/// `length(min = 1, max = 80)`, or `length(equal = 5)`.
pub(super) fn length(
    input: ParseStream<'_>,
    errors: &mut Errors,
    to: &mut Vec<Constraint>,
) -> syn::Result<()> {
    let (span, tokens) = parentheses(input, "length(min = 1, max = 80)")?;
    let (mut min, mut max) = (None, None);
    for_each_option(tokens, errors, |key: LengthKey, input, _| {
        let key_span = input.span();
        let value = parse::value(input)?;
        if let Some(number) = literal(&value)
            && (number < 0.0 || number.fract() != 0.0)
        {
            return Err(syn::Error::new_spanned(
                value,
                "a length is an integer from 0 on",
            ));
        }
        match key {
            LengthKey::Min if min.is_none() => min = Some(value),
            LengthKey::Max if max.is_none() => max = Some(value),
            LengthKey::Equal if min.is_none() && max.is_none() => {
                min = Some(value.clone());
                max = Some(value);
            }
            LengthKey::Min | LengthKey::Max | LengthKey::Equal => {
                return Err(syn::Error::new(
                    key_span,
                    "`equal` says both `min` and `max`: keep one of them",
                ));
            }
        }
        Ok(())
    });
    if let (Some(min), Some(max)) = (&min, &max)
        && let (Some(from), Some(to)) = (literal(min), literal(max))
        && from > to
    {
        errors.on(max, "nothing is that long: `max` is below `min`");
    }
    if min.is_some() || max.is_some() {
        to.push(Constraint {
            span,
            kind: ConstraintKind::Length { min, max },
        });
    }
    Ok(())
}

/// `multiple_of = 5`.
pub(super) fn multiple_of(input: ParseStream<'_>) -> syn::Result<Constraint> {
    let span = input.span();
    let value = parse::value(input)?;
    if literal(&value).is_some_and(|number| number <= 0.0) {
        return Err(syn::Error::new_spanned(
            value,
            "`multiple_of` is a number above 0",
        ));
    }
    Ok(Constraint {
        span,
        kind: ConstraintKind::Bound("MultipleOf", value),
    })
}

/// How many characters a pattern may have with its repetitions written out. The runtime has the same limit.
const MAX_POSITIONS: usize = 1000;

/// How many it has. The runtime counts in the same way.
fn positions(expression: &Hir) -> usize {
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(text) => text.0.len(),
        HirKind::Class(_) => 1,
        HirKind::Capture(group) => positions(&group.sub),
        HirKind::Repetition(repeated) => {
            let times = repeated.max.unwrap_or(repeated.min).max(1);
            positions(&repeated.sub).saturating_mul(usize::try_from(times).unwrap_or(usize::MAX))
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts
            .iter()
            .fold(0, |sum: usize, part| sum.saturating_add(positions(part))),
    }
}

/// `pattern = "^[a-z]+$"`.
pub(super) fn pattern(input: ParseStream<'_>) -> syn::Result<Constraint> {
    let span = input.span();
    let pattern = parse::string(input, "pattern")?;
    let error = match regex_syntax::parse(&pattern.value()) {
        Ok(expression) => match positions(&expression) {
            0..=MAX_POSITIONS => None,
            positions => Some(format!(
                "too large: with its repetitions written out it has {positions} characters, and may have {MAX_POSITIONS}, for each takes \
                 time with each byte of a text; limit lengths with `length(max = …)` beside a pattern without counted repetitions"
            )),
        },
        Err(error) => {
            let words = error.to_string();
            let last = words.lines().last().unwrap_or_default();
            Some(format!(
                "not a regular expression: {}",
                last.trim_start_matches("error: ")
            ))
        }
    };
    if let Some(error) = error {
        return Err(syn::Error::new(pattern.span(), error));
    }
    Ok(Constraint {
        span,
        kind: ConstraintKind::Pattern(pattern),
    })
}

/// `format = "email"`.
pub(super) fn format(input: ParseStream<'_>) -> syn::Result<Constraint> {
    let span = input.span();
    let format = parse::string(input, "format")?;
    let name = format.value();
    if !FORMATS.contains(&name.as_str()) {
        let list: Vec<String> = FORMATS.iter().map(|name| format!("`{name}`")).collect();
        return Err(syn::Error::new(
            format.span(),
            format!(
                "unknown format `{name}`, expected one of {}",
                list.join(", ")
            ),
        ));
    }
    Ok(Constraint {
        span,
        kind: ConstraintKind::Format(format),
    })
}

/// `one_of("draft", "final")`.
pub(super) fn one_of(input: ParseStream<'_>) -> syn::Result<Constraint> {
    let (span, tokens) = parentheses(input, "one_of(\"draft\", \"final\")")?;
    let values = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens)?;
    Ok(Constraint {
        span,
        kind: ConstraintKind::OneOf(values.into_iter().map(parse::ungrouped).collect()),
    })
}

/// `unique`.
pub(super) fn unique(input: ParseStream<'_>) -> syn::Result<Constraint> {
    Ok(Constraint {
        span: parse::flag(input, "task")?,
        kind: ConstraintKind::Unique,
    })
}

/// `items(length(max = 20))`: what each item of a list has to keep.
pub(super) fn items(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Constraint> {
    let (span, tokens) = parentheses(input, "items(length(min = 1))")?;
    let mut constraints = Vec::new();
    for_each_option(tokens, errors, |key: ItemKey, input, errors| {
        let constraint = match key {
            ItemKey::Range => return range(input, errors, &mut constraints),
            ItemKey::Length => return length(input, errors, &mut constraints),
            ItemKey::MultipleOf => multiple_of(input)?,
            ItemKey::Pattern => pattern(input)?,
            ItemKey::Format => format(input)?,
            ItemKey::OneOf => one_of(input)?,
            ItemKey::Items => items(input, errors)?,
            ItemKey::Unique => unique(input)?,
        };
        constraints.push(constraint);
        Ok(())
    });
    Ok(Constraint {
        span,
        kind: ConstraintKind::Items(constraints),
    })
}

/// `key(…)`: where the key is, and what is between the parentheses, which is not nothing.
fn parentheses(input: ParseStream<'_>, example: &str) -> syn::Result<(Span, TokenStream)> {
    let key: Ident = input.parse()?;
    let needs = || syn::Error::new(key.span(), format!("`{key}` needs options: `{example}`"));
    if !input.peek(token::Paren) {
        return Err(needs());
    }
    let content;
    syn::parenthesized!(content in input);
    if content.is_empty() {
        return Err(needs());
    }
    Ok((key.span(), content.parse()?))
}

/// The number of a literal; other expressions are not known yet.
fn literal(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => number.base10_parse().ok(),
        Expr::Lit(ExprLit {
            lit: Lit::Float(number),
            ..
        }) => number.base10_parse().ok(),
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => literal(expr).map(|number| -number),
        _ => None,
    }
}
