//! The annotated item as the macro sees it.

use proc_macro2::TokenStream;
use quote::{ToTokens, TokenStreamExt};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Generics, Signature, Visibility};

/// A function whose body is never parsed: a half-typed body must not take the rest of the expansion down, and its
/// tokens keep their spans.
pub(crate) struct TaskFn {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: TokenStream,
}

impl Parse for TaskFn {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let start = input.span();
        let ahead = input.fork();
        let sig = input.parse().map_err(|error| {
            if is_function(&ahead) {
                error
            } else {
                syn::Error::new(
                    start,
                    "`#[task]` goes on a function: `#[task] async fn greet(name: String) -> String { … }`",
                )
            }
        })?;
        Ok(Self {
            attrs,
            vis,
            sig,
            body: input.parse()?,
        })
    }
}

/// Whether the tokens begin like a function, however broken the rest of it is.
fn is_function(input: ParseStream<'_>) -> bool {
    use syn::{Abi, Token};
    let qualifiers = (|| -> syn::Result<()> {
        input.parse::<Option<Token![const]>>()?;
        input.parse::<Option<Token![async]>>()?;
        input.parse::<Option<Token![unsafe]>>()?;
        input.parse::<Option<Abi>>()?;
        Ok(())
    })();
    qualifiers.is_ok() && input.peek(Token![fn])
}

impl ToTokens for TaskFn {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append_all(&self.attrs);
        self.vis.to_tokens(tokens);
        self.sig.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}

/// Whether a function has a lifetime parameter of this name, given without its `'`.
pub(crate) fn declares(generics: &Generics, lifetime: &str) -> bool {
    generics
        .lifetimes()
        .any(|param| param.lifetime.ident == lifetime)
}
