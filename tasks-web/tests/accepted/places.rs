//! Where a task may be written.

use serde_json::json;
use tasks_web::prelude::*;

use crate::run;

mod outer {
    pub(crate) mod middle {
        pub(crate) mod innermost {
            use tasks_web::prelude::*;

            #[task]
            pub(crate) async fn deep_down(x: i64) -> i64 {
                x
            }
        }
    }
    pub(crate) use middle::innermost::deep_down as renamed_on_the_way;
}

mod greet_user {
    use tasks_web::prelude::*;

    #[task]
    pub(crate) async fn greet_user(name: String) -> String {
        format!("Hello, {name}!")
    }
}
pub(crate) use greet_user::greet_user;

#[cfg(test)]
mod only_in_tests {
    use tasks_web::prelude::*;

    #[task]
    pub(crate) fn seen_in_tests() -> bool {
        true
    }
}

#[cfg(any())]
#[task]
fn off_above(x: DoesNotExist) {}

#[task]
#[cfg(any())]
fn off_below(x: DoesNotExist) {}

#[task]
#[cfg(not(any()))]
fn on_below() -> bool {
    true
}

#[task]
#[cfg_attr(all(), cfg(any()))]
fn off_by_an_attribute(x: DoesNotExist) {}

#[task]
fn of_one_name(#[task(default = true)] of_one_name: bool) -> bool {
    of_one_name
}

/// The name is the type's, too.
#[allow(non_camel_case_types, reason = "tested")]
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct point {
    x: i64,
}

mod of_a_type {
    use super::point as Point;
    use tasks_web::prelude::*;

    #[task]
    pub(crate) fn point(p: Point) -> Point {
        p
    }
}

#[test]
fn modules_may_be_nested_and_have_the_tasks_name() {
    assert_eq!(
        run::<i64>(task(outer::renamed_on_the_way), json!({"x": 1})),
        1
    );
    assert_eq!(
        run::<String>(task(greet_user), json!({"name": "Ada"})),
        "Hello, Ada!"
    );
    assert_eq!(
        run::<point>(task(of_a_type::point), json!({"p": {"x": 1}})).x,
        1
    );
}

#[test]
fn a_function_may_hold_a_task() {
    #[task]
    fn in_a_function(#[task(default = 1)] x: i64) -> i64 {
        const STEP: i64 = 1;
        x + STEP
    }
    let in_a_closure = || {
        #[task]
        fn in_a_closure() -> i64 {
            in_a_function(2)
        }
        task(in_a_closure)
    };
    assert_eq!(run::<i64>(task(in_a_function), json!({})), 2);
    assert_eq!(run::<i64>(in_a_closure(), json!({})), 3);
    assert!(TaskRegistry::discover().unwrap().has("in_a_function"));
}

#[test]
fn conditions_switch_a_task_off_and_all_that_belongs_to_it() {
    let registry = TaskRegistry::discover().unwrap();
    for name in [
        "seen_in_tests",
        "on_below",
        "deep_down",
        "greet_user",
        "of_one_name",
    ] {
        assert!(registry.has(name), "{name}");
    }
    for name in ["off_above", "off_below", "off_by_an_attribute"] {
        assert!(!registry.has(name), "{name}");
    }
    assert!(run::<bool>(task(on_below), json!({})));
    assert!(run::<bool>(task(only_in_tests::seen_in_tests), json!({})));
    assert!(run::<bool>(task(of_one_name), json!({})));
}
