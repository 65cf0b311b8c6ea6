//! Rules beyond a schema: those of `#[task(validate = …)]`, and those of the types of parameters with `#[task(garde)]`.
//!
//! They run once all arguments are decoded, and before anything is injected: in the same way when a task is run, when a
//! job is submitted and when a schedule is stored.

#![allow(
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use serde_json::Value;

use super::careful::{self, SECRET};
use super::cell::ArgCell;
use super::code::ArgumentErrorCode as Code;
use super::error::{ArgumentError, Errors, InvalidArguments};
use super::source::{RequestSource, Requested};
use super::{Echo, RegisteredParameter, RequestParam};
use crate::inject::Providers;
use crate::pointer::escape;

/// What a rule of `#[task(validate = …)]` may fail with.
///
/// An [`ArgumentError`], or a `Vec` of them, says what is wrong with which parameter. A string is about all parameters together.
#[diagnostic::on_unimplemented(
    message = "a rule of `validate` cannot fail with `{Self}`",
    label = "does not say what is wrong with which parameter",
    note = "return `Result<(), ArgumentError>` or `Result<(), Vec<ArgumentError>>`; a `String` or a `&str` is about all parameters together"
)]
pub trait IntoArgumentErrors {
    /// What is wrong: nothing, if the list is empty. Pointers may leave out `/params`.
    fn into_argument_errors(self) -> Vec<ArgumentError>;
}

impl IntoArgumentErrors for ArgumentError {
    fn into_argument_errors(self) -> Vec<ArgumentError> {
        vec![self]
    }
}

impl IntoArgumentErrors for Vec<ArgumentError> {
    fn into_argument_errors(self) -> Vec<ArgumentError> {
        self
    }
}

impl IntoArgumentErrors for String {
    fn into_argument_errors(self) -> Vec<ArgumentError> {
        vec![ArgumentError::new("", self)]
    }
}

impl IntoArgumentErrors for &str {
    fn into_argument_errors(self) -> Vec<ArgumentError> {
        vec![ArgumentError::new("", self)]
    }
}

/// What a rule of `#[task(validate = …)]` returns.
#[diagnostic::on_unimplemented(
    message = "a rule of `validate` returns `Result<(), ArgumentError>`, and not `{Self}`",
    label = "does not say what is wrong",
    note = "return `Ok(())`, or what is wrong: `Err(ArgumentError::of_parameter(\"to\", \"is before `from`\"))`; a rule is no `async fn`"
)]
#[doc(hidden)]
pub trait RuleResult {
    fn into_errors(self) -> Vec<ArgumentError>;
}

impl<E: IntoArgumentErrors> RuleResult for Result<(), E> {
    #[inline]
    fn into_errors(self) -> Vec<ArgumentError> {
        match self {
            Ok(()) => Vec::new(),
            Err(error) => error.into_argument_errors(),
        }
    }
}

/// A source whose values a rule may see.
#[diagnostic::on_unimplemented(
    message = "an injected parameter cannot be given to `validate`",
    label = "injected because of its type",
    note = "a rule is about what clients send, and runs before anything is injected: name the parameters that it gets, as in `validate = check(from, to)`"
)]
#[doc(hidden)]
pub trait RuleSource<T: 'static>: Copy {}

impl<T: RequestParam> RuleSource<T> for Requested<T> where Self: RequestSource<T> {}

/// The value of a parameter that a rule is about.
#[doc(hidden)]
pub fn given<T: 'static, S: RuleSource<T>>(_: S, cell: &ArgCell<T>) -> &T {
    cell.value()
}

/// Collects what the rules of one task say of the arguments of one call.
#[doc(hidden)]
pub struct Validation<'a> {
    pub(super) parameters: &'a [RegisteredParameter],
    /// The text of `params`.
    pub(super) text: &'a str,
    #[cfg_attr(
        not(feature = "garde"),
        allow(dead_code, reason = "where the contexts of types are from")
    )]
    pub(super) providers: &'a Providers,
    pub(super) errors: Errors,
}

