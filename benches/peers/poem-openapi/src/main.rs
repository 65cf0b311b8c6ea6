//! Three tasks of the benchmark in poem-openapi.

use poem::listener::TcpListener;
use poem::middleware::SizeLimit;
use poem::{EndpointExt, Route, Server};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi, OpenApiService};

#[derive(Object)]
struct GreetUserBody {
    params: GreetUser,
}

#[derive(Object)]
struct GreetUser {
    #[oai(default = "world")]
    name: String,
}

fn world() -> String {
    "World".to_owned()
}

#[derive(Object)]
struct Greeting {
    message: String,
}

#[derive(Object)]
struct GreetUserAnswer {
    task_name: String,
    params: GreetUser,
    result: Greeting,
    error: Option<String>,
}

#[derive(Object)]
struct TextLengthBody {
    params: TextLength,
}

#[derive(Object)]
struct TextLength {
    text: String,
}

#[derive(Object)]
struct Length {
    length: usize,
}

#[derive(Object)]
struct TextLengthAnswer {
    task_name: String,
    params: TextLength,
    result: Length,
    error: Option<String>,
}

#[derive(Object)]
struct SumBody {
    params: Sum,
}

#[derive(Object)]
struct Sum {
    values: Vec<f64>,
}

#[derive(Object)]
struct Total {
    total: f64,
}

#[derive(Object)]
struct SumAnswer {
    task_name: String,
    params: Sum,
    result: Total,
    error: Option<String>,
}

struct Tasks;

#[OpenApi]
impl Tasks {
    #[oai(path = "/greet_user/$execute", method = "post")]
    async fn greet_user(&self, Json(body): Json<GreetUserBody>) -> Json<GreetUserAnswer> {
        let message = format!("Hello, {}!", body.params.name);
        Json(GreetUserAnswer {
            task_name: "greet_user".to_owned(),
            params: body.params,
            result: Greeting { message },
            error: None,
        })
    }

    #[oai(path = "/text_length/$execute", method = "post")]
    async fn text_length(&self, Json(body): Json<TextLengthBody>) -> Json<TextLengthAnswer> {
        let length = body.params.text.len();
        Json(TextLengthAnswer {
            task_name: "text_length".to_owned(),
            params: body.params,
            result: Length { length },
            error: None,
        })
    }

    #[oai(path = "/sum/$execute", method = "post")]
    async fn sum(&self, Json(body): Json<SumBody>) -> Json<SumAnswer> {
        let total = body.params.values.iter().sum();
        Json(SumAnswer {
            task_name: "sum".to_owned(),
            params: body.params,
            result: Total { total },
            error: None,
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("PORT is missing")?.parse()?;
    let service = OpenApiService::new(Tasks, "Tasks", "1.0");
    let app = Route::new()
        .nest("/api/v1/tasks", service)
        .with(SizeLimit::new(2 * 1024 * 1024));
    Server::new(TcpListener::bind(("127.0.0.1", port)))
        .run(app)
        .await?;
    Ok(())
}
