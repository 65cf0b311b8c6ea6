//! Services as their builder makes them, over HTTP and as processes.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod auth;
mod broken_log;
mod build;
mod changed_database;
mod cors;
mod edge;
mod full_disk;
mod half_closed;
mod health;
mod jobs;
mod landing;
mod lifecycle;
mod logging;
mod login;
mod management;
mod monitoring;
mod proxies;
mod storage;
mod streams;
mod understood;
mod unread;

use tasks_tests::app::Running;
use tasks_web::ServiceBuilder;
use tasks_web::prelude::*;

#[task(register = false, tags = ["math"])]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[task(register = false, tags = ["text", "demo"])]
async fn shout(text: String) -> String {
    text.to_uppercase()
}

#[task(register = false)]
async fn fail(#[task(secret)] password: String) -> Result<(), TaskError> {
    let _ = password;
    Err(TaskError::msg("it failed"))
}

fn registry() -> TaskRegistry {
    TaskRegistry::builder()
        .task(add)
        .task(shout)
        .task(fail)
        .build()
        .unwrap()
}

fn builder() -> ServiceBuilder {
    Service::builder(ServiceInfo::new("under-test", "Under test")).with_tasks(registry())
}

async fn serve(builder: ServiceBuilder) -> Running {
    Running::service(&builder.build().await.unwrap())
}