impl Validation<'_> {
    /// Takes what a rule has said.
    pub fn rule<R: RuleResult>(&mut self, result: R) {
        let errors = result.into_errors();
        if !errors.is_empty() {
            self.broken(errors);
        }
    }

    #[cold]
    fn broken(&mut self, errors: Vec<ArgumentError>) {
        let secrets = self.secrets();
        for ArgumentError {
            pointer,
            code,
            detail,
        } in errors
        {
            let shows_one = |text: &str| secrets.iter().any(|secret| text.contains(secret));
            let path = below_params(&pointer);
            let path = self.without_secrets(&path, &secrets);
            let hidden = shows_one(&detail) || shows_one(code.as_str());
            let code = if hidden { Code::Invalid } else { code };
            self.errors.push_below(
                path,
                code,
                || {
                    if hidden { SECRET.to_owned() } else { detail }
                },
            );
        }
    }

    /// A path up to the first step that shows a secret. Names of parameters are known to everybody.
    fn without_secrets<'p>(&self, path: &'p str, secrets: &[String]) -> &'p str {
        let first = path.get(1..).and_then(|rest| rest.split('/').next());
        let known = first.filter(|step| {
            let mut parameters = self.parameters.iter();
            parameters.any(|parameter| escape(parameter.name) == **step)
        });
        let from = known.map_or(0, |step| step.len() + 1);
        let shown = secrets
            .iter()
            .filter_map(|secret| path[from..].find(secret));
        let Some(at) = shown.min().map(|at| from + at) else {
            return path;
        };
        if path[at..].starts_with('/') {
            &path[..at]
        } else {
            &path[..path[..at].rfind('/').unwrap_or(0)]
        }
    }

    /// The texts that no error may show: those within the values of secret parameters, in all ways in which Rust prints them.
    fn secrets(&self) -> Vec<String> {
        let given = careful::secrets(self.text, self.parameters);
        let is_given = |name: &str| given.iter().any(|(given, _)| *given == name);
        let mut texts = Vec::new();
        for parameter in self.parameters {
            if parameter.secret
                && !is_given(parameter.name)
                && let Some(value) = parameter.slot.default_json()
            {
                add_texts(value, &mut texts);
            }
        }
        for (_, span) in given {
            if let Ok(value) = serde_json::from_str(&self.text[span]) {
                add_texts(value, &mut texts);
            }
        }
        let escaped: Vec<String> = texts
            .iter()
            .flat_map(|text| {
                let debug = text.escape_debug().to_string();
                let json = Value::from(text.as_str()).to_string();
                [debug, json[1..json.len() - 1].to_owned(), escape(text)]
            })
            .collect();
        texts.extend(escaped);
        texts
    }
}

fn add_texts(value: Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.is_empty() => texts.push(text),
        Value::Number(number) => texts.push(number.to_string()),
        Value::Array(items) => items.into_iter().for_each(|item| add_texts(item, texts)),
        Value::Object(members) => {
            for (key, value) in members {
                texts.push(key);
                add_texts(value, texts);
            }
        }
        Value::String(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// Where in `params` a rule means: it may leave out `/params`, and may name a parameter alone.
fn below_params(pointer: &str) -> String {
    match pointer.strip_prefix("/params") {
        Some(path) if path.is_empty() || path.starts_with('/') => path.to_owned(),
        _ if pointer.is_empty() || pointer.starts_with('/') => pointer.to_owned(),
        _ => format!("/{}", escape(pointer)),
    }
}

/// What the rule of a closure has said, which sees all arguments as one struct.
pub(crate) fn of_rule(result: impl RuleResult) -> Result<(), InvalidArguments> {
    let mut errors = Errors::default();
    for error in result.into_errors() {
        errors.push_below(&below_params(&error.pointer), error.code, || error.detail);
    }
    errors.finish()
}

/// Runs the rules of a task over arguments that were read.
pub(crate) fn validate(
    echo: &Echo<'_>,
    parameters: &[RegisteredParameter],
    providers: &Providers,
    rules: impl FnOnce(&mut Validation<'_>),
) -> Result<(), InvalidArguments> {
    let mut validation = Validation {
        parameters,
        text: echo.text,
        providers,
        errors: Errors::default(),
    };
    rules(&mut validation);
    validation.errors.finish()
}

#[cfg(test)]
mod tests {
    use super::below_params;

    #[test]
    fn a_rule_may_name_a_parameter_in_several_ways() {
        for (given, meant) in [
            ("", ""),
            ("/params", ""),
            ("/params/to", "/to"),
            ("/to", "/to"),
            ("to", "/to"),
            ("/paramset/0", "/paramset/0"),
        ] {
            assert_eq!(below_params(given), meant);
        }
    }
}
