//! One registered task.

use std::any::TypeId;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::closure_task::Closure;
use super::parameters;
use crate::arguments::{InvalidArguments, RegisteredParameter, RuleResult};
use crate::call::{CallTarget, CheckCall, PendingCall, Started, TaskDescriptor};
use crate::inject::Requirements;
use crate::schema::{self, WriteSchema};
#[cfg(feature = "database")]
use crate::task::JobPolicy;
use crate::task::{
    EventInfo, EventType, FailureCode, ParameterInfo, TaskHints, TaskInfo, ToolPolicy, codes_of,
};

/// A task under the name and the tags it was registered with.
#[derive(Clone)]
pub struct RegisteredTask {
    target: Arc<CallTarget>,
    tags: Vec<Cow<'static, str>>,
    body: TaskBody,
    /// Where in the order of names it is, once it is in a registry.
    position: usize,
}

#[derive(Clone)]
pub(super) enum TaskBody {
    Function(&'static TaskDescriptor),
    Closure(Arc<Closure>),
}

impl fmt::Debug for RegisteredTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegisteredTask({} at {})", self.name(), self.location())
    }
}

impl RegisteredTask {
    pub(super) fn new(
        name: Cow<'static, str>,
        tags: Vec<Cow<'static, str>>,
        body: TaskBody,
    ) -> Self {
        let (parameters, blocking) = match &body {
            TaskBody::Function(task) => {
                let slots = (0..).map_while(|index| task.shim.slot(index));
                (
                    slots.map(RegisteredParameter::of).collect(),
                    task.shim.info().blocking,
                )
            }
            TaskBody::Closure(closure) => (Vec::new(), closure.blocking),
        };
        let target = CallTarget {
            name,
            parameters,
            blocking,
        };
        Self {
            target: Arc::new(target),
            tags,
            body,
            position: 0,
        }
    }

    pub(super) fn set_position(&mut self, position: usize) {
        self.position = position;
    }

