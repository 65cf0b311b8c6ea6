//! `bench-limit PORT LIST INFO`: the same answers as `bench-service`, each from a handler of its own.
//!
//! It does what every service must do, in the cheapest way there is: a resource with a fixed path per route, one pass over
//! the body, the answer written once. `LIST` and `INFO` are files with the answers to those two.

mod body;
mod envelope;

use std::io;
use std::sync::LazyLock;

use actix_web::error::ErrorBadRequest;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use actix_web::web::{self, Bytes, Payload};
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, Resource};
use regex::Regex;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct GreetUser {
    #[serde(default = "world")]
    name: String,
}

impl Default for GreetUser {
    fn default() -> Self {
        Self { name: world() }
    }
}

fn world() -> String {
    "World".to_owned()
}

#[derive(Serialize)]
struct Greeting {
    message: String,
}

async fn greet_user(name: String) -> Greeting {
    Greeting {
        message: format!("Hello, {name}!"),
    }
}

#[derive(Deserialize, Default)]
struct TextLength {
    text: String,
}

#[derive(Serialize)]
struct Length {
    length: usize,
}

async fn text_length(text: String) -> Length {
    Length { length: text.len() }
}

#[derive(Deserialize, Default)]
struct Sum {
    values: Vec<f64>,
}

#[derive(Serialize)]
struct Total {
    total: f64,
}

async fn sum(values: Vec<f64>) -> Total {
    Total {
        total: values.iter().sum(),
    }
}

#[derive(Deserialize, Default)]
struct Wide {
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
}

async fn wide(p: Wide) -> Total {
    let texts = [
        p.title,
        p.author,
        p.publisher,
        p.language,
        p.subject,
        p.series,
        p.edition,
        p.place,
    ];
    let flags = [p.lent, p.damaged, p.rare, p.signed];
    let text: usize = texts.iter().map(String::len).sum();
    let set = flags.into_iter().flatten().filter(|flag| *flag).count();
    Total {
        total: text as f64
            + (p.year + p.pages + p.volume + p.number) as f64
            + p.weight
            + p.height
            + p.width
            + p.price
            + set as f64,
    }
}

#[derive(Deserialize)]
struct BookRoom {
    name: String,
    room: String,
    date: String,
    kind: String,
    hour: u8,
    minutes: u32,
    people: i64,
    share: f64,
    price: f64,
    tags: Vec<String>,
}

static ROOM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^[a-z]+-[0-9]+$").expect("an expression"));

impl BookRoom {
    /// The first rule that is broken.
    fn check(&self) -> Result<(), &'static str> {
        let length = |text: &str, min: usize, max: usize| {
            let count = text.chars().count();
            (min..=max).contains(&count)
        };
        let rules = [
            (length(&self.name, 1, 40), "name"),
            (length(&self.room, 2, 8), "room"),
            (ROOM.is_match(&self.room), "room"),
            (is_date(&self.date), "date"),
            (
                ["meeting", "party", "concert"].contains(&self.kind.as_str()),
                "kind",
            ),
            (self.hour <= 23, "hour"),
            ((15..=720).contains(&self.minutes), "minutes"),
            (self.minutes.is_multiple_of(15), "minutes"),
            ((1..=500).contains(&self.people), "people"),
            (self.share > 0.0 && self.share <= 1.0, "share"),
            (self.price >= 0.0, "price"),
            (self.tags.len() <= 5, "tags"),
            (self.tags.iter().all(|tag| length(tag, 1, 20)), "tags"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            None => Ok(()),
            Some((_, name)) => Err(name),
        }
    }
}

fn is_date(text: &str) -> bool {
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
    let (Some(year), Some(month), Some(day)) = (part(0..4), part(5..7), part(8..10)) else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return false,
    };
    let bytes = text.as_bytes();
    text.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-' && (1..=days).contains(&day)
}

async fn book_room(p: BookRoom) -> Total {
    let texts = [p.name, p.room, p.date, p.kind];
    let text: usize = texts.iter().chain(&p.tags).map(String::len).sum();
    Total {
        total: text as f64
            + f64::from(p.hour)
            + f64::from(p.minutes)
            + p.people as f64
            + p.share
            + p.price,
    }
}

