//! `#[injectable(…)]` on a type.

use syn::{Attribute, Path};

use super::parse::{self, for_each_option, keys};
use crate::errors::Errors;

keys! {
    InjectableKey {
        Crate = "crate",
    }
}

/// What `#[injectable(…)]` says.
#[derive(Default)]
pub(crate) struct InjectableOptions {
    /// Where the runtime is.
    pub(crate) krate: Option<Path>,
}

impl InjectableOptions {
    /// Reads the options of all the `#[injectable(…)]` of one type.
    pub(crate) fn parse(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for attribute in attributes {
            if !attribute.path().is_ident("injectable") {
                continue;
            }
            let Some(tokens) =
                errors.take(parse::arguments(attribute, "#[injectable(crate = path)]"))
            else {
                continue;
            };
            for_each_option(tokens, errors, |key, input, _| {
                match key {
                    InjectableKey::Crate => options.krate = Some(parse::crate_path(input)?),
                }
                Ok(())
            });
        }
        options
    }
}
