//! Doc comments.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of the `#[doc]` attributes: de-indented, without blank lines around it.
pub(crate) fn text<'a>(attrs: impl IntoIterator<Item = &'a Attribute>) -> String {
    let lines: Vec<String> = attrs
        .into_iter()
        .filter_map(line)
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
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

pub(crate) fn is_doc(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc")
}

fn line(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(meta) if is_doc(attribute) => match &meta.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(if text.value().is_empty() {
                "\n".to_owned()
            } else {
                text.value()
            }),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn comments_lose_the_indentation_they_share() {
        let attrs: Vec<Attribute> = vec![
            parse_quote!(#[doc = " Adds."]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = "   - indented "]),
        ];
        assert_eq!(text(&attrs), "Adds.\n\n  - indented");
    }

    #[test]
    fn block_comments_are_read_by_the_line() {
        let attrs: Vec<Attribute> = vec![parse_quote!(#[doc = "\n  First.\n\n    Second.\n  "])];
        assert_eq!(text(&attrs), "First.\n\n  Second.");
    }

    #[test]
    fn other_attributes_are_left_alone() {
        let attrs: Vec<Attribute> = vec![parse_quote!(#[inline]), parse_quote!(#[doc(hidden)])];
        assert_eq!(text(&attrs), "");
    }
}
