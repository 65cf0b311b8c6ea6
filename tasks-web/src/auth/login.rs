//! A page where a person enters a key, for a browser that cannot send the header.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::guard::Guard;
use super::session;
use crate::access::Access;
use crate::endpoint::{Endpoint, Endpoints};
use crate::html::{STYLE, escape};
use crate::http::{HandlerResult, public_prefix};
use crate::part::{Claim, Part};
use crate::problem::Problem;

/// Where the page is.
const LOGIN: &str = "/$login";
/// Where a session is ended.
const LOGOUT: &str = "/$logout";

/// Nothing from anywhere; its own styles are in it, and its form goes to the service alone.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

const FORM: &str = "
form { display: grid; gap: .75rem; max-width: 26rem; margin: 2rem 0; }
input, button { font: inherit; padding: .6rem .8rem; border: 1px solid var(--line); border-radius: .6rem; background: var(--card); color: inherit; }
button { background: var(--accent); color: var(--back); font-weight: 600; cursor: pointer; }
.problem { color: #c0392b; }
";

/// The page and what it leads to.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    guard: Arc<Guard>,
    title: Arc<str>,
    /// The pages that a person may be on the way to.
    pages: Arc<[Claim]>,
    /// Where a person is sent who was not on the way to a page.
    start: Arc<str>,
}

#[derive(Deserialize)]
struct LoginForm {
    key: String,
    #[serde(default)]
    next: String,
}

impl Login {
    /// For the pages at some paths, of which there is at least one.
    pub(crate) fn new(guard: &Arc<Guard>, title: &str, pages: Vec<Claim>) -> Self {
        let start = pages.first().map_or("/", |page| page.path.as_str()).into();
        Self {
            guard: Arc::clone(guard),
            title: title.into(),
            pages: pages.into(),
            start,
        }
    }

    pub(crate) fn part(&self) -> Part {
        let (show, enter, leave) = (self.clone(), self.clone(), self.clone());
        let show = move |request: HttpRequest| {
            let response = show.show(&request);
            async move { Ok(response) }
        };
        let enter = move |request: HttpRequest, entered: web::Form<LoginForm>| {
            let answer = enter.enter(&request, &entered);
            async move { answer }
        };
        let leave = move |request: HttpRequest| {
            let answer = leave.leave(&request);
            async move { answer }
        };
        let endpoints = vec![
            Endpoint::get(LOGIN, "get_login_page", show).open().page(),
            Endpoint::post(LOGIN, "log_in", enter).open().page(),
            Endpoint::post(LOGOUT, "log_out", leave).open().page(),
        ];
        Part::new("login").serve(Endpoints::of_pages(endpoints))
    }

    /// The page in place of a refusal, where a person is on the way to a page.
    pub(crate) fn instead_of(
        &self,
        problem: &Problem,
        request: &ServiceRequest,
    ) -> Option<HttpResponse> {
        let path = request.match_info().unprocessed();
        let wanted = problem.status == StatusCode::UNAUTHORIZED.as_u16()
            && matches!(*request.method(), Method::GET | Method::HEAD)
            && accepts_html(request)
            && self.pages.iter().any(|page| page.covers(path));
        let target = request.uri().path_and_query().map(PathAndQuery::as_str);
        wanted.then(|| self.form(request.request(), StatusCode::UNAUTHORIZED, None, target))
    }

    fn show(&self, request: &HttpRequest) -> HttpResponse {
        match self.guard.session(request) {
            Some(access) => self.signed_in(request, &access),
            None => self.form(request, StatusCode::OK, None, None),
        }
    }

