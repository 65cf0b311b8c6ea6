//! `#[task(garde)]`: parameters whose types implement `garde::Validate`.

#![allow(
    missing_docs,
    reason = "for generated code, which is not written by hand"
)]

#[cfg(feature = "garde")]
use std::any::{Any, TypeId};
#[cfg(feature = "garde")]
use std::sync::Arc;

#[cfg(feature = "garde")]
use super::careful;
#[cfg(feature = "garde")]
use super::code::ArgumentErrorCode as Code;
#[cfg(feature = "garde")]
use super::rust_path::{self, Key, Place};
use super::validation::Validation;
#[cfg(feature = "garde")]
use crate::inject::Providers;
use crate::inject::Requirements;

/// A type of parameters that `garde` validates.
#[cfg_attr(
    feature = "garde",
    diagnostic::on_unimplemented(
        message = "`{Self}` cannot be validated with `garde`",
        label = "does not implement `garde::Validate`",
        note = "derive `garde::Validate` for `{Self}`, or for the type that it is a list, a map or an `Option` of; a `Context` has to be `Send`, `Sync` and `'static`"
    )
)]
#[cfg_attr(
    not(feature = "garde"),
    diagnostic::on_unimplemented(
        message = "`#[task(garde)]` needs the feature `garde`, which is off",
        label = "cannot be validated",
        note = "write `features = [\"garde\"]` at `tasks-web`, or at `tasks-runtime`, in Cargo.toml"
    )
)]
pub trait GardeParam {
    /// Says what has to be provided: the context of its rules, if they have one.
    fn requires(requirements: &mut Requirements);

    fn add_errors(&self, index: usize, validation: &mut Validation<'_>);
}

#[cfg(feature = "garde")]
#[diagnostic::do_not_recommend]
impl<T: ::garde::Validate<Context: Send + Sync + 'static>> GardeParam for T {
    fn requires(requirements: &mut Requirements) {
        if TypeId::of::<T::Context>() != TypeId::of::<()>() {
            requirements.require_shared::<T::Context>();
        }
    }

    fn add_errors(&self, index: usize, validation: &mut Validation<'_>) {
        let unit: &dyn Any = &();
        let report = match unit.downcast_ref() {
            Some(unit) => self.validate_with(unit),
            None => match shared::<T::Context>(validation.providers) {
                Some(context) => self.validate_with(&context),
                // Found when the executor is built; a value that nobody has looked at is not taken.
                None => Err(not_provided()),
            },
        };
        if let Err(report) = report {
            validation.add_report(index, &report);
        }
    }
}

/// The context of a type that has one: a value that was provided.
#[cfg(feature = "garde")]
fn shared<C: Send + Sync + 'static>(providers: &Providers) -> Option<Arc<C>> {
    providers.get::<Arc<C>>()?.fixed()
}

#[cfg(feature = "garde")]
#[cold]
fn not_provided() -> ::garde::Report {
    let mut report = ::garde::Report::new();
    let error = ::garde::Error::new("the context of its rules is not provided to the executor");
    report.append(::garde::Path::empty(), error);
    report
}

pub fn garde_requires<T: GardeParam>(requirements: &mut Requirements) {
    T::requires(requirements);
}

impl Validation<'_> {
    /// Validates the value of one parameter.
    pub fn garde<T: GardeParam>(&mut self, index: usize, value: &T) {
        value.add_errors(index, self);
    }

    #[cfg(feature = "garde")]
    #[cold]
    fn add_report(&mut self, index: usize, report: &::garde::Report) {
        let Some(parameter) = self.parameters.get(index) else {
            return;
        };
        let members = careful::members_of_params(self.text).unwrap_or_default();
        let given = members.iter().find(|(key, _)| key == parameter.name);
        let value = given.and_then(|(_, json)| serde_json::from_str(json).ok());
        if parameter.secret {
            careful::refuse_secret(parameter, Code::Invalid, &mut self.errors);
            return;
        }
        let mut errors: Vec<(Place, String)> = report
            .iter()
            .map(|(path, error)| {
                let keys = keys(path);
                let place = rust_path::find(parameter.schema(), value.as_ref(), &keys);
                let words = match rust_path::in_words(&keys[place.found..]) {
                    Some(rest) => format!("`{rest}`: {error}"),
                    None => error.to_string(),
                };
                (place, words)
            })
            .collect();
        // `garde` has the fields in the order of their names, and the members of a `HashMap` in any.
        let mut order = rust_path::Order::default();
        errors.sort_by_cached_key(|(place, _)| order.key(value.as_ref(), &place.pointer));
        for (place, words) in errors {
            self.errors
                .push(parameter.name, &place.pointer, Code::Invalid, || words);
        }
    }
}

/// The components of a path, as `garde` writes them: `[["key", "lines"], ["index", "0"]]`.
#[cfg(feature = "garde")]
fn keys(path: &::garde::Path) -> Vec<Key> {
    let written = serde_json::to_value(path).unwrap_or_default();
    let components: Vec<(String, String)> = serde_json::from_value(written).unwrap_or_default();
    let key = |(kind, text): (String, String)| match (kind.as_str(), text.parse()) {
        ("none", _) => None,
        ("index", Ok(index)) => Some(Key::Item(index)),
        _ => Some(Key::Member(text)),
    };
    components.into_iter().filter_map(key).collect()
}
