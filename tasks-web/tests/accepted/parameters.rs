//! Parameters and results.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tasks_web::prelude::*;

use crate::{run, signature};

#[task(register = false)]
async fn r#match(r#type: String, r#in: Option<i64>) -> String {
    format!("{type} {in:?}")
}

#[task(register = false)]
#[allow(clippy::too_many_arguments, reason = "tested")]
async fn many(
    a: u32,
    b: u32,
    c: u32,
    d: u32,
    e: u32,
    f: u32,
    g: u32,
    h: u32,
    i: u32,
    j: u32,
    k: u32,
    l: u32,
    m: u32,
    n: u32,
    o: u32,
    p: u32,
    q: u32,
    r: u32,
    s: u32,
    t: u32,
    u: u32,
    v: u32,
    w: u32,
    x: u32,
    y: u32,
    z: u32,
) -> u32 {
    a + b
        + c
        + d
        + e
        + f
        + g
        + h
        + i
        + j
        + k
        + l
        + m
        + n
        + o
        + p
        + q
        + r
        + s
        + t
        + u
        + v
        + w
        + x
        + y
        + z
}

#[derive(Clone, Injectable)]
struct Database {
    rows: usize,
}

#[task(register = false)]
async fn by_reference(
    text: &str,
    numbers: &[i64],
    path: &Path,
    database: &Database,
    shared: &Arc<String>,
    map: &HashMap<String, u8>,
    maybe: &Option<String>,
) -> usize {
    let maybe = maybe.as_ref().map_or(0, String::len);
    text.len()
        + numbers.len()
        + path.components().count()
        + database.rows
        + shared.len()
        + map.len()
        + maybe
}

#[task(register = false)]
fn by_reference_and_blocking(text: &str, database: &Database) -> usize {
    text.len() + database.rows
}

type Outcome<T> = Result<T, String>;
type Text = String;

#[task(register = false)]
async fn aliased(text: Text) -> Outcome<Text> {
    if text.is_empty() {
        Err("empty".to_owned())
    } else {
        Ok(text)
    }
}

#[task(register = false)]
async fn nothing() {}

#[task(register = false)]
#[allow(unused_parens, reason = "tested")]
async fn parenthesised(x: (i64), y: (i64, i64)) -> (i64) {
    x + y.0 + y.1
}

#[task(register = false)]
fn diverges() -> Result<(), String> {
    Err("always".to_owned())
}

#[test]
fn raw_identifiers_lose_their_prefix() {
    assert_eq!(
        run::<String>(task(r#match), json!({"type": "a", "in": 1})),
        "a Some(1)"
    );
    assert_eq!(
        signature(task(r#match)),
        "(type: String, in: Option<i64>) -> String"
    );
    let registry = TaskRegistry::builder().task(r#match).build().unwrap();
    assert_eq!(registry.list(), ["match"]);
}

#[test]
fn there_may_be_many() {
    let params: serde_json::Map<_, _> = ('a'..='z')
        .zip(1_u32..)
        .map(|(name, value)| (name.to_string(), value.into()))
        .collect();
    assert_eq!(run::<u32>(task(many), params.into()), 351);
}

#[test]
fn references_borrow_what_the_call_owns() {
    let executor =
        tasks_web::testing::executor([task(by_reference), task(by_reference_and_blocking)])
            .provide(Database { rows: 1000 })
            .provide(Arc::new("shared".to_owned()))
            .build()
            .unwrap();
    let params =
        json!({"text": "abc", "numbers": [1, 2], "path": "a/b", "map": {"x": 1}, "maybe": null});
    actix_web::rt::System::new().block_on(async {
        assert_eq!(
            executor
                .execute::<usize>("by_reference", params)
                .await
                .unwrap(),
            1014
        );
        let params = json!({"text": "abc"});
        assert_eq!(
            executor
                .execute::<usize>("by_reference_and_blocking", params)
                .await
                .unwrap(),
            1003
        );
    });
}

#[test]
fn results_may_hide_behind_an_alias() {
    assert_eq!(run::<String>(task(aliased), json!({"text": "abc"})), "abc");
    run::<()>(task(nothing), json!({}));
    assert_eq!(
        run::<i64>(task(parenthesised), json!({"x": 1, "y": [2, 3]})),
        6
    );
    assert_eq!(diverges().unwrap_err(), "always");
}

struct Config {
    rows: usize,
}

static CONFIG: Config = Config { rows: 7 };

type Predicate = dyn for<'a> Fn(&'a str) -> bool + Send + Sync;

/// What is written within a type need not be read from a request.
#[task(register = false)]
async fn by_type(
    accepts: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    refuses: Option<Arc<Predicate>>,
    config: State<&'static Config>,
    measure: &State<fn(&str) -> usize>,
    text: std::borrow::Cow<'static, str>,
) -> std::borrow::Cow<'static, str> {
    let rows = config.rows + (measure.0)(&text);
    format!("{} {} {rows}", accepts(&text), refuses.is_none()).into()
}

#[test]
fn references_within_a_type_are_judged_by_what_they_are_for() {
    let accepts: Arc<dyn Fn(&str) -> bool + Send + Sync> = Arc::new(|text| text == "abc");
    let executor = tasks_web::testing::executor([task(by_type)])
        .provide(accepts)
        .provide(&CONFIG)
        .provide((|text| text.len()) as fn(&str) -> usize)
        .build()
        .unwrap();
    let said: String = actix_web::rt::System::new()
        .block_on(executor.execute("by_type", json!({"text": "abc"})))
        .unwrap();
    assert_eq!(said, "true false 10");
}

/// A text is a default for what may be left out, too.
#[task(register = false)]
async fn optional_text(
    #[task(default = "x")] text: Option<String>,
    #[task(default = None)] none: Option<String>,
) -> String {
    format!("{text:?} {none:?}")
}

#[test]
fn a_text_is_the_default_of_an_option() {
    assert_eq!(
        run::<String>(task(optional_text), json!({})),
        "Some(\"x\") None"
    );
    assert_eq!(
        run::<String>(task(optional_text), json!({"text": null})),
        "None None"
    );
}