async fn book_room_handler(request: HttpRequest, payload: Payload) -> Result<HttpResponse, Error> {
    let body = body::read(&request, payload).await?;
    let (params, written) = envelope::parse::<Option<BookRoom>>(&body).map_err(ErrorBadRequest)?;
    let params = params.ok_or_else(|| ErrorBadRequest("no parameters"))?;
    params.check().map_err(ErrorBadRequest)?;
    Ok(answer("book_room", written, &book_room(params).await))
}

async fn greet_user_handler(request: HttpRequest, payload: Payload) -> Result<HttpResponse, Error> {
    let body = body::read(&request, payload).await?;
    let (params, written) = envelope::parse::<GreetUser>(&body).map_err(ErrorBadRequest)?;
    Ok(answer(
        "greet_user",
        written,
        &greet_user(params.name).await,
    ))
}

async fn text_length_handler(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let body = body::read(&request, payload).await?;
    let (params, written) = envelope::parse::<TextLength>(&body).map_err(ErrorBadRequest)?;
    Ok(answer(
        "text_length",
        written,
        &text_length(params.text).await,
    ))
}

async fn sum_handler(request: HttpRequest, payload: Payload) -> Result<HttpResponse, Error> {
    let body = body::read(&request, payload).await?;
    let (params, written) = envelope::parse::<Sum>(&body).map_err(ErrorBadRequest)?;
    Ok(answer("sum", written, &sum(params.values).await))
}

async fn wide_handler(request: HttpRequest, payload: Payload) -> Result<HttpResponse, Error> {
    let body = body::read(&request, payload).await?;
    let (params, written) = envelope::parse::<Wide>(&body).map_err(ErrorBadRequest)?;
    Ok(answer("wide", written, &wide(params).await))
}

fn answer(task: &str, params: &[u8], result: &impl Serialize) -> HttpResponse {
    let mut json = Vec::with_capacity(params.len() + task.len() + 192);
    json.extend_from_slice(b"{\"task_name\":\"");
    json.extend_from_slice(task.as_bytes());
    json.extend_from_slice(b"\",\"params\":");
    json.extend_from_slice(params);
    json.extend_from_slice(b",\"result\":");
    if serde_json::to_writer(&mut json, result).is_err() {
        return HttpResponse::InternalServerError().finish();
    }
    json.extend_from_slice(b",\"error\":null}");
    respond(json.into())
}

fn respond(json: Bytes) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    response.body(json)
}

/// A document that is known beforehand, with its entity tag.
fn document(path: &str, json: Bytes) -> Resource {
    const TAG: &str = "\"0123456789abcdef\"";
    web::resource(path.to_owned()).route(web::get().to(move |request: HttpRequest| {
        let json = json.clone();
        async move {
            let known = request.headers().get(IF_NONE_MATCH);
            let mut response = if known.is_some_and(|tag| tag == TAG) {
                HttpResponse::NotModified().finish()
            } else {
                respond(json)
            };
            let headers = response.headers_mut();
            headers.insert(ETAG, HeaderValue::from_static(TAG));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            response
        }
    }))
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, list, info] = arguments.as_slice() else {
        return Err(io::Error::other("usage: bench-limit PORT LIST INFO"));
    };
    let port: u16 = port.parse().map_err(io::Error::other)?;
    let (list, info) = (
        Bytes::from(std::fs::read(list)?),
        Bytes::from(std::fs::read(info)?),
    );
    HttpServer::new(move || {
        let execute = |task: &str| web::resource(format!("/api/v1/tasks/{task}/$execute"));
        App::new()
            .service(document("/api/v1/tasks", list.clone()))
            .service(document("/api/v1/tasks/greet_user", info.clone()))
            .service(execute("greet_user").route(web::post().to(greet_user_handler)))
            .service(execute("text_length").route(web::post().to(text_length_handler)))
            .service(execute("sum").route(web::post().to(sum_handler)))
            .service(execute("wide").route(web::post().to(wide_handler)))
            .service(execute("book_room").route(web::post().to(book_room_handler)))
    })
    .workers(1)
    .bind(("127.0.0.1", port))?
    .run()
    .await
}
