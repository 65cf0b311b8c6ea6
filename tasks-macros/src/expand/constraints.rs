//! The constraints of a parameter.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::tokens::located_at;
use crate::options::{Constraint, ConstraintKind};

/// What the values of a type have to keep. A type that a constraint is not for is reported where the constraint is written.
pub(super) fn constraints(constraints: &[Constraint], ty: &TokenStream) -> TokenStream {
    let constraints = constraints.iter().map(|Constraint { span, kind }| {
        let span = *span;
        let ty = located_at(ty.clone(), span);
        let function = |name: &str| {
            let name = Ident::new(name, span);
            quote_spanned!(span=> __rt::#name::<#ty>)
        };
        match kind {
            ConstraintKind::Bound(name, value) => {
                let name = Ident::new(name, Span::call_site());
                let bound = quote_spanned!(span=> __rt::bound::<<#ty as __rt::RangeParam>::Bound>);
                quote!(__rt::Constraint::#name(|| #bound(#value)))
            }
            ConstraintKind::Length { min, max } => {
                let min = min.as_ref().map_or(quote!(0), ToTokens::to_token_stream);
                let max = max.as_ref().map_or(
                    quote!(::core::primitive::usize::MAX),
                    ToTokens::to_token_stream,
                );
                let length = function("length");
                quote!(#length(#min, #max))
            }
            ConstraintKind::Pattern(pattern) => {
                let function = function("pattern");
                quote!(#function(#pattern))
            }
            ConstraintKind::Format(format) => {
                let function = function("format");
                quote!(#function(#format))
            }
            ConstraintKind::OneOf(values) => {
                let choices =
                    quote_spanned!(span=> __rt::choices::<<#ty as __rt::ChoiceParam>::Choice>);
                quote!(__rt::Constraint::OneOf(|| #choices(&[#(#values),*])))
            }
            ConstraintKind::Unique => {
                let unique = function("unique");
                quote!(#unique())
            }
            ConstraintKind::Items(inner) => {
                let item = quote_spanned!(span=> <#ty as __rt::ItemsParam>::Item);
                let inner = self::constraints(inner, &item);
                let items = function("items");
                quote!(#items(#inner))
            }
        }
    });
    quote!(&[#(#constraints),*])
}
