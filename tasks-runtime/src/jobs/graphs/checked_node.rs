//! What is checked of the nodes of a graph before it is stored.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::input::{self, Input};
use super::node::{GraphNode, NodeCall, NodeOptions};
use super::schema_check;
use super::state::OnFailure;
use crate::arguments::{
    ArgumentError, ArgumentErrorCode, Input as Arguments, InvalidArguments, members,
};
use crate::call::ExecuteError;
use crate::execute::TaskExecutor;
use crate::jobs::error::{JobError, ValidationErrors};
use crate::jobs::scheduler::Scheduler;
use crate::name;
use crate::nearest::nearest;
use crate::registry::RegisteredTask;

/// How many errors are looked for.
pub(super) const MAX_ERRORS: usize = 100;
/// How many unknown names of a node are compared with those that there are.
const MAX_HINTS: usize = 5;
/// How deep a pointer into a result may go, and how long it may be.
const MAX_POINTER_DEPTH: usize = 32;
const MAX_POINTER_BYTES: usize = 1024;

/// Where a node is in a graph.
pub(super) fn pointer_of(node: &str) -> String {
    let name: String = node.chars().take(64).collect();
    format!("/nodes/{}", crate::pointer::escape(&name))
}

/// A node that fits.
pub(super) struct CheckedNode {
    pub(super) name: String,
    pub(super) task: String,
    /// As they are stored.
    pub(super) params: String,
    pub(super) inputs: Vec<Input>,
    pub(super) after: BTreeMap<String, OnFailure>,
    pub(super) waits_for_any: bool,
    pub(super) options: NodeOptions,
}

