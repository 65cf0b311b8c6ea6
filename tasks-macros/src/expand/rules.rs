//! The rules of a task: `validate` and `garde`.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::slot::source;
use super::tokens::located_at;
use crate::options::Validate;
use crate::param::{self, Param};

/// The rules beyond a schema, which look at the values in the cells, and what they need; nothing when there are none.
pub(super) fn rules(
    params: &[Param],
    cells: &[Ident],
    validate: Option<&Validate>,
) -> Option<TokenStream> {
    let marked = params
        .iter()
        .zip(cells)
        .enumerate()
        .filter_map(|(index, (param, cell))| {
            let span = param.options.garde?;
            let ty = located_at(param.owned(), span);
            Some((
                quote_spanned!(span=> __validation.garde::<#ty>(#index, #cell.value());),
                quote_spanned!(span=> (#index, __rt::garde_requires::<#ty>)),
            ))
        });
    let (garde, requires): (Vec<_>, Vec<_>) = marked.unzip();
    let rule = validate.map(|validate| rule(params, cells, validate));
    if garde.is_empty() && rule.is_none() {
        return None;
    }
    Some(quote!({ #(#garde)* #rule }, &[#(#requires),*]))
}

/// What asks the user's rule.
fn rule(params: &[Param], cells: &[Ident], validate: &Validate) -> TokenStream {
    let params = params.iter().zip(cells);
    let given = |param: &Param, cell: &Ident, span: Span| {
        let ty = param.owned();
        let source = source(param, &ty, (span, span));
        // With its type, so that a `&String` becomes the `&str` that is asked for.
        let given = quote_spanned!(span=> __rt::given::<#ty, _>);
        located_at(quote!(#given(#source, #cell)), span)
    };
    match validate {
        // All is underlined where the function is named: a rule that takes something else is reported there.
        Validate::All(path) => {
            let (first, last) = param::ends(path);
            let values = params.map(|(param, cell)| given(param, cell, first));
            let mut arguments = Group::new(Delimiter::Parenthesis, quote!(#(#values),*));
            arguments.set_span(last);
            quote!(__validation.rule(#path #arguments);)
        }
        Validate::Call(call) => {
            let names = validate.names();
            let bound = params.filter_map(|(param, cell)| {
                let mention = names.iter().find(|name| **name == param.ident)?;
                let (ident, inner) = (&param.ident, &param.inner);
                let value = given(param, cell, mention.span());
                Some(quote!(let #ident: &#inner = #value;))
            });
            quote!({ #(#bound)* __validation.rule(#call); })
        }
    }
}
