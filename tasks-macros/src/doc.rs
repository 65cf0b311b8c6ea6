//! Doc comments.

use proc_macro2::TokenStream;
use quote::{ToTokens, TokenStreamExt, quote};
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of the `#[doc]` attributes of an item.
#[derive(Default)]
pub(crate) struct Doc(Vec<DocPart>);

enum DocPart {
    /// Lines as they are written, de-indented by what they share.
    Text(String),
    /// `include_str!("…")`, `concat!(…)` or another macro that gives a text, which the compiler knows and the macro does not.
    Macro(TokenStream),
}

impl Doc {
    pub(crate) fn of<'a>(attrs: impl IntoIterator<Item = &'a Attribute>) -> Self {
        let mut parts = Vec::new();
        let mut lines = Vec::new();
        for attribute in attrs {
            let Meta::NameValue(meta) = &attribute.meta else {
                continue;
            };
            if !is_doc(attribute) {
                continue;
            }
            match &meta.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) if text.value().is_empty() => lines.push(String::new()),
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => lines.extend(text.value().lines().map(str::to_owned)),
                Expr::Macro(text) => {
                    parts.extend(take_text(&mut lines));
                    parts.push(DocPart::Macro(text.to_token_stream()));
                }
                _ => {}
            }
        }
        parts.extend(take_text(&mut lines));
        Self(parts)
    }
}

fn take_text(lines: &mut Vec<String>) -> Option<DocPart> {
    let text = unindented(&std::mem::take(lines));
    (!text.is_empty()).then_some(DocPart::Text(text))
}

/// The lines without the indentation they share, and without blank ones around them.
fn unindented(lines: &[String]) -> String {
    let indent = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let lines: Vec<&str> = lines
        .iter()
        .map(|line| line.get(indent..).unwrap_or("").trim_end())
        .collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// An `Option<&'static str>`.
impl ToTokens for Doc {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let value = match self.0.as_slice() {
            [] => quote!(::core::option::Option::None),
            [DocPart::Text(text)] => quote!(::core::option::Option::Some(#text)),
            parts => {
                let parts = parts.iter().map(|part| match part {
                    DocPart::Text(text) => text.to_token_stream(),
                    DocPart::Macro(text) => text.clone(),
                });
                quote!(__rt::documentation(::core::concat!(#(#parts, "\n"),*)))
            }
        };
        tokens.append_all(value);
    }
}

pub(crate) fn is_doc(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc")
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn tokens(attrs: &[Attribute]) -> String {
        Doc::of(attrs).to_token_stream().to_string()
    }

    fn some(text: &str) -> String {
        quote!(::core::option::Option::Some(#text)).to_string()
    }

    #[test]
    fn comments_lose_the_indentation_they_share() {
        let attrs: Vec<Attribute> = vec![
            parse_quote!(#[doc = " Adds."]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = "   - indented "]),
        ];
        assert_eq!(tokens(&attrs), some("Adds.\n\n  - indented"));
    }

    #[test]
    fn block_comments_are_read_by_the_line() {
        let attrs: Vec<Attribute> = vec![parse_quote!(#[doc = "\n  First.\n\n    Second.\n  "])];
        assert_eq!(tokens(&attrs), some("First.\n\n  Second."));
    }

    #[test]
    fn other_attributes_are_left_alone() {
        let attrs: Vec<Attribute> = vec![parse_quote!(#[inline]), parse_quote!(#[doc(hidden)])];
        assert_eq!(
            tokens(&attrs),
            quote!(::core::option::Option::None).to_string()
        );
    }
}
