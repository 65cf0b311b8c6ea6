//! `bench-service PORT TASKS [agents]`: the tasks of the benchmarks, and as many more under other names as make up the number; with the third
//! argument in a whole service, which has an MCP server.

#![allow(
    clippy::too_many_arguments,
    reason = "that is what one of them measures"
)]

use std::io::IsTerminal;

use actix_web::{App, HttpServer};
use anyhow::Context as _;
use schemars::JsonSchema;
use serde::Serialize;
use tasks_web::mcp::Mcp;
use tasks_web::prelude::*;

#[derive(Serialize, JsonSchema)]
struct Greeting {
    message: String,
}

/// Simple task that returns a greeting.
#[task(tags = ["demo", "simple"])]
async fn greet_user(
    /// Who to greet.
    #[task(default = "World")]
    name: String,
) -> Greeting {
    Greeting {
        message: format!("Hello, {name}!"),
    }
}

#[derive(Serialize, JsonSchema)]
struct Length {
    length: usize,
}

/// Measures a text.
#[task(tags = ["demo"])]
async fn text_length(text: String) -> Length {
    Length { length: text.len() }
}

#[derive(Serialize, JsonSchema)]
struct Total {
    total: f64,
}

/// Adds numbers.
#[task(tags = ["math"])]
async fn sum(values: Vec<f64>) -> Total {
    Total {
        total: values.iter().sum(),
    }
}

/// Adds up what twenty parameters hold.
#[task(tags = ["math"])]
async fn wide(
    title: String,
    author: String,
    publisher: String,
    language: String,
    subject: String,
    series: String,
    edition: String,
    place: String,
    year: i64,
    pages: i64,
    volume: i64,
    number: i64,
    weight: f64,
    height: f64,
    width: f64,
    price: f64,
    lent: Option<bool>,
    damaged: Option<bool>,
    rare: Option<bool>,
    signed: Option<bool>,
) -> Total {
    let texts = [
        title, author, publisher, language, subject, series, edition, place,
    ];
    let flags = [lent, damaged, rare, signed];
    let text: usize = texts.iter().map(String::len).sum();
    let set = flags.into_iter().flatten().filter(|flag| *flag).count();
    Total {
        total: text as f64
            + (year + pages + volume + number) as f64
            + weight
            + height
            + width
            + price
            + set as f64,
    }
}

/// Books a room: ten parameters with constraints.
#[task(tags = ["demo"])]
async fn book_room(
    #[task(length(min = 1, max = 40))] name: String,
    #[task(length(min = 2, max = 8), pattern = "^[a-z]+-[0-9]+$")] room: String,
    #[task(format = "date")] date: String,
    #[task(one_of("meeting", "party", "concert"))] kind: String,
    #[task(range(min = 0, max = 23))] hour: u8,
    #[task(range(min = 15, max = 720), multiple_of = 15)] minutes: u32,
    #[task(range(min = 1, max = 500))] people: i64,
    #[task(range(exclusive_min = 0.0, max = 1.0))] share: f64,
    #[task(range(min = 0.0))] price: f64,
    #[task(length(max = 5), items(length(min = 1, max = 20)))] tags: Vec<String>,
) -> Total {
    let texts = [name, room, date, kind];
    let text: usize = texts.iter().chain(&tags).map(String::len).sum();
    Total {
        total: text as f64 + f64::from(hour) + f64::from(minutes) + people as f64 + share + price,
    }
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what| {
        arguments
            .by_ref()
            .next()
            .context(what)
            .and_then(|text| Ok(text.parse()?))
    };
    let port: u16 = next("PORT is missing")?;
    let tasks: u16 = next("TASKS is missing")?;
    // As a service would have it: the framework's spans are on.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();

    let mut registry = TaskRegistry::builder().discover();
    for number in 4..tasks {
        registry = registry.task(task(greet_user).named(format!("greet_{number:05}")));
    }
    let registry = registry.build()?;
    if arguments.next().is_some() {
        return Service::builder(ServiceInfo::new("bench", "Bench"))
            .with_tasks(registry)
            .with_mcp_settings(Mcp::new().max_tools(10_000))
            .without_docs()
            .bind("127.0.0.1", port)
            .http_threads(1)
            .build()
            .await?
            .run()
            .await
            .map_err(Into::into);
    }
    let executor = TaskExecutor::builder(registry).build()?;
    HttpServer::new(move || {
        App::new().service(tasks_web::scope("/api/v1/tasks", executor.clone()))
    })
    .workers(1)
    .bind(("127.0.0.1", port))?
    .run()
    .await?;
    Ok(())
}
