//! Constraints of parameters and of their types, at the border of the executor.

#![allow(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests"
)]

use std::collections::{BTreeMap, HashMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tasks_runtime::prelude::*;
use tasks_runtime::{ExecuteError, InvalidArguments, TaskRegistry};

const LONGEST: usize = 8;

#[task]
fn book_room(
    #[task(length(min = 2, max = LONGEST), pattern = "^[a-z]+$")] name: &str,
    #[task(range(min = 1, max = 31))] day: u8,
    #[task(range(exclusive_min = 0.0, max = 1.5), default = 1.0)] share: f64,
    #[task(multiple_of = 15, default = 30)] minutes: u32,
    #[task(format = "email")] contact: Option<String>,
    #[task(one_of("small", "large"), default = "small")] size: String,
    #[task(length(max = 3), unique, items(length(min = 1), pattern = "^#"))] tags: Option<
        Vec<String>,
    >,
    #[task(one_of(1, 2, 4))] seats: Option<u16>,
    #[task(length(max = 1))] notes: Option<HashMap<String, String>>,
) -> String {
    format!("{name} {day} {share} {minutes} {contact:?} {size} {tags:?} {seats:?} {notes:?}")
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
struct Rating(#[schemars(range(min = 1, max = 5))] u8);

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Answer {
    Text {
        #[schemars(length(min = 1, max = 5))]
        text: String,
    },
    Stars(Stars),
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Stars {
    stars: Rating,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct More {
    #[schemars(url)]
    link: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Review {
    rating: Rating,
    #[schemars(email)]
    by: String,
    #[schemars(length(max = 2), inner(regex(pattern = r"^\w+$")))]
    words: Vec<String>,
    answers: HashMap<String, Answer>,
    #[serde(flatten)]
    more: More,
    #[schemars(extend("multipleOf" = 0.5))]
    price: f64,
    #[serde(default)]
    replies: Vec<Self>,
}

#[task]
fn review(review: Review) -> String {
    format!("{review:?}")
}

#[task]
fn tagged(tags: HashSet<u8>) -> usize {
    tags.len()
}

#[task]
fn hidden(#[task(secret, length(min = 8))] password: String) -> usize {
    password.len()
}

/// The pointer, the code and the words of each error, or nothing.
fn errors(task: &str, params: &Value) -> Vec<(String, &'static str, String)> {
    let executor = TaskExecutor::builder(TaskRegistry::discover().unwrap())
        .build()
        .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let body = json!({ "params": params }).to_string();
    match runtime.block_on(executor.execute_json(task, body.as_bytes())) {
        Err(ExecuteError::InvalidArguments {
            reason: InvalidArguments::Mismatch(errors),
            ..
        }) => errors
            .into_iter()
            .map(|error| {
                (
                    error.pointer,
                    &*error.code.as_str().to_owned().leak(),
                    error.detail,
                )
            })
            .collect(),
        Ok(_) => Vec::new(),
        Err(other) => panic!("{other}"),
    }
}

/// `base` with one member changed breaks exactly one rule.
fn one_change(task: &str, base: &Value, cases: &[(&str, Value, &str, &str)]) {
    assert_eq!(errors(task, base), []);
    for (pointer, value, code, detail) in cases {
        let mut params = base.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        params.pointer_mut(parent).unwrap()[name] = value.clone();
        let found = errors(task, &params);
        let [(at, found_code, words)] = found.as_slice() else {
            panic!("{pointer} = {value}: {found:?}");
        };
        assert!(
            at.starts_with(&format!("/params{pointer}")),
            "{pointer} = {value}: {found:?}"
        );
        assert_eq!(
            (found_code, words.as_str()),
            (code, *detail),
            "{pointer} = {value}"
        );
    }
}

#[test]
fn beside_a_parameter() {
    let base = json!({"name": "alma", "day": 31, "contact": null, "tags": ["#a", "#b"], "seats": 4, "notes": {"a": "b"}});
    one_change(
        "book_room",
        &base,
        &[
            (
                "/name",
                json!("a"),
                "length",
                "must have at least 2 characters, and has 1",
            ),
            (
                "/name",
                json!("abcdefghi"),
                "length",
                "must have at most 8 characters, and has 9",
            ),
            (
                "/name",
                json!("Ab"),
                "pattern",
                "`Ab` does not match the pattern `^[a-z]+$`",
            ),
            ("/day", json!(0), "range", "must be at least 1, and is 0"),
            ("/day", json!(32), "range", "must be at most 31, and is 32"),
            (
                "/share",
                json!(0),
                "range",
                "must be more than 0.0, and is 0",
            ),
            (
                "/share",
                json!(1.51),
                "range",
                "must be at most 1.5, and is 1.51",
            ),
            (
                "/minutes",
                json!(50),
                "multiple_of",
                "must be a multiple of 15, and is 50",
            ),
            (
                "/contact",
                json!("ada"),
                "format",
                "`ada` is not an e-mail address",
            ),
            (
                "/size",
                json!("huge"),
                "one_of",
                "must be one of `\"small\"`, `\"large\"`, and is `\"huge\"`",
            ),
            (
                "/tags",
                json!(["#a", "#b", "#c", "#d"]),
                "length",
                "must have at most 3 items, and has 4",
            ),
            (
                "/tags",
                json!(["#a", "#a"]),
                "unique",
                "must not have an item twice: item 1 is the same as an earlier one",
            ),
            (
                "/tags",
                json!(["#a", "b"]),
                "pattern",
                "`b` does not match the pattern `^#`",
            ),
            (
                "/seats",
                json!(3),
                "one_of",
                "must be one of `1`, `2`, `4`, `null`, and is `3`",
            ),
            (
                "/notes",
                json!({"a": "b", "c": "d"}),
                "length",
                "must have at most 1 member, and has 2",
            ),
        ],
    );
}

#[test]
fn in_a_type() {
    let base = json!({"review": {
        "rating": 5, "by": "a@b.org", "words": ["a", "b"], "price": 2.5,
        "answers": {"x": {"kind": "text", "text": "é"}, "y": {"kind": "stars", "stars": 1}},
        "link": "https://example.org/",
        "replies": [{"rating": 1, "by": "a@b.org", "words": [], "price": 0, "answers": {}}],
    }});
    one_change(
        "review",
        &base,
        &[
            (
                "/review/rating",
                json!(9),
                "range",
                "must be at most 5, and is 9",
            ),
            (
                "/review/by",
                json!("me"),
                "format",
                "`me` is not an e-mail address",
            ),
            (
                "/review/words",
                json!(["a", "b", "c"]),
                "length",
                "must have at most 2 items, and has 3",
            ),
            (
                "/review/words",
                json!(["a b"]),
                "pattern",
                "`a b` does not match the pattern `^\\w+$`",
            ),
            (
                "/review/answers/x/text",
                json!("\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}"),
                "length",
                "must have at most 5 characters, and has 6",
            ),
            (
                "/review/answers/y/stars",
                json!(0),
                "range",
                "must be at least 1, and is 0",
            ),
            (
                "/review/link",
                json!("example"),
                "format",
                "`example` is not a URI like `https://example.com/` (RFC 3986)",
            ),
            (
                "/review/price",
                json!(2.3),
                "multiple_of",
                "must be a multiple of 0.5, and is 2.3",
            ),
            (
                "/review/replies/0/rating",
                json!(6),
                "range",
                "must be at most 5, and is 6",
            ),
        ],
    );
    one_change(
        "tagged",
        &json!({"tags": [1, 2]}),
        &[(
            "/tags",
            json!([1, 2, 1]),
            "unique",
            "must not have an item twice: item 2 is the same as an earlier one",
        )],
    );
}

#[test]
fn all_at_once_and_beside_what_cannot_be_read() {
    let found = errors(
        "review",
        &json!({"review": {
            "rating": "x", "by": "me", "words": ["a b", 1], "price": 0.1, "answers": {},
            "replies": [{"rating": 7, "by": "a@b.org", "words": [], "price": 0}],
        }}),
    );
    let mut found: Vec<_> = found
        .iter()
        .map(|(at, code, _)| (at.as_str(), *code))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("/params/review/by", "format"),
            ("/params/review/price", "multiple_of"),
            ("/params/review/rating", "type"),
            ("/params/review/replies/0/answers", "missing"),
            ("/params/review/replies/0/rating", "range"),
            ("/params/review/words/0", "pattern"),
            ("/params/review/words/1", "type"),
        ]
    );
}

#[test]
fn of_a_secret_nothing_is_said() {
    assert_eq!(
        errors("hidden", &json!({"password": "geheim"})),
        [(
            "/params/password".to_owned(),
            "length",
            "not a valid value; it is secret, so it is not shown".to_owned()
        )]
    );
}

#[task(register = false)]
fn bad_default(#[task(range(max = 5), default = 9)] stars: u8) -> u8 {
    stars
}

#[task(register = false)]
fn bad_example(
    #[task(items(length(max = 2)), example = vec!["abc".to_owned()])] tags: Vec<String>,
) -> usize {
    tags.len()
}

#[task(register = false)]
fn bad_secret(#[task(secret, length(min = 8), default = "geheim")] password: String) -> usize {
    password.len()
}

const MOST: u8 = 3;

#[task(register = false)]
fn bad_range(#[task(range(min = 5, max = MOST))] stars: u8) -> u8 {
    stars
}

#[task(register = false)]
fn bad_length(#[task(length(min = 9, max = LONGEST))] text: String) -> usize {
    text.len()
}

#[task(register = false)]
fn bad_pattern(#[task(pattern = "(?i)^a")] code: String) -> String {
    code
}

/// What is wrong with a registry of one task, without the place.
fn problem(task: impl tasks_runtime::IntoTaskFn) -> String {
    let error = TaskRegistry::builder().task(task).build().unwrap_err();
    let [problem] = error.problems() else {
        panic!("{error}");
    };
    let text = problem.to_string();
    let (before, rest) = text.split_once(" at ").unwrap();
    let (place, after) = rest.split_once(": ").unwrap();
    assert!(place.contains("constraints.rs:"), "{text}");
    format!("{before}: {after}")
}

#[test]
fn what_breaks_its_own_constraint_is_no_registry() {
    assert_eq!(
        problem(bad_default),
        "task `bad_default`: parameter `stars`: its default `9` breaks its own constraint: must be at most 5, and is 9"
    );
    assert_eq!(
        problem(bad_example),
        "task `bad_example`: parameter `tags`: its example `[\"abc\"]` breaks its own constraint at `/0`: must have at most 2 characters, and has 3"
    );
    assert_eq!(
        problem(bad_secret),
        "task `bad_secret`: parameter `password`: its default breaks its own constraint"
    );
    assert_eq!(
        problem(bad_range),
        "task `bad_range`: parameter `stars`: no number is in the range from 5 to 3"
    );
    assert_eq!(
        problem(bad_length),
        "task `bad_length`: parameter `text`: nothing has a length from 9 to 8"
    );
    assert_eq!(
        problem(bad_pattern),
        "task `bad_pattern`: parameter `code`: the pattern `(?i)^a` cannot be used: flags in the expression are none of ECMA-262"
    );
}

#[derive(Deserialize, JsonSchema)]
struct Order {
    #[schemars(range(min = 1))]
    count: u32,
    by: Option<Rating>,
}

#[derive(Deserialize, JsonSchema)]
struct LookAhead {
    #[schemars(regex(pattern = "^(?=a)"))]
    _code: String,
}

#[derive(Deserialize, JsonSchema)]
struct Link {
    #[schemars(extend("format" = "iri"))]
    _link: String,
}

#[test]
fn a_format_that_is_not_enforced_is_not_shown() {
    let error = TaskRegistry::builder()
        .register_fn(
            "look",
            ["shop"],
            |_: Link| async move { Ok::<_, TaskError>(0) },
        )
        .build()
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the format `iri` is not enforced"), "{text}");
}

#[derive(Deserialize, JsonSchema)]
struct Slip {
    #[schemars(extend("minLenght" = 3))]
    _code: String,
}

#[task(register = false)]
fn slips(slips: Vec<Slip>) -> usize {
    slips.len()
}

#[test]
fn a_keyword_that_cannot_be_meant_is_no_registry() {
    assert_eq!(
        problem(slips),
        "task `slips`: parameter `slips`: its schema cannot be used: at `/$defs/Slip/properties/_code`, \
         `minLenght` is no keyword: did you mean `minLength`?"
    );
}

#[test]
fn fields_of_a_closure() {
    let registry = TaskRegistry::builder()
        .register_fn("order", ["shop"], |order: Order| async move {
            Ok::<_, TaskError>(order.count + order.by.map_or(0, |by| by.0.into()))
        })
        .build()
        .unwrap();
    let executor = TaskExecutor::builder(registry).build().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let body = br#"{"params": {"count": 0, "by": 6}}"#;
    let error = runtime
        .block_on(executor.execute_json("order", body))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid arguments for task `order`: /params/count: must be at least 1, and is 0; /params/by: must be at most 5, and is 6"
    );
    let error = TaskRegistry::builder()
        .register_fn("look", ["shop"], |_: LookAhead| async move {
            Ok::<_, TaskError>(0)
        })
        .build()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the pattern `^(?=a)` cannot be used: look-ahead"),
        "{error}"
    );
}

#[test]
fn the_metadata_says_them() {
    let registry = TaskRegistry::discover().unwrap();
    let info = registry.info("book_room").unwrap();
    let constraints = |name: &str| {
        let parameter = info
            .parameters
            .iter()
            .find(|parameter| parameter.name == name);
        Value::Object(parameter.unwrap().constraints.clone())
    };
    assert_eq!(
        constraints("name"),
        json!({"minLength": 2, "maxLength": 8, "pattern": "^[a-z]+$"})
    );
    assert_eq!(constraints("day"), json!({"minimum": 1, "maximum": 31}));
    assert_eq!(
        constraints("tags"),
        json!({"maxItems": 3, "uniqueItems": true, "items": {"minLength": 1, "pattern": "^#"}})
    );
    let schema = &info.input_schema["properties"];
    assert_eq!(schema["day"]["maximum"], 31);
    assert_eq!(schema["share"]["exclusiveMinimum"], 0.0);
    assert_eq!(schema["seats"]["enum"], json!([1, 2, 4, null]));
    assert_eq!(schema["tags"]["items"]["pattern"], "^#");
}

#[task]
fn all_formats(
    #[task(format = "date")] date: Option<String>,
    #[task(format = "date-time")] date_time: Option<String>,
    #[task(format = "duration")] duration: Option<String>,
    #[task(format = "email")] email: Option<String>,
    #[task(format = "hostname")] hostname: Option<String>,
    #[task(format = "ipv4")] ipv4: Option<String>,
    #[task(format = "ipv6")] ipv6: Option<String>,
    #[task(format = "json-pointer")] json_pointer: Option<String>,
    #[task(format = "regex")] regex: Option<String>,
    #[task(format = "time")] time: Option<String>,
    #[task(format = "uri")] uri: Option<String>,
    #[task(format = "uri-reference")] uri_reference: Option<String>,
    #[task(format = "uuid")] uuid: Option<String>,
) -> usize {
    let dates = [date, date_time, duration, time];
    let hosts = [email, hostname, ipv4, ipv6, uri, uri_reference];
    let others = [json_pointer, regex, uuid];
    dates.iter().chain(&hosts).chain(&others).flatten().count()
}

/// The macro has a list of its own of the formats that the runtime enforces.
#[test]
fn each_format_that_can_be_written_is_enforced() {
    let registry = TaskRegistry::discover().unwrap();
    let names: Vec<String> = registry
        .info("all_formats")
        .unwrap()
        .parameters
        .into_iter()
        .map(|parameter| parameter.name)
        .collect();
    assert_eq!(names.len(), 13);
    // Nothing of any of them.
    let params: Value = names
        .iter()
        .map(|name| (name.clone(), json!("[ ")))
        .collect();
    let found = errors("all_formats", &params);
    let codes: Vec<_> = found.iter().map(|(_, code, _)| *code).collect();
    assert_eq!(codes, ["format"; 13], "{found:?}");
}

/// One that nests, and that several alternatives may be.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
enum Tree {
    Leaf(#[schemars(range(max = 9))] u8),
    Labelled {
        child: Box<Self>,
        #[schemars(length(max = 3))]
        label: Option<String>,
    },
    Counted {
        child: Box<Self>,
        #[schemars(range(max = 3))]
        count: Option<u8>,
    },
}

#[task]
fn plant(tree: Tree) -> String {
    format!("{tree:?}").len().to_string()
}

/// With each level there are two alternatives, so that asking for both of them anew each time would never end.
#[test]
fn values_that_nest_as_deep_as_they_may_are_checked() {
    let tree = |leaf: u8| {
        let nest = |tree, _| json!({"child": tree});
        (0..90).fold(json!(leaf), nest)
    };
    assert_eq!(errors("plant", &json!({"tree": tree(9)})), []);
    let found = errors("plant", &json!({"tree": tree(10)}));
    let expected = format!("/params/tree{}", "/child".repeat(90));
    assert_eq!(
        found,
        [(
            shortened(&expected),
            "range",
            "must be at most 9, and is 10".to_owned()
        )]
    );
}

/// As pointers are that are long.
fn shortened(pointer: &str) -> String {
    match pointer.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &pointer[..end]),
        None => pointer.to_owned(),
    }
}

/// What is told apart by a tag, with a type of its own, and with names that no schema shows.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "type")]
enum Shape {
    Circle {
        #[schemars(range(max = 10))]
        n: u32,
    },
    Square(Square),
    Point,
    Label {
        #[schemars(length(min = 3))]
        n: String,
    },
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Square {
    #[schemars(range(max = 20))]
    n: u32,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Small {
        #[schemars(range(max = 10))]
        n: u32,
    },
    Text(#[schemars(length(max = 3))] String),
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
enum Either {
    Adjacent(Adjacent),
    Words {
        #[schemars(length(min = 1))]
        words: Vec<String>,
    },
    Digit(#[schemars(range(max = 3))] u8),
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Aliased {
    #[serde(alias = "nn")]
    #[schemars(range(max = 10))]
    n: u32,
    #[serde(rename = "kind", alias = "type", default)]
    #[schemars(length(max = 3))]
    kind: String,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Flat {
    #[schemars(range(max = 5))]
    size: u8,
    #[serde(flatten)]
    shape: Shape,
}

/// Has members of any name, and refuses one that is given twice.
#[derive(Debug, Serialize)]
struct Once(BTreeMap<String, u8>);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Once;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    if members.insert(name, value).is_some() {
                        return Err(serde::de::Error::custom("given twice"));
                    }
                }
                Ok(Once(members))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

impl JsonSchema for Once {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Once".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "object", "minProperties": 1})
    }
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Holder {
    #[schemars(range(max = 9))]
    n: u8,
    once: Once,
}

#[task]
fn hold(holder: Holder) -> String {
    format!("{holder:?}")
}

#[test]
fn members_of_any_name_are_not_taken_for_other_names() {
    let held = json!({"holder": {"n": 9, "once": {"a": 1, "n": 2}, "more": 3}});
    assert_eq!(errors("hold", &held), []);
}

#[derive(Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
struct Key(#[schemars(regex(pattern = "^k"))] String);

#[task]
fn draw(
    shape: Option<Shape>,
    flat: Option<Flat>,
    either: Option<Either>,
    adjacent: Option<Adjacent>,
    aliased: Option<Vec<Aliased>>,
    keys: Option<BTreeMap<Key, u8>>,
    square: Option<Square>,
) -> String {
    format!("{shape:?}{flat:?}{either:?}{adjacent:?}{aliased:?}{keys:?}{square:?}")
}

#[test]
fn no_other_spelling_passes_by_the_constraints() {
    for taken in [
        json!({"shape": {"type": "Circle", "n": 10}}),
        json!({"shape": {"type": "Square", "n": 20, "more": [1, {"n": 500}]}}),
        json!({"shape": {"type": "Point", "n": 500}}),
        json!({"flat": {"size": 5, "type": "Circle", "n": 10, "more": null}}),
        json!({"either": {"t": "Small", "c": {"n": 10}}}),
        json!({"either": {"words": ["a"]}}),
        json!({"either": 3}),
        json!({"adjacent": {"c": "abc", "t": "Text", "more": 1}}),
        // What is ignored is ignored.
        json!({"aliased": [{"n": 10, "kind": "abc", "more": {"nn": 1}, "other": 2}]}),
        json!({"keys": {"k1": 1}}),
        json!({"square": {"n": 20, "m": 1, "type": "x"}}),
    ] {
        assert_eq!(errors("draw", &taken), [], "{taken}");
    }
    for (refused, expected) in [
        // The tag says which variant it is.
        (
            json!({"shape": {"type": "Circle", "n": 15}}),
            &[("/params/shape/n", "range")][..],
        ),
        (
            json!({"shape": {"type": "Square", "n": 21}}),
            &[("/params/shape/n", "range")],
        ),
        (
            json!({"shape": {"type": "Label", "n": "x"}}),
            &[("/params/shape/n", "length")],
        ),
        (
            json!({"flat": {"size": 5, "type": "Circle", "n": 15}}),
            &[("/params/flat/n", "range")],
        ),
        (
            json!({"flat": {"size": 6, "type": "Label", "n": "x"}}),
            &[("/params/flat/size", "range"), ("/params/flat/n", "length")],
        ),
        (json!({"either": 30}), &[("/params/either", "range")]),
        (
            json!({"either": {"words": []}}),
            &[("/params/either/words", "length")],
        ),
        (
            json!({"either": {"t": "Small", "c": {"n": 11}}}),
            &[("/params/either/c/n", "range")],
        ),
        // As lists, which serde takes for structs.
        (json!({"square": [500]}), &[("/params/square", "type")]),
        (
            json!({"shape": ["Circle", 500]}),
            &[("/params/shape", "invalid")],
        ),
        (
            json!({"adjacent": ["Small", {"n": 500}]}),
            &[("/params/adjacent", "invalid")],
        ),
        (
            json!({"adjacent": {"t": "Small", "c": [500]}}),
            &[("/params/adjacent/c", "type")],
        ),
        (
            json!({"aliased": [[50, "abcdef"]]}),
            &[("/params/aliased/0", "type")],
        ),
        // By names that the schema does not show.
        (
            json!({"aliased": [{"nn": 5}]}),
            &[
                ("/params/aliased/0/nn", "unknown"),
                ("/params/aliased/0/n", "missing"),
            ],
        ),
        (
            json!({"aliased": [{"n": 5, "type": "abcd", "more": 1}]}),
            &[("/params/aliased/0/type", "unknown")],
        ),
        (json!({"keys": {"2": 0}}), &[("/params/keys/2", "unknown")]),
    ] {
        let found = errors("draw", &refused);
        let mut found: Vec<_> = found
            .iter()
            .map(|(at, code, _)| (at.as_str(), *code))
            .collect();
        let mut expected = expected.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{refused}");
    }
}

#[task]
fn weigh(
    #[task(multiple_of = 0.1, range(exclusive_max = 1.5))] x: f32,
    #[task(unique)] numbers: Vec<f64>,
) -> String {
    format!("{x} {numbers:?}")
}

#[test]
fn numbers_are_what_their_type_has() {
    for x in [
        json!(0.1),
        json!(0.2),
        json!(0.3),
        json!(0.7),
        json!(1),
        json!(1.4),
    ] {
        assert_eq!(
            errors("weigh", &json!({"x": x, "numbers": [0, 1]})),
            [],
            "{x}"
        );
    }
    for (x, code) in [
        ("0.15", "multiple_of"),
        ("1.5", "range"),
        ("1.4999999999", "range"),
    ] {
        let params: Value =
            serde_json::from_str(&format!(r#"{{"x": {x}, "numbers": []}}"#)).unwrap();
        let found = errors("weigh", &params);
        assert_eq!(found[0].1, code, "{found:?}");
    }
    let found = errors("weigh", &json!({"x": 1, "numbers": [0, -0.0]}));
    assert_eq!(
        (found[0].0.as_str(), found[0].1),
        ("/params/numbers", "unique")
    );
    let info = TaskRegistry::builder()
        .task(weigh)
        .build()
        .unwrap()
        .info("weigh")
        .unwrap();
    assert_eq!(
        info.input_schema["properties"]["x"]["multipleOf"].to_string(),
        "0.1"
    );
}
