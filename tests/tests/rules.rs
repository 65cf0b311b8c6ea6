//! Rules beyond a schema: `#[task(validate = …)]` and `#[task(garde)]`, wherever arguments are sent.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::App;
use actix_web::test::{TestRequest, call_service, init_service, read_body_json};

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tasks_web::prelude::*;
use tasks_web::{ArgumentError, ArgumentErrorCode, ExecuteError, InvalidArguments};

/// How often a body of a task ran that has to be refused before.
static RAN: AtomicUsize = AtomicUsize::new(0);

fn check_stay(from: &u32, to: &u32, nights: &Option<u32>) -> Result<(), Vec<ArgumentError>> {
    let mut errors = Vec::new();
    if from > to {
        errors.push(
            ArgumentError::of_parameter("until", format!("{to} is before {from}"))
                .with_code("order"),
        );
    }
    if nights.is_some_and(|nights| from + nights != *to) {
        errors.push(
            ArgumentError::new("", "`nights` does not fit").with_code(ArgumentErrorCode::Range),
        );
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// Takes a stay.
#[task(register = false, validate = check_stay)]
async fn book(from: u32, #[task(rename = "until")] to: u32, nights: Option<u32>) -> u32 {
    let _ = nights;
    RAN.fetch_add(1, Ordering::Relaxed);
    to - from
}

mod rules {
    use super::*;

    pub(super) const MOST: usize = 3;

    pub(super) struct Words;

    impl Words {
        pub(super) fn within<const MOST: usize>(
            text: &str,
            words: &[String],
            most: usize,
        ) -> Result<(), ArgumentError> {
            if words.len() > MOST.min(most) {
                return Err(ArgumentError::of_parameter("words", "too many").at(most));
            }
            match words.iter().position(|word| !text.contains(word)) {
                Some(index) => Err(ArgumentError::of_parameter("words", "is not there").at(index)),
                None => Ok(()),
            }
        }
    }
}

/// A value from the server.
#[derive(Clone, Injectable)]
struct Greeting(&'static str);

#[task(register = false, validate = rules::Words::within::<9>(text, words, rules::MOST))]
fn find(text: &str, greeting: &Greeting, words: &[String]) -> String {
    format!("{} {}", greeting.0, text.len() + words.len())
}

#[derive(Deserialize, JsonSchema)]
struct Window {
    from: i64,
    to: i64,
}

impl Window {
    fn check(&self, most: i64) -> Result<(), String> {
        if self.to - self.from > most {
            return Err(format!("longer than {most}"));
        }
        Ok(())
    }
}

#[task(register = false, validate = window.check(*most))]
async fn watch(window: Window, #[task(default = 5)] most: i64) -> i64 {
    window.to - window.from + most
}

fn explode(_: &str) -> Result<(), &'static str> {
    panic!("a rule with a bug")
}

#[task(register = false, validate = explode)]
async fn fragile(text: String) -> String {
    text
}

fn quotes(password: &str, pins: &[u32]) -> Result<(), Vec<ArgumentError>> {
    Err(vec![
        ArgumentError::of_parameter("password", format!("`{password}` is too simple")),
        ArgumentError::of_parameter("pins", format!("{} is taken", pins[0])),
        ArgumentError::of_parameter("pins", "of others"),
    ])
}

fn quotes_otherwise(token: &str, spare: &str) -> Result<(), Vec<ArgumentError>> {
    Err(vec![
        ArgumentError::of_parameter("token", format!("{token:?} is too simple")),
        ArgumentError::of_parameter("token", serde_json::to_string(token).unwrap()),
        ArgumentError::of_parameter("token", "in the pointer").at(token),
        ArgumentError::of_parameter("token", "in the code").with_code(token.to_owned()),
        ArgumentError::of_parameter(token, "of no parameter"),
        ArgumentError::new(format!("/params/token/0/{token}/1"), "as it is"),
        ArgumentError::of_parameter("spare", format!("the default {spare} is too simple")),
        ArgumentError::of_parameter("spare", "not changed").with_code("default"),
    ])
}

#[task(register = false, validate = quotes_otherwise)]
async fn enter_by_token(
    #[task(secret)] token: String,
    #[task(secret, default = "letmein")] spare: String,
) -> usize {
    token.len() + spare.len()
}

#[task(register = false, validate = quotes)]
async fn enter(#[task(secret)] password: String, #[task(secret)] pins: Vec<u32>) -> usize {
    password.len() + pins.len()
}

#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[garde(custom(known))]
    #[serde(rename = "customer")]
    by_whom: String,
    #[garde(dive)]
    first_line: Line,
    #[garde(dive)]
    more_lines: Vec<Line>,
    #[garde(dive)]
    #[serde(default)]
    by_key: BTreeMap<String, Line>,
    #[garde(dive)]
    gift: Option<Gift>,
    #[garde(dive)]
    #[serde(default)]
    tags: BTreeSet<Tag>,
}

#[derive(Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize, Validate)]
struct Tag(#[garde(custom(known))] String);

#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[garde(custom(cheaper))]
struct Line {
    #[garde(custom(positive), range(max = 1000))]
    #[serde(rename = "unitPrice")]
    unit_price: i64,
    #[garde(skip)]
    #[serde(default)]
    discount: i64,
}

fn positive(price: &i64, (): &()) -> garde::Result {
    if *price < 1 {
        return Err(garde::Error::new("lower than 1"));
    }
    Ok(())
}

fn known(name: &str, (): &()) -> garde::Result {
    if !["Ada", "Grace"].contains(&name) {
        return Err(garde::Error::new(format!("`{name}` is not known")));
    }
    Ok(())
}

fn cheaper(line: &Line, (): &()) -> garde::Result {
    if line.discount > line.unit_price {
        return Err(garde::Error::new("the discount is more than the price"));
    }
    Ok(())
}

#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
enum Gift {
    Card {
        #[garde(custom(known))]
        text: String,
    },
    Wrapped(#[garde(dive)] Line),
}

fn few(order: &Option<Order>, count: &u32) -> Result<(), ArgumentError> {
    match order {
        Some(order) if order.more_lines.len() as u32 + 1 != *count => Err(
            ArgumentError::of_parameter("count", "is not the number of lines").with_code("count"),
        ),
        _ => Ok(()),
    }
}

#[task(register = false, validate = few)]
async fn order(#[task(garde)] order: Option<Order>, count: u32) -> usize {
    RAN.fetch_add(1, Ordering::Relaxed);
    order.map_or(0, |order| order.more_lines.len()) + count as usize
}

/// What a rule of the shop asks.
#[derive(Clone)]
struct Shop {
    largest: i64,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[garde(context(Shop))]
struct Amount(#[garde(custom(in_shop))] i64);

fn in_shop(amount: &i64, shop: &Shop) -> garde::Result {
    if *amount > shop.largest {
        return Err(garde::Error::new(format!(
            "{amount} is more than {}",
            shop.largest
        )));
    }
    Ok(())
}

#[task(register = false)]
async fn buy(
    #[task(garde, default = vec![Amount(1000)])] amounts: Vec<Amount>,
    #[task(garde, secret)] limit: Amount,
) -> usize {
    amounts.len() + usize::try_from(limit.0).unwrap_or(0)
}

#[task(register = false)]
async fn name_all(#[task(garde)] tags: HashMap<String, Vec<Tag>>) -> usize {
    tags.len()
}

fn errors(result: Result<Value, ExecuteError>) -> Vec<(String, String, String)> {
    match result {
        Err(ExecuteError::InvalidArguments {
            reason: InvalidArguments::Mismatch(errors),
            ..
        }) => errors
            .into_iter()
            .map(|error| {
                let code = error.code.as_str().to_owned();
                (error.pointer, code, error.detail)
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn texts(errors: &[(String, String, String)]) -> Vec<(&str, &str, &str)> {
    errors
        .iter()
        .map(|(pointer, code, detail)| (pointer.as_str(), code.as_str(), detail.as_str()))
        .collect()
}

fn executor() -> TaskExecutor {
    let registry = TaskRegistry::builder()
        .task(book)
        .task(find)
        .task(watch)
        .task(fragile)
        .task(enter)
        .task(enter_by_token)
        .task(name_all)
        .task(order)
        .task(buy)
        .build()
        .unwrap();
    TaskExecutor::builder(registry)
        .provide(Greeting("hello"))
        .provide(Shop { largest: 100 })
        .build()
        .unwrap()
}

#[actix_web::test]
async fn a_rule_sees_all_parameters_and_names_those_that_are_wrong() {
    let executor = executor();
    let nights: u32 = executor
        .run(call!(book, from = 1, until = 3, nights = 2))
        .await
        .unwrap();
    assert_eq!(nights, 2);

    let refused = errors(
        executor
            .run(call!(book, from = 3, until = 1, nights = 2))
            .await,
    );
    assert_eq!(
        texts(&refused),
        [
            ("/params/until", "order", "1 is before 3"),
            ("/params", "range", "`nights` does not fit"),
        ]
    );
    // What does not even fit its type is said alone.
    let refused = errors(
        executor
            .execute("book", json!({"from": "a", "until": 1}))
            .await,
    );
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].1, "type");
}

#[actix_web::test]
async fn a_rule_gets_the_parameters_that_it_names() {
    let executor = executor();
    let found: String = executor
        .execute("find", json!({"text": "abc", "words": ["a", "c"]}))
        .await
        .unwrap();
    assert_eq!(found, "hello 5");
    let refused = errors(
        executor
            .execute("find", json!({"text": "abc", "words": ["a", "x"]}))
            .await,
    );
    assert_eq!(
        texts(&refused),
        [("/params/words/1", "invalid", "is not there")]
    );
    let refused = errors(
        executor
            .execute("find", json!({"text": "", "words": ["", "", "", ""]}))
            .await,
    );
    assert_eq!(
        texts(&refused),
        [("/params/words/3", "invalid", "too many")]
    );

    let refused = errors(
        executor
            .execute("watch", json!({"window": {"from": 1, "to": 7}}))
            .await,
    );
    assert_eq!(texts(&refused), [("/params", "invalid", "longer than 5")]);
    let long: i64 = executor
        .execute("watch", json!({"window": {"from": 1, "to": 7}, "most": 6}))
        .await
        .unwrap();
    assert_eq!(long, 12);
}

#[actix_web::test]
async fn a_rule_that_panics_is_an_error_of_the_server() {
    let result = executor()
        .execute::<Value>("fragile", json!({"text": "a"}))
        .await;
    let Err(ExecuteError::Panicked { task, message }) = result else {
        panic!("{result:?}");
    };
    assert_eq!(
        (task.as_str(), message.as_str()),
        ("fragile", "a rule with a bug")
    );
}

#[actix_web::test]
async fn no_error_shows_a_secret() {
    let params = json!({"password": "123456", "pins": [4711]});
    let refused = errors(executor().execute("enter", params).await);
    let hidden = "not a valid value; it is secret, so it is not shown";
    assert_eq!(
        texts(&refused),
        [
            ("/params/password", "invalid", hidden),
            ("/params/pins", "invalid", hidden),
            ("/params/pins", "invalid", "of others"),
        ]
    );
    let params = json!({"token": "Hunter\t2\"lo/ng\\x"});
    let refused = errors(executor().execute("enter_by_token", params).await);
    assert_eq!(
        texts(&refused),
        [
            ("/params/token", "invalid", hidden),
            ("/params/token", "invalid", hidden),
            ("/params/token", "invalid", "in the pointer"),
            ("/params/token", "invalid", hidden),
            ("/params", "invalid", "of no parameter"),
            ("/params/token/0", "invalid", "as it is"),
            ("/params/spare", "invalid", hidden),
            ("/params/spare", "default", "not changed"),
        ]
    );
    let refused = errors(
        executor()
            .execute("buy", json!({"amounts": [], "limit": 123_456}))
            .await,
    );
    assert_eq!(texts(&refused), [("/params/limit", "invalid", hidden)]);
}

#[actix_web::test]
async fn many_errors_of_garde_are_listed_in_the_order_of_what_was_sent() {
    // A task that looked through all of it for each error would not be done within a minute.
    let tags: serde_json::Map<String, Value> = (0..60_000)
        .map(|index| ((60_000 - index).to_string(), json!([format!("x{index}")])))
        .collect();
    let refused = errors(
        executor()
            .execute("name_all", json!({ "tags": tags }))
            .await,
    );
    assert_eq!(refused.len(), 100);
    for (index, (pointer, _, _)) in refused.iter().take(99).enumerate() {
        assert_eq!(*pointer, format!("/params/tags/{}/0", 60_000 - index));
    }
    assert_eq!(refused[99].1, "too_many");
}

#[actix_web::test]
async fn types_that_garde_validates_are_validated_at_any_depth() {
    let line = json!({"unitPrice": 1});
    let executor = executor();
    let order = json!({
        "customer": "a",
        "firstLine": {"unitPrice": 0, "discount": 1},
        "moreLines": [line, {"unitPrice": -1, "discount": -2}],
        "byKey": {"a/b": {"unitPrice": 0}},
        "gift": {"Card": {"text": "Happy birthday"}},
        "tags": ["long one"],
    });
    let refused = errors(
        executor
            .execute("order", json!({"order": order, "count": 7}))
            .await,
    );
    assert_eq!(
        texts(&refused),
        [
            // The name was changed altogether, so that Rust's is said.
            ("/params/order", "invalid", "`by_whom`: `a` is not known"),
            (
                "/params/order/firstLine",
                "invalid",
                "the discount is more than the price"
            ),
            (
                "/params/order/firstLine/unitPrice",
                "invalid",
                "lower than 1"
            ),
            (
                "/params/order/moreLines/1/unitPrice",
                "invalid",
                "lower than 1"
            ),
            (
                "/params/order/byKey/a~1b/unitPrice",
                "invalid",
                "lower than 1"
            ),
            (
                "/params/order/gift/Card/text",
                "invalid",
                "`Happy birthday` is not known"
            ),
            (
                "/params/order/tags",
                "invalid",
                "`[0]`: `long one` is not known"
            ),
            ("/params/count", "count", "is not the number of lines"),
        ]
    );
    let order = json!({
        "customer": "Ada", "firstLine": line, "moreLines": [], "gift": {"Wrapped": {"unitPrice": 0}},
    });
    let refused = errors(
        executor
            .execute("order", json!({"order": order, "count": 1}))
            .await,
    );
    assert_eq!(
        texts(&refused),
        [(
            "/params/order/gift/Wrapped/unitPrice",
            "invalid",
            "lower than 1"
        )]
    );
    // What schemars takes from garde's attributes is enforced before, in words and with a code of its own.
    let order = json!({"customer": "a", "firstLine": {"unitPrice": 1001}, "moreLines": []});
    let refused = errors(
        executor
            .execute("order", json!({"order": order, "count": 1}))
            .await,
    );
    assert_eq!(
        texts(&refused),
        [(
            "/params/order/firstLine/unitPrice",
            "range",
            "must be at most 1000, and is 1001"
        )]
    );
    let count: usize = executor
        .execute("order", json!({"count": 1}))
        .await
        .unwrap();
    assert_eq!(count, 1);
}

#[actix_web::test]
async fn a_context_is_what_was_provided() {
    let executor = executor();
    let refused = errors(
        executor
            .execute("buy", json!({"amounts": [1, 101], "limit": 1}))
            .await,
    );
    assert_eq!(
        texts(&refused),
        [("/params/amounts/1", "invalid", "101 is more than 100")]
    );
    // A default has to keep the rules, too.
    let refused = errors(executor.execute("buy", json!({"limit": 1})).await);
    assert_eq!(
        texts(&refused),
        [("/params/amounts/0", "invalid", "1000 is more than 100")]
    );

    let registry = || TaskRegistry::builder().task(buy).build().unwrap();
    assert!(registry().needs::<Shop>());
    let missing = TaskExecutor::builder(registry())
        .build()
        .unwrap_err()
        .to_string();
    assert!(
        missing.contains("Shop") && missing.contains("amounts"),
        "{missing}"
    );
    // One that is made per call cannot be had where a job is submitted.
    let per_call = TaskExecutor::builder(registry())
        .provide_with(|_| async { Ok::<_, std::io::Error>(Shop { largest: 1 }) })
        .build();
    assert!(per_call.is_err());
}

#[test]
fn a_rule_of_a_closure_has_to_fit_it() {
    let builder = || {
        TaskRegistry::builder()
            .task(fragile)
            .register_fn("watch", ["time"], |window: Window| async move {
                Ok::<_, TaskError>(window.to - window.from)
            })
            .register_fn("now", ["time"], |()| async { Ok::<_, TaskError>(0) })
    };
    let rule = |window: &Window| window.check(5);
    builder().validate("watch", rule).build().unwrap();
    let error = builder()
        .validate("watch", |_: &Order| Err("of something else"))
        .validate("now", rule)
        .validate("fragile", rule)
        .validate("wach", rule)
        .validate("watch", rule)
        .validate("watch", rule)
        .build()
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "the registry cannot be built\n  \
         task `watch`: the rule is of a `rules::Order`, and the closure takes a `rules::Window`\n  \
         task `now`: the rule is of a `rules::Window`, and the closure takes a `()`\n  \
         task `fragile`: it is a function, whose rule is written beside it: `#[task(validate = …)]`\n  \
         task `wach`: it has a rule, and was not added before\n  \
         task `watch`: it has two rules: make one of them"
    );
}

/// The same error wherever arguments are sent.
#[actix_web::test]
async fn executions_jobs_and_schedules_refuse_alike() {
    let registry = TaskRegistry::builder()
        .task(book)
        .task(order)
        .task(fragile)
        .register_fn("watch", ["time"], |window: Window| async move {
            RAN.fetch_add(1, Ordering::Relaxed);
            Ok::<_, TaskError>(window.to - window.from)
        })
        .validate("watch", |window: &Window| window.check(5))
        .build()
        .unwrap();
    let service = Service::builder(ServiceInfo::new("rules", "Rules"))
        .with_tasks(registry)
        .with_database(Database::sqlite_in_memory())
        .with_jobs(Jobs::new().run_workers(false))
        .build()
        .await
        .unwrap();
    let app = init_service(App::new().configure(service.configure())).await;
    let line = json!({"unitPrice": 0});
    let order = json!({"customer": "Ada", "firstLine": line, "moreLines": []});
    let before = RAN.load(Ordering::Relaxed);
    for (task, params, expected) in [
        (
            "book",
            json!({"from": 2, "until": 1}),
            json!([{"pointer": "/params/until", "code": "order", "detail": "1 is before 2"}]),
        ),
        (
            "watch",
            json!({"from": 1, "to": 7}),
            json!([{"pointer": "/params", "code": "invalid", "detail": "longer than 5"}]),
        ),
        (
            "order",
            json!({"order": order, "count": 2}),
            json!([
                {"pointer": "/params/order/firstLine/unitPrice", "code": "invalid", "detail": "lower than 1"},
                {"pointer": "/params/count", "code": "count", "detail": "is not the number of lines"},
            ]),
        ),
    ] {
        let body = json!({ "params": params });
        let schedule = json!({"task_name": task, "params": params, "interval": 60});
        for request in [
            TestRequest::post()
                .uri(&format!("/api/v1/tasks/{task}/$execute"))
                .set_json(&body),
            TestRequest::post()
                .uri(&format!("/api/v1/tasks/{task}/$submit"))
                .set_json(&body),
            TestRequest::put()
                .uri("/api/v1/schedules/hourly")
                .set_json(&schedule),
        ] {
            let response = call_service(&app, request.to_request()).await;
            let (status, path) = (response.status(), response.request().path().to_owned());
            let problem: Value = read_body_json(response).await;
            assert_eq!(status, 422, "{path}: {problem}");
            assert_eq!(problem["type"], "urn:tasks:problem:invalid-arguments");
            assert_eq!(problem["errors"], expected, "{path}");
        }
    }
    assert_eq!(RAN.load(Ordering::Relaxed), before);
    // What keeps the rules is stored.
    let request = TestRequest::post()
        .uri("/api/v1/tasks/book/$submit")
        .set_json(json!({"params": {"from": 1, "until": 2}}));
    let response = call_service(&app, request.to_request()).await;
    assert_eq!(response.status(), 202);
    for way in ["$execute", "$submit"] {
        let request = TestRequest::post()
            .uri(&format!("/api/v1/tasks/fragile/{way}"))
            .set_json(json!({"params": {"text": "a"}}));
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), 500);
        let problem: Value = read_body_json(response).await;
        assert_eq!(problem["type"], "urn:tasks:problem:internal", "{problem}");
    }
    service.shutdown().await;
}
