//! `#[task(…)]` on a parameter.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{Attribute, Expr, LitStr};

use super::parse::{self, for_each_option, keys};
use crate::errors::Errors;

keys! {
    ParamKey {
        Default = "default",
        Example = "example",
        Rename = "rename",
        Secret = "secret",
        Inject = "inject",
        Request = "request",
    }
}

/// What `#[task(…)]` on a parameter says.
#[derive(Default)]
pub(crate) struct ParamOptions {
    pub(crate) default: Option<Expr>,
    pub(crate) example: Option<Expr>,
    pub(crate) rename: Option<LitStr>,
    /// Where `secret` is written.
    pub(crate) secret: Option<Span>,
    pub(crate) source: Option<Source>,
}

/// The override of the choice that is otherwise made by type.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    Inject,
    Request,
}

impl ParamOptions {
    /// Reads the options of all the `#[task(…)]` of one parameter.
    pub(crate) fn parse(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let tokens: Vec<_> = attributes
            .iter()
            .filter_map(|attribute| errors.take(parse::arguments(attribute)))
            .collect();
        for_each_option(quote::quote!(#(#tokens),*), errors, |key, input, _| {
            options.read(key, input)
        });
        options
    }

    fn read(&mut self, key: ParamKey, input: ParseStream<'_>) -> syn::Result<()> {
        match key {
            ParamKey::Default => self.default = Some(parse::value(input)?),
            ParamKey::Example => self.example = Some(parse::value(input)?),
            ParamKey::Rename => self.rename = Some(parse::string(input, "parameter name")?),
            ParamKey::Secret => self.secret = Some(parse::flag(input)?),
            ParamKey::Inject => self.come_from(Source::Inject, input)?,
            ParamKey::Request => self.come_from(Source::Request, input)?,
        }
        Ok(())
    }

    fn come_from(&mut self, source: Source, input: ParseStream<'_>) -> syn::Result<()> {
        let span = parse::flag(input)?;
        if self.source.is_some() {
            return Err(syn::Error::new(
                span,
                "`inject` and `request` exclude each other: keep one",
            ));
        }
        self.source = Some(source);
        Ok(())
    }
}
