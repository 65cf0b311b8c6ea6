//! Tokens back to text as a person would have written it.
//!
//! The text of a span is not used: a type or a default that comes out of a `macro_rules!` has none, and line breaks
//! within it would end up in the metadata. What `TokenStream` prints by itself has blanks between all tokens.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Type;

/// A type as text.
pub(crate) fn ty(ty: &Type) -> String {
    Printer {
        angles: 0,
        types: true,
        ..Printer::default()
    }
    .print(ty.to_token_stream())
}

/// An expression as text.
pub(crate) fn expr(expr: &impl ToTokens) -> String {
    Printer::default().print(expr.to_token_stream())
}

/// What was printed last, as far as it decides whether a blank follows.
#[derive(Clone, Copy, Default, PartialEq)]
enum Last {
    /// Nothing, an opening delimiter or a prefix operator: no blank follows.
    #[default]
    Open,
    /// An identifier, a literal or a closing delimiter.
    Operand,
    /// A word after which a blank follows even before a parenthesis.
    Keyword,
    /// `,` `;` `:` or a binary operator: a blank follows.
    Gap,
}

#[derive(Default)]
struct Printer {
    text: String,
    last: Last,
    /// Open angle brackets that are known to belong to generics.
    angles: usize,
    /// Whether every `<` opens generics.
    types: bool,
    /// Whether a closure's parameters are being printed.
    closure: bool,
}

impl Printer {
    fn print(mut self, tokens: TokenStream) -> String {
        self.stream(tokens);
        self.text
    }

    fn stream(&mut self, tokens: TokenStream) {
        let mut operator = String::new();
        for token in tokens {
            match token {
                TokenTree::Punct(punct) => {
                    operator.push(punct.as_char());
                    // `<`, `>` and `&` come glued to their neighbours (`>>`, `&&'a`, `<&`), yet stand alone in types.
                    let alone = matches!(punct.as_char(), '<' | '>' | '&' | '?' | ',' | ';')
                        && (self.types || self.angles > 0);
                    if punct.spacing() == Spacing::Alone
                        || (alone && !matches!(operator.as_str(), "-" | "="))
                        || operator == "'"
                    {
                        self.operator(&std::mem::take(&mut operator));
                    }
                }
                TokenTree::Ident(ident) => self.word(&ident.to_string()),
                TokenTree::Literal(literal) => self.word(&literal.to_string()),
                TokenTree::Group(group) => self.group(group.delimiter(), group.stream()),
            }
        }
        if !operator.is_empty() {
            self.operator(&operator);
        }
    }

    fn word(&mut self, word: &str) {
        if self.last != Last::Open {
            self.blank();
        }
        self.text.push_str(word);
        self.last = match word {
            "as" | "dyn" | "else" | "for" | "if" | "impl" | "in" | "match" | "move" | "mut"
            | "return" => Last::Keyword,
            _ => Last::Operand,
        };
    }

    fn group(&mut self, delimiter: Delimiter, inner: TokenStream) {
        let (open, close) = match delimiter {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::Brace if inner.is_empty() => ("{", "}"),
            Delimiter::Brace => ("{ ", " }"),
            Delimiter::None => return self.stream(inner),
        };
        let touches = self.last == Last::Operand && delimiter != Delimiter::Brace;
        if self.last != Last::Open && !touches {
            self.blank();
        }
        self.text.push_str(open);
        let outer = (
            std::mem::take(&mut self.angles),
            std::mem::take(&mut self.closure),
        );
        self.last = Last::Open;
        self.stream(inner);
        (self.angles, self.closure) = outer;
        self.text.push_str(close);
        self.last = Last::Operand;
    }

