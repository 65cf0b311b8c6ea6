//! What all options have in common: `key`, or `key = value`, separated by commas.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, Lit, LitBool, LitStr, Path, Token};

use crate::errors::Errors;

/// The keys that one attribute knows. [`keys!`] makes such an enum.
pub(super) trait Key: Copy + PartialEq + 'static {
    /// All of them, in the order in which messages list them.
    const ALL: &'static [Self];

    /// The key as it is written.
    fn name(self) -> &'static str;

    /// Where a key belongs that is not one of these, if it is known elsewhere.
    fn elsewhere(_key: &str) -> Option<String> {
        None
    }
}

/// Whether an attribute knows a key.
pub(super) fn knows<K: Key>(key: &str) -> bool {
    K::ALL.iter().any(|known| known.name() == key)
}

/// Defines an enum of keys, each with its spelling: a key that is added has to be read, too, or the `match` does not compile.
macro_rules! keys {
    ($(#[$attribute:meta])* $name:ident { $($key:ident = $text:literal,)* } $(else $elsewhere:path)?) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, PartialEq)]
        enum $name {
            $($key,)*
        }

        impl $crate::options::parse::Key for $name {
            const ALL: &'static [Self] = &[$(Self::$key,)*];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$key => $text,)*
                }
            }

            $(fn elsewhere(key: &str) -> Option<String> {
                $elsewhere(key)
            })?
        }
    };
}
pub(super) use keys;

/// Splits `key = value, key, …` at its top-level commas, so that an error in one option leaves the others readable,
/// and calls `each` with every known key that was not given before.
pub(super) fn for_each_option<K: Key>(
    tokens: TokenStream,
    errors: &mut Errors,
    mut each: impl FnMut(K, ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) {
    let mut seen: Vec<K> = Vec::new();
    for option in split_at_commas(tokens) {
        let parse = |input: ParseStream<'_>| {
            let ident = input.fork().call(Ident::parse_any).map_err(|error| {
                syn::Error::new(error.span(), format!("expected an option: {}", list::<K>()))
            })?;
            let text = ident.to_string();
            let Some(&key) = K::ALL.iter().find(|key| key.name() == text) else {
                return Err(syn::Error::new(ident.span(), unknown::<K>(&text)));
            };
            let name = key.name();
            if seen.contains(&key) {
                return Err(syn::Error::new(
                    ident.span(),
                    format!("`{name}` is given twice"),
                ));
            }
            seen.push(key);
            each(key, input, errors)?;
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
fn unknown<K: Key>(option: &str) -> String {
    /// Below this, two names have little in common.
    const SIMILAR: f64 = 0.8;
    if let Some(place) = K::elsewhere(option) {
        return place;
    }
    let close = K::ALL
        .iter()
        .map(|key| (strsim::jaro_winkler(option, key.name()), key.name()))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    let expected = list::<K>();
    match close {
        Some((_, name)) => {
            format!("unknown option `{option}`, did you mean `{name}`? Expected one of {expected}")
        }
        None => format!("unknown option `{option}`, expected one of {expected}"),
    }
}

fn list<K: Key>() -> String {
    K::ALL
        .iter()
        .map(|key| format!("`{}`", key.name()))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `key = expr`.
pub(super) fn value(input: ParseStream<'_>) -> syn::Result<Expr> {
    let key = input.call(Ident::parse_any)?;
    if input.is_empty() {
        return Err(syn::Error::new(
            key.span(),
            format!("`{key}` needs a value: `{key} = …`"),
        ));
    }
    if !input.peek(Token![=]) {
        return Err(input.error(format!("the value of `{key}` follows `=`: `{key} = …`")));
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
pub(super) fn ungrouped(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => ungrouped(*group.expr),
        expr => expr,
    }
}

/// `key`, and nothing after it, in an attribute of this name.
pub(super) fn flag(input: ParseStream<'_>, attribute: &str) -> syn::Result<Span> {
    let name = input.call(Ident::parse_any)?;
    if input.is_empty() {
        return Ok(name.span());
    }
    let rest: TokenStream = input.parse()?;
    Err(syn::Error::new_spanned(
        rest,
        format!("`{name}` takes no value: write `#[{attribute}({name})]`"),
    ))
}

pub(super) fn string(input: ParseStream<'_>, what: &str) -> syn::Result<LitStr> {
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

pub(super) fn boolean(input: ParseStream<'_>, key: impl Key) -> syn::Result<bool> {
    match value(input)? {
        Expr::Lit(ExprLit {
            lit: Lit::Bool(LitBool { value, .. }),
            ..
        }) => Ok(value),
        other => Err(syn::Error::new_spanned(
            other,
            format!("`{}` is `true` or `false`", key.name()),
        )),
    }
}

/// `key`, which means true, or `key = true` or `key = false`. Where it is, too.
pub(super) fn switch(input: ParseStream<'_>, key: impl Key) -> syn::Result<(bool, Span)> {
    let span = input.span();
    if input.peek2(Token![=]) {
        return Ok((boolean(input, key)?, span));
    }
    input.call(Ident::parse_any)?;
    Ok((true, span))
}

/// `key = number`, from `least` to `most`.
pub(super) fn number(
    input: ParseStream<'_>,
    key: impl Key,
    least: u32,
    most: u32,
) -> syn::Result<u32> {
    let value = value(input)?;
    let number = match &value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => number.base10_parse::<u32>().ok(),
        _ => None,
    };
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            syn::Error::new_spanned(
                value,
                format!("`{}` is a number from {least} to {most}", key.name()),
            )
        })
}

/// `crate = path`, or the same in quotes as serde spells it.
pub(super) fn crate_path(input: ParseStream<'_>) -> syn::Result<Path> {
    input.call(Ident::parse_any)?;
    input.parse::<Token![=]>()?;
    if input.peek(LitStr) {
        input.parse::<LitStr>()?.parse()
    } else {
        input.call(Path::parse_mod_style)
    }
}

/// The tokens between the parentheses of an attribute, which looks like the example.
pub(super) fn arguments(attribute: &syn::Attribute, example: &str) -> syn::Result<TokenStream> {
    match &attribute.meta {
        syn::Meta::List(list) => Ok(list.tokens.clone()),
        other => Err(syn::Error::new_spanned(
            other,
            format!("expected options in parentheses, as in `{example}`"),
        )),
    }
}
