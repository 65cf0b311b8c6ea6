//! Options of `#[task(…)]` about background jobs.

use std::time::Duration;

use syn::parse::ParseStream;
use syn::{Expr, ExprLit, ExprUnary, Lit, LitInt, LitStr, UnOp};

use crate::attr;
use crate::duration;

/// What `#[task(…)]` says of background jobs.
#[derive(Default)]
pub(crate) struct JobOptions {
    pub(crate) retries: Option<u32>,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) queue: Option<LitStr>,
    pub(crate) priority: Option<i32>,
    pub(crate) max_concurrency: Option<u32>,
    pub(crate) unique: bool,
    pub(crate) crash_limit: Option<u32>,
}

/// How long to wait before another attempt.
pub(crate) struct Backoff {
    /// The name of the constructor.
    pub(crate) growth: &'static str,
    pub(crate) initial: Duration,
    pub(crate) longest: Option<Duration>,
}

impl JobOptions {
    pub(crate) const KEYS: [&'static str; 7] = [
        "retries",
        "backoff",
        "queue",
        "priority",
        "max_concurrency",
        "unique",
        "crash_limit",
    ];

    /// Reads one of them.
    pub(crate) fn take(&mut self, key: &str, input: ParseStream<'_>) -> syn::Result<()> {
        match key {
            "retries" => self.retries = Some(number(input, key, 0, 999)?),
            "backoff" => self.backoff = Some(backoff(&attr::string(input, "backoff")?)?),
            "queue" => self.queue = Some(queue(attr::string(input, "queue")?)?),
            "priority" => self.priority = Some(priority(input)?),
            "max_concurrency" => {
                self.max_concurrency = Some(number(input, key, 1, 100_000)?);
            }
            "crash_limit" => self.crash_limit = Some(number(input, key, 1, 1000)?),
            _ => self.unique = unique(input)?,
        }
        Ok(())
    }
}

fn number(input: ParseStream<'_>, key: &str, least: u32, most: u32) -> syn::Result<u32> {
    let value = attr::value(input)?;
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
            syn::Error::new_spanned(value, format!("`{key}` is a number from {least} to {most}"))
        })
}

fn priority(input: ParseStream<'_>) -> syn::Result<i32> {
    let value = attr::value(input)?;
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

fn queue(name: LitStr) -> syn::Result<LitStr> {
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
fn unique(input: ParseStream<'_>) -> syn::Result<bool> {
    if input.peek2(syn::Token![=]) {
        let what = attr::string(input, "scope of `unique`")?;
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

/// `exponential(1s)`, `exponential(1s, max = 5m)`, `linear(…)`, `constant(10s)`.
fn backoff(text: &LitStr) -> syn::Result<Backoff> {
    let spelled = text.value();
    parse_backoff(&spelled).ok_or_else(|| {
        syn::Error::new_spanned(
            text,
            "a backoff is \"exponential(1s)\", \"linear(10s)\" or \"constant(30s)\"; the first two may have a longest \
             delay, which is not shorter than the first: \"exponential(1s, max = 5m)\"",
        )
    })
}

fn parse_backoff(text: &str) -> Option<Backoff> {
    let (name, arguments) = text.trim().strip_suffix(')')?.split_once('(')?;
    let growth = match name.trim() {
        "exponential" => "exponential",
        "linear" => "linear",
        "constant" => "constant",
        _ => return None,
    };
    let (initial, longest) = match arguments.split_once(',') {
        None => (arguments, None),
        Some((initial, rest)) => {
            let longest = rest
                .trim()
                .strip_prefix("max")?
                .trim_start()
                .strip_prefix('=')?;
            (initial, Some(duration::parse(longest.trim())?))
        }
    };
    let initial = duration::parse(initial.trim())?;
    let longest = if growth == "constant" {
        if longest.is_some() {
            return None;
        }
        Some(initial)
    } else {
        longest
    };
    let in_order = longest.is_none_or(|longest| longest >= initial);
    (in_order && !initial.is_zero()).then_some(Backoff {
        growth,
        initial,
        longest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoffs() {
        let parts = |text| {
            parse_backoff(text).map(|backoff| (backoff.growth, backoff.initial, backoff.longest))
        };
        let seconds = Duration::from_secs;
        assert_eq!(
            parts("exponential(1s)"),
            Some(("exponential", seconds(1), None))
        );
        assert_eq!(
            parts(" linear( 2s , max=5m ) "),
            Some(("linear", seconds(2), Some(seconds(300))))
        );
        assert_eq!(
            parts("constant(10s)"),
            Some(("constant", seconds(10), Some(seconds(10))))
        );
        for bad in [
            "",
            "exponential",
            "exponential()",
            "exponential(0s)",
            "exponential(1)",
            "exponential(5s, max = 1s)",
            "exponential(1s, min = 1s)",
            "constant(1s, max = 2s)",
            "random(1s)",
            "exponential(1s",
        ] {
            assert!(parts(bad).is_none(), "{bad}");
        }
    }
}