    /// Its place in the order of the names of all tasks of its registry, from 0 on: that of [`Registry::iter`](super::TaskRegistry::iter).
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.target.name
    }

    /// Its tags, in the order given.
    #[must_use]
    pub fn tags(&self) -> &[Cow<'static, str>] {
        &self.tags
    }

    /// What those who call it need to know.
    pub(crate) fn target(&self) -> &CallTarget {
        &self.target
    }

    pub(crate) fn shared_target(&self) -> Arc<CallTarget> {
        Arc::clone(&self.target)
    }

    /// Reads the arguments of a call, and makes its execution.
    pub(crate) fn start(&self, call: PendingCall<'_>) -> Result<Started, InvalidArguments> {
        match &self.body {
            TaskBody::Function(task) => task.shim.start(call),
            TaskBody::Closure(closure) => (closure.start)(call),
        }
    }

    /// Reads arguments, and says what is wrong with them.
    pub(crate) fn check(&self, call: CheckCall<'_>) -> Result<(), InvalidArguments> {
        match &self.body {
            TaskBody::Function(task) => task.shim.check(call),
            TaskBody::Closure(closure) => (closure.check)(call.input),
        }
    }

    /// Whether a parameter is secret: a message of the task may quote it.
    pub(crate) fn has_secrets(&self) -> bool {
        self.declared().iter().any(|parameter| parameter.secret)
    }

    /// Its parameters. A closure's are read as one struct, and it has no injected ones: none.
    pub(crate) fn declared(&self) -> &[RegisteredParameter] {
        &self.target.parameters
    }

    /// What it needs from the executor, each with the parameter that it is for: what is injected, and the contexts of rules.
    pub(crate) fn requirements(
        &self,
    ) -> impl Iterator<Item = (&'static str, fn(&mut Requirements))> {
        let injected = self
            .declared()
            .iter()
            .filter_map(|parameter| Some((parameter.name, parameter.slot.requires()?)));
        let rules = match &self.body {
            TaskBody::Function(task) => task.shim.rules_require(),
            TaskBody::Closure(_) => &[],
        };
        let rules = rules
            .iter()
            .filter_map(|(index, requires)| Some((self.declared().get(*index)?.name, *requires)));
        injected.chain(rules)
    }

    pub(crate) fn blocking(&self) -> bool {
        self.target.blocking
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        match &self.body {
            TaskBody::Function(task) => task.timeout,
            TaskBody::Closure(_) => None,
        }
    }

    /// Policy of its background jobs.
    #[cfg(feature = "database")]
    pub(crate) fn policy(&self) -> JobPolicy {
        match &self.body {
            TaskBody::Function(task) => task.job,
            TaskBody::Closure(_) => JobPolicy::DEFAULT,
        }
    }

    pub(super) fn function(&self) -> Option<TypeId> {
        match &self.body {
            TaskBody::Function(task) => Some((task.shim.info().id)()),
            TaskBody::Closure(_) => None,
        }
    }

    /// Sets the rule of a closure.
    pub(super) fn set_rule<P: 'static, R: RuleResult>(
        &self,
        rule: impl Fn(&P) -> R + Send + Sync + 'static,
    ) -> Result<(), String> {
        match &self.body {
            TaskBody::Closure(closure) => closure.set_rule(rule),
            TaskBody::Function(_) => Err(
                "it is a function, whose rule is written beside it: `#[task(validate = …)]`"
                    .to_owned(),
            ),
        }
    }

    pub(super) fn has_own_name(&self) -> bool {
        matches!(&self.body, TaskBody::Function(task) if task.name == self.target.name)
    }

    /// Where the task is in the source: `src/tasks.rs:12`.
    #[must_use]
    pub fn location(&self) -> String {
        match &self.body {
            TaskBody::Function(task) => format!("{}:{}", task.file, task.line),
            TaskBody::Closure(closure) => {
                format!("{}:{}", closure.location.file(), closure.location.line())
            }
        }
    }

    pub(super) fn crate_name(&self) -> &str {
        match &self.body {
            TaskBody::Function(task) => task.module.split("::").next().unwrap_or(task.module),
            TaskBody::Closure(_) => "(closures)",
        }
    }

    /// The doc comment.
    #[must_use]
    pub fn docstring(&self) -> Option<&str> {
        match &self.body {
            TaskBody::Function(task) => task.description,
            TaskBody::Closure(closure) => closure.description.as_deref(),
        }
    }

    /// The schema of `params`, with references into the generator's definitions.
    pub fn input_schema(&self, generator: &mut SchemaGenerator) -> Value {
        self.input_schema_by(&mut |_, write| write(generator))
    }

    /// The schema of `params`, where `make` has the schema of each parameter written by a generator of its choice. It is told
    /// the whole path of the parameter's type. A closure's are one struct.
    pub fn input_schema_by(
        &self,
        make: &mut dyn FnMut(&'static str, WriteSchema<'_>) -> Schema,
    ) -> Value {
        match &self.body {
            TaskBody::Function(_) => parameters::schema_of(self.declared(), make),
            TaskBody::Closure(closure) => {
                let mut schema: Value = make((closure.types[0])(), &closure.input_schema).into();
                if let (false, Value::Object(schema)) = (closure.open, &mut schema) {
                    schema.insert("additionalProperties".to_owned(), false.into());
                }
                schema
            }
        }
    }

    /// The schema of the result, if its type has one.
    pub fn output_schema(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        match &self.body {
            TaskBody::Function(task) => (task.shim.info().output_schema)(generator),
            TaskBody::Closure(closure) => (closure.output_schema)(generator),
        }
    }

    /// The whole path of the type that the task returns.
    #[must_use]
    pub fn output_type(&self) -> &'static str {
        match &self.body {
            TaskBody::Function(task) => (task.shim.info().output_type)(),
            TaskBody::Closure(closure) => (closure.types[1])(),
        }
    }

    /// The codes that its failures can have: those of the type of its errors, if that gives [`FailureCodes`](crate::FailureCodes), and of the types
    /// in `#[task(errors = […])]`.
    #[must_use]
    pub fn error_codes(&self) -> Vec<FailureCode> {
        let (error_type, named) = match &self.body {
            TaskBody::Function(task) => (task.shim.info().error_type, task.error_codes),
            TaskBody::Closure(closure) => (Some(closure.error_type), &[][..]),
        };
        let own = error_type.map_or(&[][..], |error_type| codes_of(error_type()));
        let mut codes: Vec<FailureCode> = Vec::new();
        for code in own.iter().chain(named.iter().copied().flatten()) {
            if codes.iter().all(|known| known.code() != code.code()) {
                codes.push(*code);
            }
        }
        codes
    }

    /// The events that its jobs wait for, as `#[task(events(…))]` says; empty when it says none.
    pub(crate) fn events(&self) -> &'static [EventType] {
        match &self.body {
            TaskBody::Function(task) => task.events,
            TaskBody::Closure(_) => &[],
        }
    }

    /// What it is for agents, as `#[task(…)]` says.
    #[doc(hidden)]
    #[must_use]
    pub fn tool(&self) -> ToolPolicy {
        match &self.body {
            TaskBody::Function(task) => task.tool,
            TaskBody::Closure(_) => ToolPolicy::DEFAULT,
        }
    }

    /// What callers may assume of it, as `#[task(read_only)]` and the like say.
    #[must_use]
    pub fn hints(&self) -> TaskHints {
        self.tool().hints()
    }

    /// The signature, with the names clients use.
    #[must_use]
    pub fn signature(&self) -> &str {
        match &self.body {
            TaskBody::Function(task) => task.signature,
            TaskBody::Closure(closure) => &closure.signature,
        }
    }

    /// Its parameters in order, injected ones included.
    #[must_use]
    pub fn parameters(&self) -> Vec<ParameterInfo> {
        match &self.body {
            TaskBody::Function(_) => self.declared().iter().map(parameters::info).collect(),
            TaskBody::Closure(closure) => closure.parameters.clone(),
        }
    }

    /// All of its metadata, with schemas that stand alone.
    #[must_use]
    pub fn info(&self) -> TaskInfo {
        TaskInfo {
            name: self.name().to_owned(),
            docstring: self.docstring().map(str::to_owned),
            signature: self.signature().to_owned(),
            parameters: self.parameters(),
            tags: self.tags.iter().map(ToString::to_string).collect(),
            input_schema: schema::standalone_input(|generator| self.input_schema(generator)),
            output_schema: schema::standalone_output(|generator| self.output_schema(generator)),
            error_codes: self.error_codes().iter().map(FailureCode::info).collect(),
            events: self
                .events()
                .iter()
                .map(|event| {
                    EventInfo::new(
                        event.name,
                        schema::standalone_input(|generator| (event.schema)(generator).into()),
                    )
                })
                .collect(),
            hints: self.hints(),
        }
    }
}
