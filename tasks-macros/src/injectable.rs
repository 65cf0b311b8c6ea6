//! `#[derive(Injectable)]`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use crate::crate_path;
use crate::errors::Errors;
use crate::options::InjectableOptions;

pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let Some(input) = errors.take(syn::parse2::<DeriveInput>(item)) else {
        return errors.into_compile_errors();
    };
    let options = InjectableOptions::parse(&input.attrs, &mut errors);
    if let Some(lifetime) = input.generics.lifetimes().next() {
        errors.on(
            lifetime,
            "an injectable type outlives every call, so it cannot borrow: hold an `Arc` instead",
        );
    }
    if !errors.is_empty() {
        return errors.into_compile_errors();
    }
    let krate = crate_path::resolve(options.krate.as_ref());
    let mut ident = input.ident.clone();
    if input
        .attrs
        .iter()
        .any(|attribute| attribute.path().is_ident("deprecated"))
    {
        // As generated code, which rustc does not take for a use of the type.
        ident.set_span(Span::call_site().located_at(ident.span()));
    }
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let predicates = where_clause.map(|clause| &clause.predicates);
    // The bound is on `Self`, so a type that is not `Send` is refused here, at its name.
    let bound = quote_spanned!(ident.span()=> Self: ::core::marker::Send + 'static);
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::Injectable for #ident #ty_generics where #bound, #predicates {
            fn requires(requirements: &mut #krate::Requirements) {
                #krate::Requirements::require::<Self>(requirements);
            }
            fn inject(injector: &#krate::Injector<'_>) -> #krate::Injection<Self> {
                #krate::Injector::value::<Self>(injector)
            }
        }
    }
}