    /// Begins a session with a key that is right.
    fn enter(&self, request: &HttpRequest, entered: &LoginForm) -> HandlerResult {
        // A page of another site could let a person in with a key of its own.
        if !session::is_own_page(request) {
            return Err(Problem::other_origin());
        }
        let prefix = public_prefix(request);
        match self.guard.begin_session(request, entered.key.trim()) {
            Ok(value) => Ok(HttpResponse::SeeOther()
                .insert_header((
                    LOCATION,
                    format!("{prefix}{}", local(&entered.next).unwrap_or(&self.start)),
                ))
                .insert_header((SET_COOKIE, session::cookie(request, Some(&value), prefix)))
                .insert_header((CACHE_CONTROL, "no-store"))
                .finish()),
            Err(problem) if accepts_html(request) => {
                let status = StatusCode::from_u16(problem.status);
                let status = status.unwrap_or(StatusCode::UNAUTHORIZED);
                let next = local(&entered.next);
                let mut page = self.form(request, status, Some(&problem.detail), next);
                if let Some(after) = problem.answer(request).headers().get(RETRY_AFTER) {
                    page.headers_mut().insert(RETRY_AFTER, after.clone());
                }
                Ok(page)
            }
            Err(problem) => Err(problem),
        }
    }

    /// Ends the session of a browser.
    fn leave(&self, request: &HttpRequest) -> HandlerResult {
        if !session::is_own_page(request) {
            return Err(Problem::other_origin());
        }
        self.guard.end_sessions(request);
        let prefix = public_prefix(request);
        Ok(HttpResponse::SeeOther()
            .insert_header((LOCATION, format!("{prefix}{LOGIN}")))
            .insert_header((SET_COOKIE, session::cookie(request, None, prefix)))
            .insert_header((CACHE_CONTROL, "no-store"))
            .finish())
    }

    fn form(
        &self,
        request: &HttpRequest,
        status: StatusCode,
        problem: Option<&str>,
        next: Option<&str>,
    ) -> HttpResponse {
        let problem = problem.map_or_else(String::new, |problem| {
            format!(
                "<p class=\"problem\" role=\"alert\">{}</p>",
                escape(problem)
            )
        });
        let form = format!(
            "<p>This page needs an API key.</p>\n{problem}\n\
             <form method=\"post\" action=\"{}{LOGIN}\">\n<label for=\"key\">API key</label>\n\
             <input id=\"key\" name=\"key\" type=\"password\" required autofocus autocomplete=\"current-password\" spellcheck=\"false\">\n\
             <input type=\"hidden\" name=\"next\" value=\"{}\">\n<button type=\"submit\">Log in</button>\n</form>",
            escape(public_prefix(request)),
            escape(next.unwrap_or_default()),
        );
        self.page(status, &form)
    }

    fn signed_in(&self, request: &HttpRequest, access: &Access) -> HttpResponse {
        let prefix = escape(public_prefix(request));
        let text = format!(
            "<p>You are logged in with the key <strong>{}</strong>.</p>\n<p><a href=\"{prefix}{}\">To the tasks</a></p>\n\
             <form method=\"post\" action=\"{prefix}{LOGOUT}\"><button type=\"submit\">Log out</button></form>",
            escape(access.key_name()),
            escape(&self.start),
        );
        self.page(StatusCode::OK, &text)
    }

    fn page(&self, status: StatusCode, text: &str) -> HttpResponse {
        let title = escape(&self.title);
        let page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <style>{STYLE}{FORM}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{text}\n</main>\n</body>\n</html>\n"
        );
        HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((REFERRER_POLICY, "same-origin"))
            .insert_header((CACHE_CONTROL, "no-store"))
            .body(page)
    }
}

/// Whether the client says that it takes HTML, as browsers do for pages: that it takes anything does not count.
fn accepts_html(request: &impl actix_web::HttpMessage) -> bool {
    let accepted = request.headers().get_all(ACCEPT);
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|media| {
            let name = media.split(';').next().unwrap_or_default();
            name.trim().eq_ignore_ascii_case("text/html")
        })
}

/// A path of the service, where a person may be sent.
fn local(path: &str) -> Option<&str> {
    let is_local = path.starts_with('/')
        && !path.starts_with("//")
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    is_local.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn nobody_is_sent_elsewhere() {
        assert_eq!(local("/docs?x=1"), Some("/docs?x=1"));
        for path in [
            "",
            "docs",
            "//evil.example",
            "/\\evil.example",
            "/a b",
            "https://evil.example",
            "/a\r\nb",
        ] {
            assert_eq!(local(path), None, "{path}");
        }
    }
}
