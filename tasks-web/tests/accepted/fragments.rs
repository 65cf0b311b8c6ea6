//! Tasks that come out of a `macro_rules!`, with every part of them a fragment.

use serde_json::json;
use tasks_web::prelude::*;

use crate::{run, signature};

macro_rules! echo {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($param:ident: $ty:ty = $default:expr) -> $output:ty) => {
        $(#[$meta])*
        #[task(register = false)]
        $vis fn $name(#[task(default = $default)] $param: $ty) -> $output {
            $param
        }
    };
}

echo!(
    /// From the caller of the macro.
    pub(crate) fn echo_number(number: i64 = 40 + 2) -> i64
);
echo!(fn echo_text(text: String = "World") -> String);
echo!(fn echo_map(map: std::collections::BTreeMap<String, u8> = std::collections::BTreeMap::new()) -> std::collections::BTreeMap<String, u8>);

macro_rules! named {
    ($name:literal, $tag:literal, $timeout:literal, $rename:literal, $ident:ident) => {
        #[task(name = $name, tags = [$tag], timeout = $timeout)]
        async fn $ident(#[task(rename = $rename)] x: i64) -> i64 {
            x
        }
    };
}

named!(
    "named_by_a_fragment",
    "fragment",
    "30s",
    "value",
    by_literals
);

macro_rules! length {
    ($name:ident, $ty:ty) => {
        #[task(register = false)]
        async fn $name(text: $ty) -> usize {
            text.len()
        }
    };
}

length!(length_of_str, &str);
length!(length_of_slice, &[u8]);
length!(length_of_string, String);

macro_rules! length_behind {
    ($name:ident, $ty:ty) => {
        #[task(register = false)]
        #[allow(clippy::ptr_arg, reason = "tested")]
        async fn $name(text: &$ty) -> usize {
            text.len()
        }
    };
}

length_behind!(length_behind_str, str);
length_behind!(length_behind_string, String);

macro_rules! whole {
    ($function:item) => {
        #[task(register = false)]
        $function
    };
}

whole! {
    /// An item as a whole.
    async fn whole(x: i64, #[task(default = 1)] y: i64) -> i64 { x + y }
}

macro_rules! body {
    ($name:ident($($param:ident: $ty:ty),*) $body:block) => {
        #[task(register = false)]
        async fn $name($($param: $ty),*) -> i64 $body
    };
}

body!(sum(a: i64, b: i64) { a + b });

macro_rules! ruled {
    ($name:ident($param:ident: $ty:ty) keeps $rule:expr) => {
        #[task(register = false, validate = $rule)]
        async fn $name($param: $ty) -> usize {
            $param.len()
        }
    };
}

fn is_short(text: &str) -> Result<(), &'static str> {
    if text.len() > 3 {
        return Err("too long");
    }
    Ok(())
}

ruled!(ruled_by_name(text: &str) keeps is_short);
ruled!(ruled_by_call(text: String) keeps is_short(text));

#[test]
fn rules_are_fragments() {
    for ruled in [task(ruled_by_name), task(ruled_by_call)] {
        assert_eq!(run::<usize>(ruled, json!({"text": "abc"})), 3);
    }
}

#[test]
fn types_names_and_defaults_are_fragments() {
    assert_eq!(run::<i64>(task(echo_number), json!({})), 42);
    assert_eq!(run::<String>(task(echo_text), json!({})), "World");
    assert_eq!(
        run::<serde_json::Value>(task(echo_map), json!({"map": {"a": 1}})),
        json!({"a": 1})
    );
    assert_eq!(
        signature(task(echo_number)),
        "(number: i64 = 40 + 2) -> i64"
    );
    assert_eq!(
        signature(task(echo_text)),
        "(text: String = \"World\") -> String"
    );
}

#[test]
fn options_are_fragments() {
    assert_eq!(run::<i64>(task(by_literals), json!({"value": 1})), 1);
    let registry = TaskRegistry::discover().unwrap();
    assert_eq!(
        registry.info("named_by_a_fragment").unwrap().tags,
        ["fragment"]
    );
}

#[test]
fn references_are_fragments() {
    assert_eq!(run::<usize>(task(length_of_str), json!({"text": "abc"})), 3);
    assert_eq!(
        run::<usize>(task(length_of_slice), json!({"text": [1, 2]})),
        2
    );
    assert_eq!(
        run::<usize>(task(length_of_string), json!({"text": "abc"})),
        3
    );
    assert_eq!(
        run::<usize>(task(length_behind_str), json!({"text": "abc"})),
        3
    );
    assert_eq!(
        run::<usize>(task(length_behind_string), json!({"text": "abc"})),
        3
    );
    assert_eq!(signature(task(length_of_str)), "(text: &str) -> usize");
}

#[test]
fn items_and_bodies_are_fragments() {
    assert_eq!(run::<i64>(task(whole), json!({"x": 1})), 2);
    assert_eq!(run::<i64>(task(sum), json!({"a": 1, "b": 2})), 3);
}
