//! Three tasks of the benchmark in axum with aide.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::post;
use aide::openapi::OpenApi;
use axum::extract::DefaultBodyLimit;
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Body<P> {
    params: P,
}

#[derive(Serialize, JsonSchema)]
struct Answer<P, R> {
    task_name: &'static str,
    params: P,
    result: R,
    error: Option<String>,
}

fn answer<P, R>(task_name: &'static str, params: P, result: R) -> Json<Answer<P, R>> {
    Json(Answer {
        task_name,
        params,
        result,
        error: None,
    })
}

#[derive(Clone, Deserialize, Serialize, JsonSchema)]
struct GreetUser {
    #[serde(default = "world")]
    name: String,
}

fn world() -> String {
    "World".to_owned()
}

#[derive(Serialize, JsonSchema)]
struct Greeting {
    message: String,
}

async fn greet_user(Json(body): Json<Body<GreetUser>>) -> Json<Answer<GreetUser, Greeting>> {
    let message = format!("Hello, {}!", body.params.name);
    answer("greet_user", body.params, Greeting { message })
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct TextLength {
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Length {
    length: usize,
}

async fn text_length(Json(body): Json<Body<TextLength>>) -> Json<Answer<TextLength, Length>> {
    let length = body.params.text.len();
    answer("text_length", body.params, Length { length })
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Sum {
    values: Vec<f64>,
}

#[derive(Serialize, JsonSchema)]
struct Total {
    total: f64,
}

async fn sum(Json(body): Json<Body<Sum>>) -> Json<Answer<Sum, Total>> {
    let total = body.params.values.iter().sum();
    answer("sum", body.params, Total { total })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("PORT is missing")?.parse()?;
    let mut document = OpenApi::default();
    let app = ApiRouter::new()
        .api_route("/api/v1/tasks/greet_user/$execute", post(greet_user))
        .api_route("/api/v1/tasks/text_length/$execute", post(text_length))
        .api_route("/api/v1/tasks/sum/$execute", post(sum))
        .finish_api(&mut document)
        .layer(DefaultBodyLimit::max(2 * 1024 * 1024))
        .layer(Extension(Arc::new(document)));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, app).await?;
    Ok(())
}
