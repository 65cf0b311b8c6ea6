//! What is checked of the nodes of a graph before it is stored.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::for_each::{self, ForEach, Source, StoredForEach};
use super::input::{self, Input};
use super::items::with_item;
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
    pub(super) for_each: Option<StoredForEach>,
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
        for input in inputs.iter().filter(|input| !input.is_of_item()) {
            after.insert(input.node.clone(), OnFailure::Fail);
        }
        if let Some(ForEach::Node { node, .. }) = &node.for_each {
            after.insert(node.clone(), OnFailure::Fail);
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
        let of_item: Vec<&Input> = inputs.iter().filter(|input| input.is_of_item()).collect();
        let for_each = for_each(
            node.for_each,
            node.continues_on_failure,
            &of_item,
            entry,
            wrong,
        );
        if let Some(StoredForEach {
            source: Source::Items(list),
            ..
        }) = &for_each
            && wrong.is_empty()
        {
            check_items(list, (&params, &inputs, &of_item), (executor, entry), wrong)?;
        }
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
            for_each,
            options: NodeOptions::from(&node.options),
        }))
    }

    /// Whether it may begin before a node has completed that it takes an argument from.
    fn may_lack(&self, input: &Input) -> bool {
        self.waits_for_any || self.after.get(&input.node) == Some(&OnFailure::Run)
    }
}

/// How long a list of items may be that is given with the graph, in bytes.
const MAX_LIST: usize = 2 * 1024 * 1024;

/// What the items come from, as it is stored, unless something is wrong with it.
fn for_each(
    for_each: Option<ForEach>,
    continues_on_failure: bool,
    of_item: &[&Input],
    entry: &RegisteredTask,
    wrong: &mut ValidationErrors,
) -> Option<StoredForEach> {
    let Some(for_each) = for_each else {
        if let Some(input) = of_item.first() {
            let at = format!("/params/{}", crate::pointer::escape(&input.param));
            wrong.push(
                &at,
                "is an item, and the node has none: say which, with `for_each`",
            );
        }
        if continues_on_failure {
            wrong.push(
                "/continue_on_failure",
                "is about items, and the node has none: say which, with `for_each`",
            );
        }
        return None;
    };
    if of_item.is_empty() {
        wrong.push(
            "/for_each",
            "no parameter takes the item: give one with `each(…)`; over HTTP, with the member `each`",
        );
    }
    let source = match for_each {
        ForEach::Items(Err(reason)) => {
            wrong.push("/for_each", reason);
            return None;
        }
        ForEach::Items(Ok(list)) => {
            let secrets = entry.declared().iter().filter(|parameter| parameter.secret);
            for secret in secrets {
                if of_item.iter().any(|input| input.param == secret.name) {
                    let at = format!("/params/{}", crate::pointer::escape(secret.name));
                    wrong.push(&at, "is secret, and items are stored as they are");
                }
            }
            if list.len() > MAX_LIST {
                let words = format!(
                    "has {} bytes, and {MAX_LIST} are allowed: have another node make the list",
                    list.len()
                );
                wrong.push("/for_each", words);
            }
            Source::Items(list)
        }
        ForEach::Node { node, pointer } => Source::Node { node, pointer },
    };
    Some(StoredForEach {
        source,
        continues_on_failure,
    })
}