    fn operator(&mut self, operator: &str) {
        let prefix = self.last != Last::Operand;
        match operator {
            "," | ";" | ":" => self.put(operator, Last::Gap),
            "::" | "." | ".." | "..=" => {
                if prefix && self.last != Last::Open {
                    self.blank();
                }
                self.put(operator, Last::Open);
            }
            "'" => {
                if self.last != Last::Open {
                    self.blank();
                }
                self.put(operator, Last::Open);
            }
            "<" if self.types || prefix || self.text.ends_with("::") || self.angles > 0 => {
                if prefix && self.last != Last::Open {
                    self.blank();
                }
                self.angles += 1;
                self.put(operator, Last::Open);
            }
            ">" if self.types || self.angles > 0 => {
                self.angles = self.angles.saturating_sub(1);
                self.put(operator, Last::Operand);
            }
            "|" if prefix && !self.closure => {
                if self.last != Last::Open {
                    self.blank();
                }
                self.closure = true;
                self.put(operator, Last::Open);
            }
            "|" if self.closure => {
                self.closure = false;
                self.put(operator, Last::Gap);
            }
            // `x?` and `vec![…]`
            "?" | "!" if !prefix => self.put(operator, Last::Operand),
            // `!done`, `-1`, `*x`, `&x`
            "!" | "-" | "*" | "&" | "?" | "#" | "$" | "||" if prefix => {
                if self.last != Last::Open {
                    self.blank();
                }
                self.put(
                    operator,
                    if operator == "||" {
                        Last::Gap
                    } else {
                        Last::Open
                    },
                );
            }
            _ => {
                if !prefix || self.last == Last::Gap {
                    self.blank();
                }
                self.put(operator, Last::Gap);
            }
        }
    }

    fn put(&mut self, text: &str, last: Last) {
        self.text.push_str(text);
        self.last = last;
    }

    fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(' ') {
            self.text.push(' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text is its own expectation: printing what was parsed from it gives it back.
    #[test]
    fn types_come_back_as_written() {
        for text in [
            "String",
            "Option<u32>",
            "&str",
            "&[String]",
            "Result<Greeting, anyhow::Error>",
            "std::collections::BTreeMap<String, Vec<Option<u8>>>",
            "(i64, f64)",
            "()",
            "[u8; 4]",
            "Arc<dyn Mailer + Send + Sync>",
            "&'static str",
            "Box<dyn std::error::Error + Send + Sync>",
            "<Vec<u8> as IntoIterator>::Item",
            "fn(u8, &str) -> Option<u8>",
            "Box<dyn Fn(&str) -> Vec<u8> + 'static>",
            "r#type::Name",
            "&&str",
            "Wrapper<-1, { 1 + 2 }>",
            "Box<dyn Iterator<Item = u8> + ?Sized>",
            "*const u8",
            "!",
        ] {
            let ty: Type = syn::parse_str(text).unwrap();
            assert_eq!(super::ty(&ty), text);
        }
    }

    #[test]
    fn expressions_come_back_as_written() {
        for text in [
            "\"World\"",
            "5",
            "-1",
            "1.5",
            "true",
            "!true",
            "Vec::new()",
            "vec![1, 2, 3]",
            "Duration::from_secs(30)",
            "a + b * c",
            "a - 1",
            "-a - -1",
            "HashMap::<String, u8>::new()",
            "a < b && c > d",
            "|x| x + 1",
            "|x, y| { x }",
            "|| 1",
            "Point { x: 1, y: 2 }",
            "if a { 1 } else { 2 }",
            "&*TEXT",
            "(1, 2)",
            "x as u8",
            "1..10",
            "..",
            "std::env::var(\"HOME\").unwrap_or_default()",
            "<u8 as Default>::default()",
            "format!(\"{}-{}\", 1, 2)",
            "b\"bytes\".to_vec()",
            "'c'",
            "x?.y",
            "matches!(x, Some(_))",
            "[0; 4]",
        ] {
            let expr: syn::Expr = syn::parse_str(text).unwrap();
            assert_eq!(super::expr(&expr), text);
        }
    }

    #[test]
    fn white_space_is_normalised() {
        let ty: Type = syn::parse_str("Result < Vec<\n   u8 > ,String>").unwrap();
        assert_eq!(super::ty(&ty), "Result<Vec<u8>, String>");
    }
}
