//! `backoff = "exponential(1s, max = 5m)"`.

use std::time::Duration;

use syn::LitStr;

use crate::duration;

/// How long to wait before another attempt.
pub(crate) struct Backoff {
    /// The name of the constructor.
    pub(crate) growth: &'static str,
    pub(crate) initial: Duration,
    pub(crate) longest: Option<Duration>,
}

impl Backoff {
    /// Reads `exponential(1s)`, `exponential(1s, max = 5m)`, `linear(…)` or `constant(10s)`.
    pub(super) fn parse(text: &LitStr) -> syn::Result<Self> {
        read(&text.value()).ok_or_else(|| {
            syn::Error::new_spanned(
                text,
                "a backoff is \"exponential(1s)\", \"linear(10s)\" or \"constant(30s)\"; the first two may have a longest \
                 delay, which is not shorter than the first: \"exponential(1s, max = 5m)\"",
            )
        })
    }
}

fn read(text: &str) -> Option<Backoff> {
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
        let parts =
            |text| read(text).map(|backoff| (backoff.growth, backoff.initial, backoff.longest));
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