impl CheckedNode {
    /// The node, unless something is wrong with it.
    pub(super) fn new(
        mut node: GraphNode,
        scheduler: &Scheduler,
        executor: &TaskExecutor,
        names: &HashSet<&str>,
        wrong: &mut ValidationErrors,
    ) -> Result<Option<Self>, JobError> {
        *wrong = node.options.check(|| scheduler.queue_names());
        if !name::is_short_name(&node.name) {
            let words = format!("cannot be the name of a node: it has {}", name::SHORT_NAME);
            wrong.push("", words);
        }
        let (entry, params) = match node.call {
            NodeCall::Function(call) => {
                let entry = executor.registry().entry_of(call.function, call.path)?;
                (entry, call.arguments.json())
            }
            NodeCall::Named(task, params) => {
                let params = params.map_err(InvalidArguments::malformed);
                (executor.registry().get(&task)?, params)
            }
        };
        let params = match params {
            Ok(none) if none == "null" => "{}".to_owned(),
            Ok(params) => params,
            Err(InvalidArguments::Mismatch(errors)) => {
                wrong.extend(errors);
                return Ok(None);
            }
            Err(error) => {
                wrong.push("/params", error.to_string());
                return Ok(None);
            }
        };
        let Some((params, mut inputs)) = input::split(&params) else {
            wrong.push(
                "/params",
                "has `from(…)` within an argument: it stands for a whole one",
            );
            return Ok(None);
        };
        inputs.append(&mut node.inputs);
        let mut after = BTreeMap::new();
        for input in &inputs {
            after.insert(input.node.clone(), OnFailure::Fail);
        }
        after.extend(node.after);
        let mut hints = 0..MAX_HINTS;
        for other in after.keys() {
            if *other == node.name {
                wrong.push("/after", "comes after itself");
            } else if !names.contains(other.as_str()) {
                let shown: String = other.chars().take(100).collect();
                let compared = if hints.next().is_some() {
                    names.len()
                } else {
                    0
                };
                let near = nearest(other, names.iter().copied().take(compared), 1);
                let hint = near
                    .first()
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                wrong.push("/after", format!("there is no node `{shown}`{hint}"));
                if wrong.len() >= MAX_ERRORS {
                    return Ok(None);
                }
            }
        }
        let given: BTreeSet<&str> = inputs.iter().map(|input| input.param.as_str()).collect();
        if given.len() < inputs.len() {
            wrong.push("/inputs", "has one parameter twice");
        }
        for (name, _) in members(&params).unwrap_or_default() {
            if given.contains(name.as_ref()) {
                let at = format!("/params/{}", crate::pointer::escape(&name));
                wrong.push(&at, "comes from another node as well: give it once");
            }
        }
        wrong.extend(unfit(executor, entry, &params, &given)?);
        if !wrong.is_empty() {
            return Ok(None);
        }
        let params = match scheduler.params_codec().stored(entry, params) {
            Ok(params) => params,
            Err(ExecuteError::InvalidArguments {
                reason: InvalidArguments::Mismatch(errors),
                ..
            }) => {
                wrong.extend(errors);
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Some(Self {
            name: node.name,
            task: entry.name().to_owned(),
            params,
            inputs,
            after,
            waits_for_any: node.waits_for_any,
            options: NodeOptions::from(&node.options),
        }))
    }

    /// Whether it may begin before a node has completed that it takes an argument from.
    fn may_lack(&self, input: &Input) -> bool {
        self.waits_for_any || self.after.get(&input.node) == Some(&OnFailure::Run)
    }
}

/// What is wrong with the arguments that are known now.
fn unfit(
    executor: &TaskExecutor,
    entry: &RegisteredTask,
    params: &str,
    given: &BTreeSet<&str>,
) -> Result<Vec<ArgumentError>, JobError> {
    let mut errors = match executor.check(entry, Arguments::Params(params)) {
        Ok(()) => Vec::new(),
        Err(ExecuteError::InvalidArguments {
            reason: InvalidArguments::Mismatch(errors),
            ..
        }) => errors,
        Err(ExecuteError::InvalidArguments { reason, .. }) => {
            vec![ArgumentError::new("/params", reason.to_string())]
        }
        Err(error) => return Err(error.into()),
    };
    // Another node gives it.
    errors.retain(|error| {
        let name = error.pointer.strip_prefix("/params/").unwrap_or_default();
        !(error.code == ArgumentErrorCode::Missing && given.contains(name))
    });
    let declared = |name: &str| {
        let mut parameters = entry.parameters().into_iter();
        parameters.any(|parameter| parameter.name == name && !parameter.injected)
    };
    for name in given {
        if !declared(name) {
            let words = format!("task `{}` has no parameter of this name", entry.name());
            errors.push(ArgumentError::new(format!("/params/{name}"), words));
        }
    }
    Ok(errors)
}

/// Checks what nodes take from one another, by the schemas of their tasks.
pub(super) fn check_inputs(
    nodes: &[CheckedNode],
    executor: &TaskExecutor,
    wrong: &mut ValidationErrors,
) {
    let tasks: HashMap<&str, &str> = nodes
        .iter()
        .map(|node| (node.name.as_str(), node.task.as_str()))
        .collect();
    let mut outputs: HashMap<&str, Option<Value>> = HashMap::new();
    for node in nodes.iter().filter(|node| !node.inputs.is_empty()) {
        let Ok(entry) = executor.registry().get(&node.task) else {
            continue;
        };
        let info = entry.info();
        for input in &node.inputs {
            let param = crate::pointer::escape(&input.param);
            let at = format!("{}/params/{param}", pointer_of(&node.name));
            let depth = input.pointer.bytes().filter(|byte| *byte == b'/').count();
            if !input.pointer.is_empty() && !input.pointer.starts_with('/') {
                let words = "is no JSON Pointer: one is empty or begins with `/`";
                wrong.push(&at, words);
                continue;
            }
            if input.pointer.contains('\0') {
                wrong.push(
                    &at,
                    "is a JSON Pointer with the character U+0000, which cannot be stored",
                );
                continue;
            }
            if depth > MAX_POINTER_DEPTH || input.pointer.len() > MAX_POINTER_BYTES {
                let words = format!(
                    "is a JSON Pointer of {depth} parts and {} bytes, and {MAX_POINTER_DEPTH} and {MAX_POINTER_BYTES} are allowed",
                    input.pointer.len()
                );
                wrong.push(&at, words);
                continue;
            }
            let parameter = info.parameters.iter().find(|one| one.name == input.param);
            let is_needed = parameter.is_some_and(|one| one.required);
            if is_needed && node.may_lack(input) {
                let words = format!(
                    "is needed, and comes from `{}`, which need not have completed: give it a default, or let it be an `Option`",
                    input.node
                );
                wrong.push(&at, words);
            }
            let Some(task) = tasks.get(input.node.as_str()) else {
                continue;
            };
            let output = outputs.entry(task).or_insert_with(|| {
                let entry = executor.registry().get(task).ok()?;
                entry.info().output_schema
            });
            let schema = &info.input_schema;
            let found =
                schema_check::mismatch(output.as_ref(), &input.pointer, schema, &input.param);
            if let Some(reason) = found {
                wrong.push(
                    &at,
                    format!("cannot be what `{}` comes to: {reason}", input.node),
                );
            }
        }
    }
}

/// The names of nodes that come after one another in a circle, if there are any.
pub(super) fn cycle(nodes: &[CheckedNode]) -> Option<Vec<&str>> {
    let mut left: BTreeMap<&str, Vec<&str>> = nodes
        .iter()
        .map(|node| {
            let after = node.after.keys().map(String::as_str).collect();
            (node.name.as_str(), after)
        })
        .collect();
    loop {
        let free: Vec<&str> = left
            .iter()
            .filter(|(_, after)| after.iter().all(|other| !left.contains_key(other)))
            .map(|(name, _)| *name)
            .collect();
        if free.is_empty() {
            break;
        }
        for name in free {
            left.remove(name);
        }
    }
    // Each that is left comes after another one that is: going back from any leads around.
    let mut way: Vec<&str> = vec![left.keys().next()?];
    loop {
        let last = *way.last()?;
        let next = *left
            .get(last)?
            .iter()
            .find(|other| left.contains_key(*other))?;
        if let Some(start) = way.iter().position(|name| *name == next) {
            way.drain(..start);
            return Some(way);
        }
        way.push(next);
    }
}
