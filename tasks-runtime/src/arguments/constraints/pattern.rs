//! Regular expressions of JSON Schema, which are those of ECMA-262 (JSON Schema Core, section 6.4).

use std::fmt::Write as _;
use std::sync::OnceLock;

use regex::Regex;
use regex_automata::hybrid::dfa::DFA;

use super::expression::{MAX_POSITIONS, automaton, positions};

/// One that is compiled.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// As it is written.
    pub(super) text: String,
    pub(super) regex: Regex,
    /// How much it takes to look for it, at worst: so many steps for each byte.
    pub(super) positions: usize,
    /// As the crate `regex` writes it.
    translated: String,
    automaton: OnceLock<Option<Box<DFA>>>,
}

impl Pattern {
    /// Compiles an expression; the error says why it is none, or none that can be used.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let compiled = translate(text).and_then(|rust| {
            let positions = positions(&rust).map_err(|error| last_line(&error.to_string()))?;
            if positions > MAX_POSITIONS {
                return Err(format!(
                    "it is too large: with its repetitions written out it has {positions} characters, and may have {MAX_POSITIONS}, for \
                     each takes time with each byte of a text. {REMEDY}"
                ));
            }
            Ok((compile(&rust)?, positions, rust))
        });
        let (regex, positions, translated) =
            compiled.map_err(|why| format!("the pattern `{text}` cannot be used: {why}"))?;
        Ok(Self {
            text: text.to_owned(),
            regex,
            positions,
            translated,
            automaton: OnceLock::new(),
        })
    }

    /// An automaton that stops where it is slow.
    pub(super) fn automaton(&self) -> Option<&DFA> {
        self.automaton
            .get_or_init(|| automaton(&self.translated))
            .as_deref()
    }
}

/// Whether a text is an expression.
pub(super) fn is_expression(text: &str) -> bool {
    translate(text).is_ok_and(|rust| compile(&rust).is_ok())
}

/// What to do about an expression that is too large.
const REMEDY: &str =
    "Limit lengths with `length(max = …)` beside a pattern without counted repetitions";

/// Compiles an expression of the crate `regex`; the error says what is wrong with it.
fn compile(expression: &str) -> Result<Regex, String> {
    Regex::new(expression).map_err(|error| match error {
        regex::Error::Syntax(words) => last_line(&words),
        regex::Error::CompiledTooBig(bytes) => {
            format!("it is too large: compiled, it has more than {bytes} bytes. {REMEDY}")
        }
        other => other.to_string(),
    })
}

/// What is wrong, without the drawing of where.
fn last_line(words: &str) -> String {
    let line = words.lines().last().unwrap_or(words);
    line.trim_start_matches("error: ").to_owned()
}

const DIGIT: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
/// White space and ends of lines (ECMA-262, section 22.2.2.9).
const SPACE: &str = r"\t\n\x0b\x0c\r \u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";

/// An expression of ECMA-262 as one of the crate `regex`, which reads some of the same characters as other things.
fn translate(text: &str) -> Result<String, String> {
    let mut rust = String::with_capacity(text.len() + 16);
    let mut in_class = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let Some(escaped) = chars.next() else {
                    return Err("it ends with `\\`".to_owned());
                };
                escape(escaped, in_class, &mut rust)?;
            }
            '[' if in_class => rust.push_str(r"\["),
            '[' => {
                in_class = true;
                rust.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    rust.push('^');
                }
                // Nothing, and anything: `regex` would take the bracket for a member.
                if chars.peek() == Some(&']') {
                    return Err("a class in brackets is empty".to_owned());
                }
            }
            ']' if in_class => {
                in_class = false;
                rust.push(']');
            }
            // `regex` knows operations on sets.
            '-' if in_class && chars.peek() == Some(&'-') => rust.push_str(r"\-"),
            '&' | '~' if in_class => {
                rust.push('\\');
                rust.push(c);
            }
            '.' if !in_class => rust.push_str(r"[^\n\r\u{2028}\u{2029}]"),
            '(' if !in_class && chars.peek() == Some(&'?') => {
                rust.push('(');
                group(&mut chars, &mut rust)?;
            }
            c => rust.push(c),
        }
    }
    Ok(rust)
}

fn escape(escaped: char, in_class: bool, rust: &mut String) -> Result<(), String> {
    let (set, negated) = match escaped {
        'd' => (DIGIT, false),
        'D' => (DIGIT, true),
        'w' => (WORD, false),
        'W' => (WORD, true),
        's' => (SPACE, false),
        'S' => (SPACE, true),
        'b' if in_class => {
            rust.push_str(r"\x08");
            return Ok(());
        }
        'b' | 'B' => {
            // Words of ASCII alone.
            let _ = write!(rust, r"(?-u:\{escaped})");
            return Ok(());
        }
        '1'..='9' => return Err(format!("the back-reference `\\{escaped}` is not supported")),
        'A' | 'z' | 'Z' | 'a' | 'U' => {
            return Err(format!("`\\{escaped}` is no escape of ECMA-262"));
        }
        other => {
            rust.push('\\');
            rust.push(other);
            return Ok(());
        }
    };
    let _ = match (in_class, negated) {
        (true, false) => write!(rust, "{set}"),
        (_, true) => write!(rust, "[^{set}]"),
        (false, false) => write!(rust, "[{set}]"),
    };
    Ok(())
}

/// What follows `(`, from `?` on.
fn group(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    rust: &mut String,
) -> Result<(), String> {
    chars.next();
    let mut ahead = chars.clone();
    match (ahead.next(), ahead.next()) {
        (Some('='), _) => return Err("look-ahead `(?=…)` is not supported".to_owned()),
        (Some('!'), _) => return Err("look-ahead `(?!…)` is not supported".to_owned()),
        (Some('<'), Some('=' | '!')) => return Err("look-behind is not supported".to_owned()),
        (Some(':' | '<'), _) => {}
        _ => return Err("flags in the expression are none of ECMA-262".to_owned()),
    }
    rust.push('?');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_mean_what_ecma_says() {
        for (pattern, yes, no) in [
            (r"^\d+$", "12", "١٢"),
            (r"^\w+$", "az_9", "é"),
            (r"^[\w-]+$", "a-b", "é"),
            (r"^[^\s]$", "a", "\u{feff}"),
            (r"^\S+$", "é", "a b"),
            (r"^.$", "é", "\u{2028}"),
            (r"^[[]$", "[", "]"),
            (r"^[a&&b]+$", "a&b", "c"),
            (r"^\u00e9$", "é", "e"),
            (r"\bé", "aé", "é"),
            (r"^(?:ab|c)(?<n>d)$", "cd", "ad"),
            (r"^\p{L}+$", "éß", "1"),
            (r"^a\/b$", "a/b", "ab"),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert!(pattern.regex.is_match(yes), "{pattern:?} {yes}");
            assert!(!pattern.regex.is_match(no), "{pattern:?} {no}");
        }
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (pattern, why) in [
            ("[a", "unclosed character class"),
            ("(?=a)", "look-ahead"),
            ("(?<!a)b", "look-behind"),
            (r"(a)\1", "back-reference"),
            ("(?i)a", "flags"),
            ("[]", "empty"),
            ("a{9999999}", "too large"),
        ] {
            let error = Pattern::new(pattern).unwrap_err();
            assert!(error.contains(why), "{pattern}: {error}");
        }
    }
}
