//! Schemas in the subset of JSON Schema that common clients and models take.
//!
//! What they choke on, with the reports, is in the decision "MCP without an SDK" of the book. The server checks arguments against
//! all that the task says, whatever a client's schema leaves out.

use serde_json::{Map, Value, json};

/// How often a definition may be within itself; then any value is allowed.
const MAX_RECURSION: usize = 3;

/// How many schemas one schema may have, all definitions written out: more is cut.
const MAX_SCHEMAS: usize = 2_000;

/// What a schema is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// What is sent by clients: what it does not say is checked by the server.
    Arguments,
    /// What is sent to clients, which may check it: it must not say more than is true.
    Result,
}

/// A schema without references, in the subset. Its definitions are in its `$defs`.
pub(super) fn simplify(schema: &Value, direction: Direction) -> Value {
    let mut simplifier = Simplifier {
        definitions: schema.get("$defs").and_then(Value::as_object),
        within: Vec::new(),
        direction,
        left: MAX_SCHEMAS,
    };
    simplifier.schema(schema)
}

/// The schema of a tool's arguments: at its top an object, with nothing but members.
pub(super) fn of_arguments(schema: &Value) -> Value {
    let mut simple = match simplify(schema, Direction::Arguments) {
        Value::Object(simple) => simple,
        _ => Map::new(),
    };
    if let Some(Value::Array(variants)) = simple.remove("anyOf") {
        merge_variants(&mut simple, &variants);
    }
    simple.insert("type".to_owned(), json!("object"));
    simple
        .entry("properties")
        .or_insert_with(|| Value::Object(Map::new()));
    if simple
        .get("required")
        .is_some_and(|list| *list == json!([]))
    {
        simple.remove("required");
    }
    Value::Object(simple)
}

