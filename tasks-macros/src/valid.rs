//! Rules about the whole function. Those about one token are where the token is parsed.

use std::ops::Deref;

use syn::{Attribute, Meta, ReturnType, Safety, Signature};

use crate::ast::TaskFn;
use crate::errors::Errors;
use crate::model::{Task, TaskName};
use crate::options::Source;
use crate::param::Param;
use crate::types;

/// A task that keeps all the rules, so that an expansion of it compiles as far as the macro can know.
pub(crate) struct ValidTask(Task);

impl Deref for ValidTask {
    type Target = Task;

    fn deref(&self) -> &Task {
        &self.0
    }
}

impl ValidTask {
    pub(crate) fn into_function(self) -> TaskFn {
        self.0.function
    }
}

impl Task {
    /// The task, if neither reading it nor the rules here found anything wrong; otherwise its function, for the IDE and for those
    /// who call it.
    pub(crate) fn validate(self, errors: &mut Errors) -> Result<ValidTask, Box<TaskFn>> {
        attributes(&self.function.attrs, errors);
        name(&self.name, errors);
        let sig = &self.function.sig;
        qualifiers(sig, errors);
        for param in &self.params {
            types::of_parameter(&param.inner, sig, errors);
            overrides(param, errors);
        }
        if let ReturnType::Type(_, ty) = &sig.output {
            let borrowed = self.params.iter().filter(|param| param.by_ref).count();
            types::of_result(ty, borrowed, sig, errors);
        }
        unique_names(&self.params, errors);
        rule(&self, errors);
        concurrency_key(&self, errors);
        if errors.is_empty() {
            Ok(ValidTask(self))
        } else {
            Err(Box::new(self.function))
        }
    }
}

/// Attributes that make a type of the function: actix's, which name a path.
fn attributes(attributes: &[Attribute], errors: &mut Errors) {
    const HANDLERS: [&str; 10] = [
        "get", "post", "put", "delete", "head", "connect", "options", "trace", "patch", "route",
    ];
    for attribute in attributes {
        let Some(name) = attribute.path().segments.last() else {
            continue;
        };
        let is_handler = HANDLERS.iter().any(|handler| name.ident == handler)
            && matches!(&attribute.meta, Meta::List(list)
                if list.tokens.to_string().trim_start().starts_with("\"/"));
        if is_handler {
            errors.on(
                attribute,
                format!(
                    "`#[{}]` makes a route of the function, which is no function any more: a task has a path of its own, \
                     `/api/v1/tasks/<name>/$execute`. For both, write the handler as a second function that calls this one",
                    name.ident
                ),
            );
        }
    }
}

fn name(name: &TaskName, errors: &mut Errors) {
    let span = name.span;
    let bad = name
        .text
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')));
    if name.text.is_empty() {
        errors.at(span, "a task's name must not be empty: it is part of a URL");
    } else if let Some(bad) = bad {
        let remedy = if name.of_function {
            "; give it one with `#[task(name = \"…\")]`"
        } else {
            ""
        };
        let bad = match bad {
            ' ' => "a space".to_owned(),
            bad => format!("`{}`", bad.escape_debug()),
        };
        errors.at(
            span,
            format!("{bad} cannot be in a task's name, which is part of a URL: use `a-z`, `A-Z`, `0-9`, `_` and `-`{remedy}"),
        );
    }
}

fn qualifiers(sig: &Signature, errors: &mut Errors) {
    if let Some(token) = &sig.constness {
        errors.on(token, "a task cannot be `const`: it is called at run time");
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.on(
            token,
            "a task cannot be `unsafe`: a request cannot keep a safety contract",
        );
    }
    if let Some(abi) = &sig.abi {
        errors.on(abi, "a task cannot have an ABI: it is called by Rust code");
    }
    if let Some(variadic) = &sig.variadic {
        errors.on(variadic, "a task cannot be variadic: take a `Vec`");
    }
    let generics = &sig.generics.params;
    if !generics.is_empty() && sig.generics.lifetimes().count() == generics.len() {
        errors.on(
            &sig.generics,
            "a task cannot have lifetimes of its own: leave them out, here and where they are used",
        );
    } else if !generics.is_empty() {
        errors.on(
            &sig.generics,
            "a task cannot be generic: it is called by name at run time, so every type must be known here",
        );
    }
    if let Some(clause) = &sig.generics.where_clause {
        errors.on(
            clause,
            "a task cannot have a `where` clause: it has no generic parameters",
        );
    }
}

fn overrides(param: &Param, errors: &mut Errors) {
    if !matches!(param.options.source, Some(Source::Inject)) {
        return;
    }
    if let Some(default) = &param.options.default {
        errors.on(
            default,
            "an injected parameter has no default: take an `Option<…>` where it may be missing",
        );
    }
    if let Some(example) = &param.options.example {
        errors.on(
            example,
            "an injected parameter has no example: clients never send it",
        );
    }
    for constraint in &param.options.constraints {
        errors.at(
            constraint.span,
            "an injected parameter has no constraints: the server provides it",
        );
    }
    if let Some(span) = param.options.garde {
        errors.at(
            span,
            "an injected parameter is not validated: the server provides it",
        );
    }
    if let Some(span) = param.options.secret {
        errors.at(
            span,
            "an injected parameter is never shown, so it needs no `secret`",
        );
    }
}

/// What jobs have a key by is a parameter of this task that clients send, and that may be stored as it is.
fn concurrency_key(task: &Task, errors: &mut Errors) {
    let Some(key) = &task.options.job.flow.key else {
        return;
    };
    let Some(param) = task.key_parameter(&key.value()) else {
        let names: Vec<String> = (task.params.iter())
            .map(|param| format!("`{}`", param.name))
            .collect();
        let names = if names.is_empty() {
            "this task has none".to_owned()
        } else {
            format!("this task has {}", names.join(", "))
        };
        errors.on(
            key,
            format!(
                "`concurrency_key` names a parameter, or a value inside one by a JSON pointer, `\"/order/tenant\"`; {names}"
            ),
        );
        return;
    };
    if matches!(param.options.source, Some(Source::Inject)) {
        errors.on(
            key,
            format!(
                "`{}` is injected: a job has its key from what clients send",
                param.name
            ),
        );
    }
    if param.options.secret.is_some() {
        errors.on(
            key,
            format!(
                "`{}` is secret, and keys are stored and shown as they are: take another parameter",
                param.name
            ),
        );
    }
}

/// A rule over several parameters names those of this task.
fn rule(task: &Task, errors: &mut Errors) {
    let Some(validate) = &task.options.validate else {
        return;
    };
    for argument in validate.arguments() {
        let name = argument.to_string();
        // A constant is none of ours.
        let is_value = name.starts_with(|first: char| first.is_lowercase());
        if is_value && !task.params.iter().any(|param| param.ident == *argument) {
            let names: Vec<String> = (task.params.iter())
                .map(|param| format!("`{}`", param.ident))
                .collect();
            errors.on(
                argument,
                format!(
                    "`{name}` is no parameter of this task: a rule gets references to parameters, of which there are {}",
                    names.join(", ")
                ),
            );
        }
    }
}

fn unique_names(params: &[Param], errors: &mut Errors) {
    for (index, param) in params.iter().enumerate() {
        if params[..index]
            .iter()
            .any(|earlier| earlier.name == param.name)
        {
            errors.at(
                param.name_span,
                format!(
                    "two parameters are named `{}`: a request could not tell them apart",
                    param.name
                ),
            );
        }
    }
}
