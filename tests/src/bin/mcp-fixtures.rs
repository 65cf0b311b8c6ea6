//! The tools, prompts and resources that the conformance suite of the Model Context Protocol asks for.

#![allow(
    clippy::unused_async,
    unreachable_pub,
    reason = "the suite says what there is"
)]

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_web::mcp::{Content, Mcp, PromptMessage, PromptRole};
use tasks_web::prelude::*;

/// A picture of one pixel.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89,
];

/// A sound of no length.
const WAV: &[u8] =
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0";

/// Greets somebody.
#[task(read_only, open_world = false)]
async fn greet(#[task(default = "World")] name: String) -> String {
    format!("Hello, {name}!")
}

/// Answers with a text.
#[task]
async fn test_simple_text() -> &'static str {
    "This is a simple text response for testing."
}

/// Answers with a picture.
#[task]
async fn test_image_content() -> Content {
    Content::image(PNG, "image/png")
}

/// Answers with a sound.
#[task]
async fn test_audio_content() -> Content {
    Content::audio(WAV, "audio/wav")
}

/// Answers with a resource.
#[task]
async fn test_embedded_resource() -> Content {
    let text = "This is an embedded resource content.";
    Content::text_resource("test://embedded-resource", text, "text/plain")
}

/// Answers with content of several kinds.
#[task]
async fn test_multiple_content_types() -> Vec<Content> {
    let json = r#"{"test":"data","value":123}"#;
    vec![
        Content::text("Multiple content types test:"),
        Content::image(PNG, "image/png"),
        Content::text_resource("test://mixed-content-resource", json, "application/json"),
    ]
}

/// Fails.
#[task]
async fn test_error_handling() -> anyhow::Result<()> {
    anyhow::bail!("This tool intentionally returns an error for testing")
}

/// Says how far it is.
#[task]
async fn test_tool_with_progress(context: TaskContext) -> &'static str {
    for step in [0, 50, 100] {
        context.progress(step, 100, "working");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    "done"
}

/// Logs, and sends nothing of that to a client that did not ask.
#[task]
async fn test_logging_tool(context: TaskContext) -> &'static str {
    context.log("a line");
    "logged"
}

/// An address.
#[derive(Deserialize, JsonSchema)]
struct Address {
    #[allow(dead_code, reason = "it is the schema that counts")]
    street: String,
}

/// Takes what needs definitions.
#[task]
async fn json_schema_2020_12_tool(name: Option<String>, address: Option<Address>) -> String {
    format!("{name:?} {}", address.is_some())
}

/// Computes for a while.
#[task(mcp = "job")]
async fn slow_compute(context: TaskContext, seconds: f64, label: Option<String>) -> String {
    context.progress(0, 1, "computing");
    tokio::time::sleep(Duration::from_secs_f64(seconds.clamp(0.0, 600.0))).await;
    label.unwrap_or_default()
}

/// Takes its time, within its call.
#[task]
async fn slow_call(seconds: f64) -> &'static str {
    tokio::time::sleep(Duration::from_secs_f64(seconds.clamp(0.0, 600.0))).await;
    "done"
}

/// Fails as a job.
#[task(mcp = "job")]
async fn failing_job() -> anyhow::Result<()> {
    tokio::time::sleep(Duration::from_millis(500)).await;
    anyhow::bail!("the job fails")
}

/// Fails for a reason that is the service's.
#[task(mcp = "job")]
async fn protocol_error_job() -> String {
    // More than the jobs of this program may return.
    "x".repeat(2 * 1024 * 1024)
}

/// A person's yes or no.
#[derive(Deserialize, JsonSchema)]
struct Confirmation {
    confirm: bool,
}

/// Deletes nothing, once somebody agrees.
#[task(mcp = "job", events(confirm: Confirmation))]
async fn confirm_delete(context: TaskContext, filename: String) -> anyhow::Result<String> {
    let said: Confirmation = context.wait_for("confirm", Duration::from_secs(60)).await?;
    Ok(match said.confirm {
        true => format!("deleted {filename}"),
        false => "kept".to_owned(),
    })
}

/// A name.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Named {
    name: Option<String>,
}

/// Waits for two persons at once.
#[task(mcp = "job", events(first: Named, second: Named))]
async fn multi_input(context: TaskContext) -> anyhow::Result<String> {
    let time = Duration::from_secs(60);
    let (first, second): (Result<Named, _>, Result<Named, _>) = tokio::join!(
        context.wait_for("first", time),
        context.wait_for("second", time)
    );
    Ok(format!("{:?} {:?}", first?.name, second?.name))
}

/// A prompt without arguments.
#[task(prompt)]
async fn test_simple_prompt() -> &'static str {
    "This is a simple prompt for testing."
}

/// A prompt with arguments.
#[task(prompt)]
async fn test_prompt_with_arguments(
    /// The first.
    #[task(example = "hello")]
    arg1: String,
    /// The second.
    arg2: String,
) -> String {
    format!("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")
}

/// A prompt with a resource in it.
#[task(prompt)]
async fn test_prompt_with_embedded_resource(
    /// Address of the resource.
    #[task(rename = "resourceUri")]
    resource_uri: String,
) -> Vec<PromptMessage> {
    let text = "Embedded resource content for testing.";
    let resource = Content::text_resource(resource_uri, text, "text/plain");
    vec![
        PromptMessage::new(PromptRole::User, resource),
        PromptMessage::user("Please process the embedded resource above."),
    ]
}

/// A prompt with a picture in it.
#[task(prompt)]
async fn test_prompt_with_image() -> Vec<PromptMessage> {
    vec![
        PromptMessage::new(PromptRole::User, Content::image(PNG, "image/png")),
        PromptMessage::user("Please analyze the image above."),
    ]
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let text = "This is the content of the static text resource.";
    let service = Service::builder(
        ServiceInfo::new("mcp-fixtures", "MCP fixtures").description("What the suite asks for."),
    )
    .with_database(Database::from_env_or("DATABASE_URL", "sqlite::memory:"))
    .with_jobs(Jobs::new().max_result_size(1024 * 1024))
    .with_mcp_settings(
        Mcp::new()
            .resource(Content::text_resource(
                "test://static-text",
                text,
                "text/plain",
            ))
            .resource(Content::binary_resource(
                "test://static-binary",
                PNG,
                "image/png",
            )),
    )
    .with_logging()
    .build()
    .await?;
    match std::env::args().nth(1).as_deref() {
        Some("mcp") => service.run_mcp_stdio().await?,
        _ => service.run().await?,
    }
    Ok(())
}