/// Has an object take the members of all its variants: none of them is required that is not in each.
fn merge_variants(object: &mut Map<String, Value>, variants: &[Value]) {
    let required = |schema: &Value| -> Vec<Value> {
        let list = schema.get("required").and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let mut in_each: Option<Vec<Value>> = None;
    let mut members = Map::new();
    for variant in variants {
        let of_variant = variant.get("properties").and_then(Value::as_object);
        for (name, schema) in of_variant.into_iter().flatten() {
            match members.get_mut(name) {
                None => {
                    members.insert(name.clone(), schema.clone());
                }
                Some(known) if known == schema => {}
                Some(known) => *known = either(known, schema),
            }
        }
        let required = required(variant);
        in_each = Some(match in_each {
            None => required,
            Some(names) => names
                .into_iter()
                .filter(|name| required.contains(name))
                .collect(),
        });
    }
    let mut names = object
        .get("required")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let more = in_each.unwrap_or_default();
    for name in more {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if !names.is_empty() {
        object.insert("required".to_owned(), Value::Array(names));
    }
    let known = object.entry("properties").or_insert_with(|| json!({}));
    if let Value::Object(known) = known {
        for (name, schema) in members {
            known.entry(name).or_insert(schema);
        }
    }
}

/// A schema of what fits one of two.
fn either(one: &Value, other: &Value) -> Value {
    let list = |schema: &Value| match schema.get("enum").and_then(Value::as_array) {
        Some(values) => Ok(values.clone()),
        None => Err(()),
    };
    if let (Ok(mut values), Ok(more)) = (list(one), list(other))
        && one.get("type") == other.get("type")
    {
        values.extend(more.into_iter().filter(|value| {
            one["enum"]
                .as_array()
                .is_none_or(|known| !known.contains(value))
        }));
        let mut both = one.clone();
        both["enum"] = Value::Array(values);
        return both;
    }
    let mut variants = match one.get("anyOf").and_then(Value::as_array) {
        Some(variants) if one.as_object().is_some_and(|one| one.len() == 1) => variants.clone(),
        _ => vec![one.clone()],
    };
    if !variants.contains(other) {
        variants.push(other.clone());
    }
    json!({"anyOf": variants})
}

struct Simplifier<'a> {
    definitions: Option<&'a Map<String, Value>>,
    /// The definitions that are being written out.
    within: Vec<&'a str>,
    direction: Direction,
    /// How many more schemas may be written.
    left: usize,
}

/// Keywords that are kept as they are.
const KEPT: [&str; 16] = [
    "title",
    "description",
    "default",
    "examples",
    "enum",
    "minimum",
    "maximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "required",
    "writeOnly",
];

impl<'a> Simplifier<'a> {
    fn schema(&mut self, schema: &'a Value) -> Value {
        let Value::Object(members) = schema else {
            return anything();
        };
        if self.left == 0 {
            return anything();
        }
        self.left -= 1;
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            return self.reference(reference, members);
        }
        let simple = self.keywords(members);
        self.types(members, simple)
    }

    /// All keywords but the types.
    fn keywords(&mut self, members: &'a Map<String, Value>) -> Map<String, Value> {
        let mut simple = Map::new();
        for (keyword, value) in members {
            if KEPT.contains(&keyword.as_str()) {
                simple.insert(keyword.clone(), value.clone());
            }
        }
        self.numbers(members, &mut simple);
        self.format(members, &mut simple);
        if let Some(only) = members.get("const") {
            simple.insert("enum".to_owned(), json!([only]));
            if let Some(kind) = kind(only).filter(|_| !members.contains_key("type")) {
                simple.insert("type".to_owned(), json!(kind));
            }
        }
        self.objects(members, &mut simple);
        self.lists(members, &mut simple);
        self.parts(members, &mut simple);
        self.alternatives(members, &mut simple);
        if let Some(Value::Array(required)) = simple.get_mut("required") {
            let mut seen: Vec<Value> = Vec::new();
            required.retain(|name| {
                let is_new = !seen.contains(name);
                seen.push(name.clone());
                is_new
            });
        }
        simple
    }

    /// Writes a definition out in place of what refers to it; what stands beside the reference holds as well.
    fn reference(&mut self, reference: &'a str, beside: &'a Map<String, Value>) -> Value {
        let name = reference.strip_prefix("#/$defs/").unwrap_or(reference);
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        let name = name.replace("~1", "/").replace("~0", "~");
        let definition = self
            .definitions
            .and_then(|all| all.get_key_value(name.as_str()));
        let Some((name, definition)) = definition else {
            return anything();
        };
        let depth = self.within.iter().filter(|open| *open == name).count();
        let written = if depth >= MAX_RECURSION {
            json!({"description": format!("Another `{name}`, of the same form.")})
        } else {
            self.within.push(name);
            let written = self.schema(definition);
            self.within.pop();
            written
        };
        let Value::Object(written) = written else {
            return anything();
        };
        // What is said in this place goes before.
        let mut simple = self.keywords(beside);
        merge_part(&mut simple, written);
        self.types(beside, simple)
    }

    /// Bounds that exclude their number are not known everywhere.
    fn numbers(&self, members: &Map<String, Value>, simple: &mut Map<String, Value>) {
        let is_integer = members
            .get("type")
            .is_some_and(|kind| *kind == json!("integer"));
        for (exclusive, inclusive, step) in [
            ("exclusiveMinimum", "minimum", 1),
            ("exclusiveMaximum", "maximum", -1),
        ] {
            let Some(bound) = members.get(exclusive) else {
                continue;
            };
            match bound.as_i64().and_then(|bound| bound.checked_add(step)) {
                Some(bound) if is_integer => {
                    simple.insert(inclusive.to_owned(), json!(bound));
                }
                _ => {
                    simple.insert(inclusive.to_owned(), bound.clone());
                    let words = if step > 0 { "more" } else { "less" };
                    describe(simple, &format!("Must be {words} than {bound}."));
                }
            }
        }
    }

    /// Of formats, `date-time` alone is taken everywhere; the others are said in words.
    fn format(&self, members: &Map<String, Value>, simple: &mut Map<String, Value>) {
        let Some(format) = members.get("format").and_then(Value::as_str) else {
            return;
        };
        let is_text = members.get("type").is_none_or(|kind| {
            *kind == json!("string")
                || kind
                    .as_array()
                    .is_some_and(|kinds| kinds.contains(&json!("string")))
        });
        match format {
            "date-time" if is_text => {
                simple.insert("format".to_owned(), json!(format));
            }
            "password" => {}
            _ if is_text => describe(simple, &format!("Format: {format}.")),
            _ => {}
        }
    }

    fn objects(&mut self, members: &'a Map<String, Value>, simple: &mut Map<String, Value>) {
        if let Some(Value::Object(properties)) = members.get("properties") {
            let required = members.get("required").and_then(Value::as_array);
            let mut written = Map::new();
            for (name, property) in properties {
                let is_required = required.is_some_and(|names| names.contains(&json!(name)));
                let mut property = self.schema(property);
                if self.direction == Direction::Arguments && !is_required {
                    property = without_null(property);
                }
                written.insert(name.clone(), property);
            }
            simple.insert("properties".to_owned(), Value::Object(written));
        }
        // Of maps whose keys are no texts.
        if let Some(Value::Object(patterns)) = members.get("patternProperties") {
            let mut values: Vec<Value> = Vec::new();
            for schema in patterns.values() {
                let schema = self.schema(schema);
                if !values.contains(&schema) {
                    values.push(schema);
                }
            }
            let values = match values.as_slice() {
                [only] => only.clone(),
                [] => anything(),
                _ => json!({"anyOf": values}),
            };
            simple.insert("additionalProperties".to_owned(), values);
            return;
        }
        match members.get("additionalProperties") {
            Some(Value::Bool(open)) => {
                simple.insert("additionalProperties".to_owned(), json!(open));
            }
            Some(schema) => {
                let schema = self.schema(schema);
                simple.insert("additionalProperties".to_owned(), schema);
            }
            None => {}
        }
    }

    fn lists(&mut self, members: &'a Map<String, Value>, simple: &mut Map<String, Value>) {
        let tuple = members.get("prefixItems").and_then(Value::as_array);
        let items = members.get("items").filter(|items| !items.is_boolean());
        if let Some(tuple) = tuple {
            let mut schemas: Vec<Value> = Vec::new();
            for part in tuple.iter().chain(items) {
                let part = self.schema(part);
                if !schemas.contains(&part) {
                    schemas.push(part);
                }
            }
            let items = match schemas.as_slice() {
                [only] => only.clone(),
                [] => anything(),
                _ => json!({"anyOf": schemas}),
            };
            simple.insert("items".to_owned(), items);
        } else if let Some(items) = items {
            let items = self.schema(items);
            simple.insert("items".to_owned(), items);
        } else if has_kind(members, "array") {
            simple.insert("items".to_owned(), anything());
        }
    }

    /// All parts of `allOf` in one.
    fn parts(&mut self, members: &'a Map<String, Value>, simple: &mut Map<String, Value>) {
        let Some(parts) = members.get("allOf").and_then(Value::as_array) else {
            return;
        };
        // Each part forbids what the others have.
        simple.remove("additionalProperties");
        for part in parts {
            if let Value::Object(mut part) = self.schema(part) {
                part.remove("additionalProperties");
                merge_part(simple, part);
            }
        }
    }

    /// `oneOf` as `anyOf`, which is known everywhere.
    fn alternatives(&mut self, members: &'a Map<String, Value>, simple: &mut Map<String, Value>) {
        let variants = ["anyOf", "oneOf"]
            .into_iter()
            .find_map(|keyword| members.get(keyword)?.as_array());
        let Some(variants) = variants else {
            return;
        };
        let mut written: Vec<Value> = Vec::new();
        for variant in variants {
            let variant = self.schema(variant);
            if !written.contains(&variant) {
                written.push(variant);
            }
        }
        // Words for each of some values: one list of values is read better.
        if let Some(values) = only_values(&written) {
            for (keyword, value) in values {
                match keyword.as_str() {
                    "description" => {
                        if let Value::String(words) = value {
                            describe(simple, &words);
                        }
                    }
                    _ => {
                        simple.insert(keyword, value);
                    }
                }
            }
            return;
        }
        if written.len() == 1 {
            if let Some(Value::Object(only)) = written.pop() {
                merge_part(simple, only);
            }
            return;
        }
        let mut part = Map::new();
        part.insert("anyOf".to_owned(), Value::Array(written));
        merge_part(simple, part);
    }

    /// Several types are alternatives.
    fn types(&self, members: &Map<String, Value>, mut simple: Map<String, Value>) -> Value {
        match members.get("type") {
            Some(Value::Array(kinds)) => {
                let of = |kind: &Value, simple: &Map<String, Value>| {
                    let mut one: Map<String, Value> = simple
                        .iter()
                        .filter(|(keyword, _)| {
                            kind != "null" && !is_annotation(keyword) && fits(keyword, kind)
                        })
                        .map(|(keyword, value)| (keyword.clone(), value.clone()))
                        .collect();
                    one.insert("type".to_owned(), kind.clone());
                    if let Some(Value::Array(values)) = one.get_mut("enum") {
                        values.retain(|value| !value.is_null());
                    }
                    Value::Object(one)
                };
                if let [only] = kinds.as_slice() {
                    simple.insert("type".to_owned(), only.clone());
                    return Value::Object(simple);
                }
                let variants: Vec<Value> = kinds.iter().map(|kind| of(kind, &simple)).collect();
                simple.retain(|keyword, _| is_annotation(keyword));
                simple.insert("anyOf".to_owned(), Value::Array(variants));
            }
            Some(kind) => {
                simple.insert("type".to_owned(), kind.clone());
            }
            None => {
                let values = simple.get("enum").and_then(Value::as_array);
                let first = values.and_then(|values| kind(values.first()?));
                let is_same = |first: &str| {
                    values
                        .is_some_and(|values| values.iter().all(|value| kind(value) == Some(first)))
                };
                if let Some(first) = first.filter(|first| is_same(first)) {
                    simple.entry("type").or_insert_with(|| json!(first));
                }
                if simple.is_empty() {
                    return anything();
                }
            }
        }
        Value::Object(simple)
    }
}

