//! Three tasks of the benchmark in dropshot.

use dropshot::{
    ApiDescription, ConfigDropshot, ConfigLogging, ConfigLoggingLevel, HttpError, HttpResponseOk,
    RequestContext, ServerBuilder, TypedBody, endpoint,
};
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

type Answered<P, R> = Result<HttpResponseOk<Answer<P, R>>, HttpError>;

fn answer<P, R>(task_name: &'static str, params: P, result: R) -> Answered<P, R>
where
    P: Serialize + JsonSchema + Send + Sync + 'static,
    R: Serialize + JsonSchema + Send + Sync + 'static,
{
    Ok(HttpResponseOk(Answer {
        task_name,
        params,
        result,
        error: None,
    }))
}

#[derive(Deserialize, Serialize, JsonSchema)]
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

#[endpoint { method = POST, path = "/api/v1/tasks/greet_user/$execute" }]
async fn greet_user(
    _: RequestContext<()>,
    body: TypedBody<Body<GreetUser>>,
) -> Answered<GreetUser, Greeting> {
    let params = body.into_inner().params;
    let message = format!("Hello, {}!", params.name);
    answer("greet_user", params, Greeting { message })
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct TextLength {
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Length {
    length: usize,
}

#[endpoint { method = POST, path = "/api/v1/tasks/text_length/$execute" }]
async fn text_length(
    _: RequestContext<()>,
    body: TypedBody<Body<TextLength>>,
) -> Answered<TextLength, Length> {
    let params = body.into_inner().params;
    let length = params.text.len();
    answer("text_length", params, Length { length })
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Sum {
    values: Vec<f64>,
}

#[derive(Serialize, JsonSchema)]
struct Total {
    total: f64,
}

#[endpoint { method = POST, path = "/api/v1/tasks/sum/$execute" }]
async fn sum(_: RequestContext<()>, body: TypedBody<Body<Sum>>) -> Answered<Sum, Total> {
    let params = body.into_inner().params;
    let total = params.values.iter().sum();
    answer("sum", params, Total { total })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let port: u16 = std::env::args().nth(1).ok_or("PORT is missing")?.parse()?;
    let logging = ConfigLogging::StderrTerminal {
        level: ConfigLoggingLevel::Warn,
    };
    let mut api = ApiDescription::new();
    api.register(greet_user)?;
    api.register(text_length)?;
    api.register(sum)?;
    let config = ConfigDropshot {
        bind_address: ([127, 0, 0, 1], port).into(),
        default_request_body_max_bytes: 2 * 1024 * 1024,
        ..ConfigDropshot::default()
    };
    let server = ServerBuilder::new(api, (), logging.to_logger("peer")?)
        .config(config)
        .start()?;
    server.await?;
    Ok(())
}
