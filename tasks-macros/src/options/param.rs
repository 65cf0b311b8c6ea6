//! `#[task(…)]` on a parameter.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{Attribute, Expr, LitStr};

use super::constraints::{self, Constraint};
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
        Range = "range",
        MultipleOf = "multiple_of",
        Length = "length",
        Pattern = "pattern",
        Format = "format",
        OneOf = "one_of",
        Items = "items",
        Unique = "unique",
        Garde = "garde",
    }
}

/// Whether this is an option of a parameter.
pub(super) fn is_option(key: &str) -> bool {
    parse::knows::<ParamKey>(key)
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
    pub(crate) constraints: Vec<Constraint>,
    /// Where `garde` is written.
    pub(crate) garde: Option<Span>,
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
            .filter_map(|attribute| {
                errors.take(parse::arguments(attribute, "#[task(default = 1)]"))
            })
            .collect();
        for_each_option(quote::quote!(#(#tokens),*), errors, |key, input, errors| {
            options.read(key, input, errors)
        });
        options
    }

    fn read(
        &mut self,
        key: ParamKey,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        let constraint = match key {
            ParamKey::Default => {
                self.default = Some(parse::value(input)?);
                return Ok(());
            }
            ParamKey::Example => {
                self.example = Some(parse::value(input)?);
                return Ok(());
            }
            ParamKey::Rename => {
                self.rename = Some(parse::string(input, "parameter name")?);
                return Ok(());
            }
            ParamKey::Secret => {
                self.secret = Some(parse::flag(input, "task")?);
                return Ok(());
            }
            ParamKey::Garde => {
                self.garde = Some(parse::flag(input, "task")?);
                return Ok(());
            }
            ParamKey::Inject => return self.come_from(Source::Inject, input),
            ParamKey::Request => return self.come_from(Source::Request, input),
            ParamKey::Range => return constraints::range(input, errors, &mut self.constraints),
            ParamKey::Length => return constraints::length(input, errors, &mut self.constraints),
            ParamKey::MultipleOf => constraints::multiple_of(input)?,
            ParamKey::Pattern => constraints::pattern(input)?,
            ParamKey::Format => constraints::format(input)?,
            ParamKey::OneOf => constraints::one_of(input)?,
            ParamKey::Items => constraints::items(input, errors)?,
            ParamKey::Unique => constraints::unique(input)?,
        };
        self.constraints.push(constraint);
        Ok(())
    }

    fn come_from(&mut self, source: Source, input: ParseStream<'_>) -> syn::Result<()> {
        let span = parse::flag(input, "task")?;
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