/// Has a schema hold what a part of it says as well. Of two lists of alternatives the members of the second are taken in, none of them required: both cannot be said
/// at once in this subset.
fn merge_part(simple: &mut Map<String, Value>, part: Map<String, Value>) {
    for (keyword, value) in part {
        match (keyword.as_str(), simple.get_mut(&keyword), value) {
            ("properties", Some(Value::Object(known)), Value::Object(more)) => {
                for (name, schema) in more {
                    known.entry(name).or_insert(schema);
                }
            }
            ("required", Some(Value::Array(known)), Value::Array(more)) => {
                for name in more {
                    if !known.contains(&name) {
                        known.push(name);
                    }
                }
            }
            ("anyOf", Some(_), Value::Array(variants)) => {
                let mut members = Map::new();
                merge_variants(&mut members, &variants);
                members.remove("required");
                merge_part(simple, members);
            }
            (_, Some(_), _) => {}
            (_, None, value) => {
                simple.insert(keyword, value);
            }
        }
    }
}

/// Of values that are alternatives, each with a description: one list, and all the words.
fn only_values(variants: &[Value]) -> Option<Map<String, Value>> {
    let mut values = Vec::new();
    let mut words = Vec::new();
    let mut kinds: Vec<&Value> = Vec::new();
    for variant in variants {
        let variant = variant.as_object()?;
        let known = ["type", "enum", "title", "description"];
        if !variant
            .keys()
            .all(|keyword| known.contains(&keyword.as_str()))
        {
            return None;
        }
        let own = variant.get("enum")?.as_array()?;
        let kind = variant.get("type")?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
        if let Some(text) = variant.get("description").and_then(Value::as_str) {
            let names: Vec<String> = own.iter().map(Value::to_string).collect();
            words.push(format!("{}: {text}", names.join(", ")));
        }
        values.extend(own.iter().cloned());
    }
    let [kind] = kinds.as_slice() else {
        return None;
    };
    let mut all = Map::new();
    all.insert("type".to_owned(), (*kind).clone());
    all.insert("enum".to_owned(), Value::Array(values));
    if !words.is_empty() {
        all.insert("description".to_owned(), json!(words.join("\n")));
    }
    Some(all)
}

