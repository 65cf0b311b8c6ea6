//! A task that is a closure: the fields of the struct it takes are its parameters.

use std::any::{Any, TypeId, type_name};
use std::panic::Location;
use std::sync::{Arc, OnceLock};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::RegistryProblem;
use super::parameters;
use crate::arguments::{Input, InvalidArguments, RuleResult, StructFields, of_rule};
use crate::call::{PendingCall, Run, Running, Started, TaskReturn, run_async, run_blocking};
use crate::schema;
use crate::task::{IntoTaskFailure, ParameterInfo};

pub(crate) struct Closure {
    pub(super) description: Option<String>,
    pub(super) signature: String,
    pub(super) parameters: Vec<ParameterInfo>,
    pub(super) blocking: bool,
    /// Whether other keys than its parameters are accepted.
    pub(super) open: bool,
    pub(super) location: &'static Location<'static>,
    pub(super) input_schema: fn(&mut SchemaGenerator) -> Schema,
    pub(super) output_schema: fn(&mut SchemaGenerator) -> Option<Schema>,
    pub(super) error_type: fn() -> TypeId,
    /// The whole paths of the types that it takes and returns.
    pub(super) types: [fn() -> &'static str; 2],
    pub(super) start: Start,
    /// The [`Rule`] over what it takes, whose type is known to those who set it.
    rule: Arc<dyn Any + Send + Sync>,
    /// Reads arguments, and nothing more.
    pub(super) check: Check,
}

/// What the arguments of a closure have to keep beyond their schema, once it was set.
type Rule<P> = OnceLock<Box<dyn Fn(&P) -> Result<(), InvalidArguments> + Send + Sync>>;

/// What begins an execution.
type Start = Box<dyn Fn(PendingCall<'_>) -> Result<Started, InvalidArguments> + Send + Sync>;

type Check = Box<dyn Fn(Input<'_>) -> Result<(), InvalidArguments> + Send + Sync>;

impl Closure {
    pub(super) fn asynchronous<P, R, E, F, Fut>(
        task: &str,
        function: F,
        location: &'static Location<'static>,
    ) -> Result<Self, RegistryProblem>
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + 'static,
        E: IntoTaskFailure,
        F: Fn(P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        let function = Arc::new(function);
        Self::new::<P, R, E>(task, false, location, move |params, run| {
            let function = Arc::clone(&function);
            let call = move |()| function(params);
            Box::pin(run_async(run, (), call, TaskReturn::__task_finish))
        })
    }

    pub(super) fn blocking<P, R, E, F>(
        task: &str,
        function: F,
        location: &'static Location<'static>,
    ) -> Result<Self, RegistryProblem>
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + 'static,
        E: IntoTaskFailure,
        F: Fn(P) -> Result<R, E> + Send + Sync + 'static,
    {
        let function = Arc::new(function);
        Self::new::<P, R, E>(task, true, location, move |params, run| {
            let function = Arc::clone(&function);
            let call = move |()| function(params);
            Box::pin(run_blocking(run, (), call, TaskReturn::__task_finish))
        })
    }

    /// One that takes `()`, or another type that is `null` in JSON.
    fn without_parameters<P, R, E>(
        blocking: bool,
        location: &'static Location<'static>,
        start: impl Fn(P, Run) -> Running + Send + Sync + 'static,
    ) -> Self
    where
        P: DeserializeOwned,
        R: JsonSchema,
        E: 'static,
    {
        #[derive(Deserialize)]
        struct Nothing {}
        fn schema() -> Schema {
            json_schema!({"type": "object", "properties": {}, "additionalProperties": false})
        }
        let fields = StructFields::of(schema().as_value());
        Self {
            description: None,
            signature: format!("() -> {}", schema::short_type_name::<R>()),
            parameters: Vec::new(),
            blocking,
            open: false,
            location,
            input_schema: |_| schema(),
            output_schema: |generator| Some(generator.subschema_for::<R>()),
            error_type: TypeId::of::<E>,
            types: [type_name::<P>, type_name::<R>],
            rule: Arc::new(()),
            check: {
                let fields = fields.clone();
                Box::new(move |input| fields.read::<Nothing>(input).map(drop))
            },
            start: Box::new(move |call| {
                let (Nothing {}, run) = call.decode_whole(&fields, |_| Ok(()))?;
                let params = P::deserialize(Value::Null).map_err(InvalidArguments::malformed)?;
                Ok(started(params, run, &start))
            }),
        }
    }

    fn new<P, R, E>(
        task: &str,
        blocking: bool,
        location: &'static Location<'static>,
        start: impl Fn(P, Run) -> Running + Send + Sync + 'static,
    ) -> Result<Self, RegistryProblem>
    where
        P: DeserializeOwned + JsonSchema + 'static,
        R: JsonSchema,
        E: 'static,
    {
        let schema = schema::standalone::<P>();
        if schema.get("type").and_then(Value::as_str) == Some("null") {
            return Ok(Self::without_parameters::<P, R, E>(
                blocking, location, start,
            ));
        }
        if schema.get("properties").is_none()
            && schema.get("type").and_then(Value::as_str) != Some("object")
        {
            return Err(RegistryProblem::NotAStruct {
                task: task.to_owned(),
                type_name: type_name::<P>().to_owned(),
            });
        }
        let fields = StructFields::of(&schema);
        if let Some(detail) = fields.problems.first() {
            return Err(RegistryProblem::Schema {
                task: task.to_owned(),
                parameter: None,
                location: format!("{}:{}", location.file(), location.line()),
                detail: detail.clone(),
            });
        }
        let rule: Arc<Rule<P>> = Arc::default();
        let infos = parameters::infos_of_struct(&schema);
        let list: Vec<String> = infos
            .iter()
            .map(|parameter| format!("{}: {}", parameter.name, parameter.annotation))
            .collect();
        Ok(Self {
            description: schema
                .get("description")
                .and_then(Value::as_str)
                .map(str::to_owned),
            signature: format!(
                "({}) -> {}",
                list.join(", "),
                schema::short_type_name::<R>()
            ),
            parameters: infos,
            blocking,
            open: fields.open,
            location,
            input_schema: schema::of_struct::<P>,
            output_schema: |generator| Some(generator.subschema_for::<R>()),
            error_type: TypeId::of::<E>,
            types: [type_name::<P>, type_name::<R>],
            rule: Arc::<Rule<P>>::clone(&rule),
            check: {
                let (fields, rule) = (fields.clone(), Arc::clone(&rule));
                Box::new(move |input| {
                    let (params, _) = fields.read::<P>(input)?;
                    keeps(&rule, &params)
                })
            },
            start: Box::new(move |call| {
                let keeps = |params: &P| keeps(&rule, params);
                let (params, run) = call.decode_whole::<P>(&fields, keeps)?;
                Ok(started(params, run, &start))
            }),
        })
    }
}

impl Closure {
    /// Sets the rule that its arguments have to keep; says what is wrong if it takes something else, or has one.
    pub(super) fn set_rule<P: 'static, R: RuleResult>(
        &self,
        rule: impl Fn(&P) -> R + Send + Sync + 'static,
    ) -> Result<(), String> {
        let Some(place) = self.rule.downcast_ref::<Rule<P>>() else {
            let [takes, _] = self.types;
            return Err(format!(
                "the rule is of a `{}`, and the closure takes a `{}`",
                type_name::<P>(),
                takes()
            ));
        };
        place
            .set(Box::new(move |params| of_rule(rule(params))))
            .map_err(|_| "it has two rules: make one of them".to_owned())
    }
}

fn keeps<P>(rule: &Rule<P>, params: &P) -> Result<(), InvalidArguments> {
    match rule.get() {
        Some(rule) => rule(params),
        None => Ok(()),
    }
}

fn started<P>(params: P, run: Run, start: &impl Fn(P, Run) -> Running) -> Started {
    let context = run.context.clone();
    let running = start(params, run);
    Started { running, context }
}