/// Checks the arguments of each item.
fn check_items(
    list: &str,
    (params, inputs, of_item): (&str, &[Input], &[&Input]),
    (executor, entry): (&TaskExecutor, &RegisteredTask),
    wrong: &mut ValidationErrors,
) -> Result<(), JobError> {
    let items = for_each::split(list).unwrap_or_default();
    if items.len() > for_each::MAX_ITEMS {
        let words = format!(
            "has {} items, and {} are allowed",
            items.len(),
            for_each::MAX_ITEMS
        );
        wrong.push("/for_each", words);
        return Ok(());
    }
    let of_nodes = inputs.iter().filter(|input| !input.is_of_item());
    let given: BTreeSet<&str> = of_nodes.map(|input| input.param.as_str()).collect();
    let of_item: Vec<Input> = of_item.iter().map(|input| (*input).clone()).collect();
    for (number, item) in items.into_iter().enumerate() {
        let at = |pointer: &str| format!("/for_each/{number}{pointer}");
        match with_item(params, &of_item, item) {
            Err(reason) => wrong.push(&at(""), reason),
            Ok(params) => {
                for error in unfit(executor, entry, &params, &given)? {
                    let param = error.pointer.strip_prefix("/params").unwrap_or_default();
                    wrong.push(
                        &at(""),
                        format!("`{}` {}", param.trim_start_matches('/'), error.detail),
                    );
                }
            }
        }
        if wrong.len() >= MAX_ERRORS {
            break;
        }
    }
    Ok(())
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
    let mut outputs: HashMap<(&str, bool), Option<Value>> = HashMap::new();
    let has_items: HashSet<&str> = (nodes.iter().filter(|node| node.for_each.is_some()))
        .map(|node| node.name.as_str())
        .collect();
    for node in nodes {
        let Some(StoredForEach {
            source:
                Source::Node {
                    node: other,
                    pointer,
                },
            ..
        }) = &node.for_each
        else {
            continue;
        };
        let at = format!("{}/for_each", pointer_of(&node.name));
        if let Some(reason) = wrong_pointer(pointer) {
            wrong.push(&at, reason);
            continue;
        }
        if node.waits_for_any || node.after.get(other) == Some(&OnFailure::Run) {
            let words = format!("comes from `{other}`, which need not have completed");
            wrong.push(&at, words);
        }
        let output = tasks.get(other.as_str()).and_then(|task| {
            let entry = executor.registry().get(task).ok()?;
            output_of(
                entry.info().output_schema,
                has_items.contains(other.as_str()),
            )
        });
        let list = serde_json::json!({"properties": {"list": {"type": "array"}}});
        if let Some(reason) = schema_check::mismatch(output.as_ref(), pointer, &list, "list") {
            let reason = reason.replace("the parameter takes", "items are");
            wrong.push(&at, format!("cannot be what `{other}` comes to: {reason}"));
        }
    }
    for node in nodes.iter().filter(|node| !node.inputs.is_empty()) {
        let Ok(entry) = executor.registry().get(&node.task) else {
            continue;
        };
        let info = entry.info();
        for input in &node.inputs {
            let param = crate::pointer::escape(&input.param);
            let at = format!("{}/params/{param}", pointer_of(&node.name));
            if let Some(reason) = wrong_pointer(&input.pointer) {
                wrong.push(&at, reason);
                continue;
            }
            // What items are is known when they are there.
            if input.is_of_item() {
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
            let is_list = has_items.contains(input.node.as_str());
            let output = outputs.entry((task, is_list)).or_insert_with(|| {
                let entry = executor.registry().get(task).ok()?;
                output_of(entry.info().output_schema, is_list)
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

/// Why a pointer cannot be one, or not be followed.
fn wrong_pointer(pointer: &str) -> Option<String> {
    let depth = pointer.bytes().filter(|byte| *byte == b'/').count();
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Some("is no JSON Pointer: one is empty or begins with `/`".to_owned());
    }
    if pointer.contains('\0') {
        let words = "is a JSON Pointer with the character U+0000, which cannot be stored";
        return Some(words.to_owned());
    }
    let is_long = depth > MAX_POINTER_DEPTH || pointer.len() > MAX_POINTER_BYTES;
    is_long.then(|| {
        format!(
            "is a JSON Pointer of {depth} parts and {} bytes, and {MAX_POINTER_DEPTH} and {MAX_POINTER_BYTES} are allowed",
            pointer.len()
        )
    })
}

/// The schema of what a node comes to: what its task returns, or a list of that.
fn output_of(of_task: Option<Value>, is_list: bool) -> Option<Value> {
    let mut item = of_task?;
    if !is_list {
        return Some(item);
    }
    let definitions = item
        .as_object_mut()
        .and_then(|schema| schema.remove("$defs"));
    let mut list = serde_json::json!({"type": "array", "items": item});
    if let (Some(definitions), Some(schema)) = (definitions, list.as_object_mut()) {
        schema.insert("$defs".to_owned(), definitions);
    }
    Some(list)
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
