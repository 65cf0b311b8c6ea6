//! The form that runs a task.

use std::collections::{BTreeMap, BTreeSet};

use fantoccini::Locator;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;

#[derive(Serialize, Deserialize, JsonSchema)]
enum Colour {
    Red,
    /// Like grass.
    Green,
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum External {
    Unit,
    New(i64),
    Pair(u8, String),
    Named { deep: Option<Colour> },
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Internal {
    Circle { radius: f64 },
    Point,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Number(u64),
    Nothing,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Untagged {
    Whole(i64),
    Text(String),
    Many(Vec<bool>),
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Tree {
    value: i32,
    #[serde(default)]
    below: Vec<Self>,
}

/// Everything that a form has a shape for.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Everything {
    #[serde(skip_serializing_if = "Option::is_none")]
    small: Option<i8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsigned: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    float: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    yes: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    colour: Option<Colour>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external: Option<Vec<External>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    internal: Option<Vec<Internal>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adjacent: Option<Vec<Adjacent>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    untagged: Option<Vec<Untagged>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tuple: Option<(i8, String, bool)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    map: Option<BTreeMap<String, i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    numbered: Option<BTreeMap<u16, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<Tree>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    any: Option<Value>,
}

/// Gives back what it was given.
#[task(register = false)]
async fn echo(everything: Everything) -> Everything {
    everything
}

/// Adds what it is given.
#[task(register = false, tags = ["math"])]
async fn add(
    /// The first one.
    #[task(range(min = 0))]
    a: i64,
    b: u64,
    #[task(default = "sum")] label: String,
    note: Option<String>,
    #[task(secret, default = "none")] password: String,
) -> String {
    format!(
        "{label}: {} ({note:?}, {})",
        i128::from(a) + i128::from(b),
        password.len()
    )
}

fn builder() -> ServiceBuilder {
    let registry = TaskRegistry::builder().task(echo).task(add);
    Service::builder(info()).with_tasks(registry.build().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_entered_is_what_arrives() {
    let page = Dashboard::open(builder(), "/tasks").await;
    page.click_text("add").await;
    page.enter("/a", "9223372036854775807").await;
    page.enter("/b", "18446744073709551615").await;
    page.click("Execute").await;
    // The default is not sent, and the secret is not either.
    page.sees("sum: 27670116110564327422 (None, 4)").await;

    // Three states: not sent, null, a value.
    let note = "//*[@aria-label='note: what is sent']";
    let choose = |state: &str| format!("{note}//button[normalize-space()='{state}']");
    page.click_on(Locator::XPath(&choose("null"))).await;
    page.click("Execute").await;
    page.sees("(None, 4)").await;
    page.click_on(Locator::XPath(&choose("value"))).await;
    page.enter("/note", "nota bene").await;
    page.click("Execute").await;
    page.sees("(Some(\"nota bene\"), 4)").await;
    // The same as JSON, which is edited instead.
    page.click("JSON").await;
    let json = page.css("textarea.code").await;
    let text = json.prop("value").await.unwrap().unwrap();
    let read: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        read,
        json!({"a": i64::MAX, "b": u64::MAX, "note": "nota bene"})
    );
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_says_at_the_field_what_does_not_fit() {
    let page = Dashboard::open(builder(), "/tasks/add").await;
    page.field("/a").await;
    // Nothing is said of what nobody has entered yet.
    assert!(!page.body().await.contains("do not fit"));
    page.enter("/b", "1").await;
    page.enter("/a", "-1").await;
    page.sees("must be at least 0").await;
    let errors = page.css("[id='field/a-errors']").await;
    assert!(errors.text().await.unwrap().contains("at least 0"));
    // Digits that no 64 bits have are refused by the browser, exactly.
    page.enter("/b", "18446744073709551616").await;
    page.sees("it must be at most 18446744073709551615").await;
    page.enter("/b", "x").await;
    page.sees("`x` is not a number").await;
    // Who sends it all the same is led to the list of what is wrong.
    page.click("Execute").await;
    let focused = page.script("return document.activeElement.id").await;
    assert_eq!(focused, "form-errors");
    page.close().await;
}

/// Every shape goes from JSON into fields and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_shape_goes_through_the_form_unchanged() {
    let value = r#"{"everything":{"small":-128,"signed":-9223372036854775808,"unsigned":18446744073709551615,"float":1.5,"yes":false,"text":"a\n\"b\"","colour":"Green","external":["Unit",{"New":-9007199254740993},{"Pair":[255,"x"]},{"Named":{"deep":"Red"}},{"Named":{"deep":null}}],"internal":[{"kind":"circle","radius":0.1},{"kind":"point"}],"adjacent":[{"t":"Number","c":9007199254740993},{"t":"Nothing"}],"untagged":[1,"one",[true,false]],"tuple":[1,"t",true],"map":{"b":2,"a":-1},"numbered":{"7":"seven"},"set":["x","y"],"tree":{"value":1,"below":[{"value":2,"below":[{"value":3,"below":[]}]}]},"bytes":[0,255],"any":{"deep":[1.5,null]}}}"#;
    let page = Dashboard::open(builder(), "/tasks/echo").await;
    page.click("JSON").await;
    // Typing into it would have the editor's brackets in between; a person pastes.
    let paste = format!(
        "const area = document.querySelector('textarea.code');
         area.value = {}; area.dispatchEvent(new Event('input', {{bubbles: true}}));",
        json!(value)
    );
    page.script(&paste).await;
    page.click("Form").await;
    page.field("/everything/signed").await;
    let raw = page
        .script("return [...document.querySelectorAll('form textarea.code')].map(area => area.id)")
        .await;
    // All have fields, but for what may be anything.
    assert_eq!(raw, json!(["field/everything/any"]));
    page.click("Execute").await;
    page.sees("Result").await;
    page.click("JSON").await;
    let json = page.css("textarea.code").await;
    let text = json.prop("value").await.unwrap().unwrap();
    let sent: Value = serde_json::from_str(&text).unwrap();
    let expected: Value = serde_json::from_str(value).unwrap();
    assert_eq!(sent, expected);
    let shown = page.css("section.json").await.text().await.unwrap();
    for digits in ["18446744073709551615", "-9223372036854775808"] {
        assert!(shown.contains(digits), "{shown}");
    }
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_variants_lists_and_maps_are_entered_by_hand() {
    let page = Dashboard::open(builder(), "/tasks/echo").await;
    let value_of =
        |name: &str| format!("//*[@aria-label='{name}: what is sent']//button[.='value']");
    for name in ["internal", "map", "colour"] {
        page.click_on(Locator::XPath(&value_of(name))).await;
    }
    page.field("/everything/colour")
        .await
        .select_by_label("Green")
        .await
        .unwrap();
    page.click("Add an item").await;
    let variant = page.field("/everything/internal/0").await;
    variant.select_by_label("circle").await.unwrap();
    page.enter("/everything/internal/0/radius", "2.50").await;
    page.click("Add an entry").await;
    let name = page.css("[aria-label='Name of the entry']").await;
    name.send_keys("a/b").await.unwrap();
    page.enter("/everything/map/a~1b", "7").await;
    page.click("Execute").await;
    page.sees("Result").await;
    page.click("JSON").await;
    let json = page.css("textarea.code").await;
    let text = json.prop("value").await.unwrap().unwrap();
    assert!(text.contains("2.50"), "{text}");
    let sent: Value = serde_json::from_str(&text).unwrap();
    let expected = json!({"everything": {
        "colour": "Green", "internal": [{"kind": "circle", "radius": 2.5}], "map": {"a/b": 7},
    }});
    assert_eq!(sent, expected);
    page.close().await;
}

/// The field of a text that becomes long is the same one, and takes all that is typed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_text_is_typed_in_one_go() {
    let page = Dashboard::open(builder(), "/tasks/add").await;
    page.enter("/a", "1").await;
    page.enter("/b", "1").await;
    let value = "//*[@aria-label='label: what is sent']//button[.='value']";
    page.click_on(Locator::XPath(value)).await;
    let text = "words ".repeat(20);
    page.enter("/label", &text).await;
    let kept = page.field("/label").await.prop("value").await.unwrap();
    assert_eq!(kept, Some(text));
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_neither_kept_nor_copied() {
    let page = Dashboard::open(builder(), "/tasks/add").await;
    page.enter("/a", "1").await;
    page.enter("/b", "2").await;
    let value = "//*[@aria-label='password: what is sent']//button[.='value']";
    page.click_on(Locator::XPath(value)).await;
    page.enter("/password", "hunter2hunter2").await;
    let kind = page.field("/password").await.attr("type").await.unwrap();
    assert_eq!(kind.as_deref(), Some("password"));
    page.click("Execute").await;
    page.sees("(None, 14)").await;
    let kept = page
        .script("return JSON.stringify({...sessionStorage, ...localStorage}) + location.href")
        .await;
    assert!(!kept.to_string().contains("hunter2"), "{kept}");
    // What is not secret is still there after the page is loaded again.
    page.goto("/tasks/add").await;
    let a = page.field("/a").await.prop("value").await.unwrap();
    assert_eq!(a.as_deref(), Some("1"));
    page.close().await;
}

/// Says how large an artifact is.
#[task(register = false)]
async fn size(
    artifacts: ArtifactManager,
    file: tasks_web::artifacts::ArtifactId,
) -> anyhow::Result<u64> {
    let content = artifacts.content(file).await?;
    let content = content.ok_or_else(|| anyhow::anyhow!("there is no such artifact"))?;
    Ok(content.info.size)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_artifact_is_picked_or_uploaded() {
    let registry = TaskRegistry::builder().task(size).build().unwrap();
    let builder = Service::builder(info())
        .with_tasks(registry)
        .with_artifacts(ArtifactHierarchy::new("files"));
    let page = Dashboard::open(builder, "/tasks/size").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("twelve.txt");
    std::fs::write(&file, "twelve bytes").unwrap();
    let upload = page.css("[aria-label='file: upload a file']").await;
    upload.send_keys(file.to_str().unwrap()).await.unwrap();
    page.sees("twelve.txt is stored.").await;
    page.click("Execute").await;
    page.find(Locator::XPath("//*[normalize-space(text())='12']"))
        .await;

    // Another time it is there to be picked.
    page.goto("/tasks").await;
    page.script("sessionStorage.clear()").await;
    page.goto("/tasks/size").await;
    let pick = page.css("[aria-label='file: pick an artifact']").await;
    pick.select_by_label("twelve.txt").await.unwrap();
    let id = page.field("/file").await.prop("value").await.unwrap();
    assert_eq!(id.map(|id| id.len()), Some(26));
    page.click("Execute").await;
    page.find(Locator::XPath("//*[normalize-space(text())='12']"))
        .await;
    page.close().await;
}
