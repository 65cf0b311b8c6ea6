//! SPDX licence expressions, and the `A/B` that old packages write for `A OR B`.

use anyhow::{Result, bail};

/// Whether a licence expression can be met with the licences that `allowed` accepts. `A WITH B` is one licence.
pub(super) fn allows(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    let expression = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut parser = Parser {
        words: expression.split_ascii_whitespace().peekable(),
        allowed,
    };
    let answer = parser.alternatives()?;
    match parser.words.next() {
        None => Ok(answer),
        Some(word) => bail!("unexpected `{word}`"),
    }
}

struct Parser<'a, W: Iterator<Item = &'a str>> {
    words: std::iter::Peekable<W>,
    allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a, W: Iterator<Item = &'a str>> Parser<'a, W> {
    fn alternatives(&mut self) -> Result<bool> {
        let mut any = self.together()?;
        while self.words.next_if_eq(&"OR").is_some() {
            any |= self.together()?;
        }
        Ok(any)
    }

    /// `AND` binds tighter than `OR`.
    fn together(&mut self) -> Result<bool> {
        let mut all = self.one()?;
        while self.words.next_if_eq(&"AND").is_some() {
            all &= self.one()?;
        }
        Ok(all)
    }

    fn one(&mut self) -> Result<bool> {
        match self.words.next() {
            None => bail!("it ends too early"),
            Some("(") => {
                let inner = self.alternatives()?;
                if self.words.next() != Some(")") {
                    bail!("a `)` is missing");
                }
                Ok(inner)
            }
            Some(word @ (")" | "OR" | "AND" | "WITH")) => bail!("unexpected `{word}`"),
            Some(licence) if self.words.next_if_eq(&"WITH").is_some() => match self.words.next() {
                Some(exception) => Ok((self.allowed)(&format!("{licence} WITH {exception}"))),
                None => bail!("it ends too early"),
            },
            Some(licence) => Ok((self.allowed)(licence)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mit_and_bsd(expression: &str) -> Option<bool> {
        allows(expression, &|licence| {
            ["MIT", "BSD-3-Clause"].contains(&licence)
        })
        .ok()
    }

    #[test]
    fn expressions_mean_what_spdx_says() {
        for (expression, expected) in [
            ("MIT", true),
            ("mit", false),
            ("MIT OR GPL-2.0", true),
            ("GPL-2.0 OR MIT", true),
            ("GPL-2.0/MIT", true),
            ("GPL-2.0 / MIT", true),
            ("MIT AND GPL-2.0", false),
            ("MIT AND GPL-2.0 OR BSD-3-Clause", true),
            ("GPL-2.0 OR MIT AND GPL-3.0", false),
            ("(GPL-2.0 OR MIT) AND BSD-3-Clause", true),
            ("MIT AND (GPL-2.0 OR (BSD-3-Clause AND GPL-3.0))", false),
            ("MIT WITH LLVM-exception", false),
            ("GPL-2.0 WITH Classpath-exception-2.0 OR MIT", true),
        ] {
            assert_eq!(with_mit_and_bsd(expression), Some(expected), "{expression}");
        }
    }

    #[test]
    fn broken_expressions_are_errors() {
        for expression in [
            "",
            "MIT OR",
            "OR MIT",
            "(MIT",
            "MIT)",
            "MIT Apache-2.0",
            "MIT WITH",
            "()",
        ] {
            assert_eq!(with_mit_and_bsd(expression), None, "{expression:?}");
        }
    }
}
