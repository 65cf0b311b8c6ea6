//! Visibility and other attributes are kept.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use tasks_web::prelude::*;

use crate::run;

mod inner {
    use tasks_web::prelude::*;

    #[task(register = false)]
    pub(super) fn seen_by_the_parent(x: i64) -> i64 {
        hidden(x)
    }

    #[task(register = false)]
    fn hidden(x: i64) -> i64 {
        x
    }

    #[task(register = false)]
    pub(in crate::attributes) async fn seen_by_a_path(x: i64) -> i64 {
        x
    }
}

/// Doc comments stay, and so does this.
#[must_use]
#[inline]
#[task(register = false)]
fn must_be_used(x: i64) -> i64 {
    x
}

/// Below the attribute they are seen by the macro, above it they are applied later: both work.
#[task(register = false)]
#[deprecated = "use another one"]
#[cold]
#[allow(clippy::let_and_return, reason = "the attribute is what is tested")]
async fn old(x: i64) -> i64 {
    let y = x;
    y
}

static ENTERED: AtomicU32 = AtomicU32::new(0);

#[task(register = false)]
#[expect(unused_variables, reason = "kept for the expectation")]
fn expected(x: i64, unused: Option<i64>) -> i64 {
    ENTERED.fetch_add(1, Ordering::Relaxed);
    x
}

#[task(register = false)]
fn parameters_have_attributes(
    #[allow(unused_variables, reason = "tested")] x: i64,
    mut y: i64,
) -> i64 {
    y += 1;
    y
}

#[task(register = false)]
#[tracing::instrument(skip(text))]
async fn instrumented_below(x: usize, #[task(default = "abc")] text: &str) -> usize {
    x + text.len()
}

#[tracing::instrument]
#[task(register = false)]
async fn instrumented_above(x: usize, #[task(default = "abc")] text: String) -> usize {
    x + text.len()
}

#[test]
fn other_macros_work_beside_it() {
    assert_eq!(run::<usize>(task(instrumented_below), json!({"x": 1})), 4);
    assert_eq!(run::<usize>(task(instrumented_above), json!({"x": 2})), 5);
}

#[test]
fn visibility_is_kept() {
    assert_eq!(
        run::<i64>(task(inner::seen_by_the_parent), json!({"x": 1})),
        1
    );
    assert_eq!(run::<i64>(task(inner::seen_by_a_path), json!({"x": 2})), 2);
}

#[test]
#[allow(deprecated, reason = "tested")]
fn attributes_are_kept() {
    assert_eq!(run::<i64>(task(must_be_used), json!({"x": 1})), 1);
    assert_eq!(run::<i64>(task(old), json!({"x": 2})), 2);
    assert_eq!(run::<i64>(task(expected), json!({"x": 3})), 3);
    assert_eq!(ENTERED.load(Ordering::Relaxed), 1);
    assert_eq!(
        run::<i64>(task(parameters_have_attributes), json!({"x": 0, "y": 4})),
        5
    );
}

macro_rules! words {
    () => {
        "of a macro"
    };
}

/// Written here,
#[doc = include_str!("included.md")]
/// and here.
#[task(register = false)]
fn included(#[doc = concat!("Made ", words!())] x: i64) -> i64 {
    x
}

#[test]
fn documentation_is_taken_from_macros() {
    let registry = TaskRegistry::builder().task(included).build().unwrap();
    let info = registry.info("included").unwrap();
    assert_eq!(
        info.docstring.unwrap(),
        "Written here,\n# A file\n\n  indented\n\nand here."
    );
    assert_eq!(
        info.parameters[0].description.as_deref(),
        Some("Made of a macro")
    );
}