/// Any value: never `{}`, which some clients do not take.
fn anything() -> Value {
    json!({"description": "Any JSON value."})
}

/// Adds a sentence to the description.
fn describe(simple: &mut Map<String, Value>, words: &str) {
    let described = match simple.get("description").and_then(Value::as_str) {
        Some(text) if !text.is_empty() => format!("{text}\n{words}"),
        _ => words.to_owned(),
    };
    simple.insert("description".to_owned(), json!(described));
}

/// A member that may be left out needs no `null`, which some clients do not take and models write as a text.
fn without_null(mut schema: Value) -> Value {
    let Value::Object(members) = &mut schema else {
        return schema;
    };
    if let Some(Value::Array(variants)) = members.get_mut("anyOf") {
        variants.retain(|variant| variant.get("type") != Some(&json!("null")));
        if variants.len() == 1
            && let Some(Value::Object(only)) = variants.pop()
        {
            members.remove("anyOf");
            for (keyword, value) in only {
                members.entry(keyword).or_insert(value);
            }
        }
    }
    if let Some(Value::Array(values)) = members.get_mut("enum")
        && values.len() > 1
    {
        values.retain(|value| !value.is_null());
    }
    if members.get("default") == Some(&Value::Null) {
        members.remove("default");
    }
    schema
}

fn is_annotation(keyword: &str) -> bool {
    ["title", "description", "default", "examples", "writeOnly"].contains(&keyword)
}

/// Whether a keyword says anything of values of a type.
fn fits(keyword: &str, kind: &Value) -> bool {
    let of: &[&str] = match keyword {
        "minimum" | "maximum" | "multipleOf" => &["integer", "number"],
        "minLength" | "maxLength" | "pattern" | "format" => &["string"],
        "items" | "minItems" | "maxItems" | "uniqueItems" => &["array"],
        "properties" | "required" | "additionalProperties" => &["object"],
        _ => return true,
    };
    kind.as_str().is_some_and(|kind| of.contains(&kind))
}

fn has_kind(members: &Map<String, Value>, wanted: &str) -> bool {
    match members.get("type") {
        Some(Value::String(kind)) => kind == wanted,
        Some(Value::Array(kinds)) => kinds.contains(&json!(wanted)),
        _ => false,
    }
}

/// The type of a value.
fn kind(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    })
}
