//! The dashboard, as a person uses it: in a real browser.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod access;
mod forms;
mod graphs;
mod jobs;
mod looks;
mod overview;
mod page;
mod pictures;

use std::time::{Duration, Instant};

use fantoccini::Locator;
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::key::Key;
use serde_json::Value;
use tasks_tests::app::Running;
use tasks_tests::browser::Browser;
use tasks_web::prelude::*;
use tasks_web::{ApiKey, ApiKeys, Service, ServiceBuilder};

/// How long something may take to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keeps what the page was not permitted to do.
const WATCH_POLICY: &str = "addEventListener('securitypolicyviolation', event => {
    (globalThis.violations ??= []).push(event.violatedDirective + ' ' + event.blockedURI);
});";

fn with_text(text: &str) -> String {
    format!("//*[normalize-space(text())=\"{text}\"]")
}

fn button(label: &str) -> String {
    format!("//button[normalize-space()=\"{label}\" or @aria-label=\"{label}\"]")
}

/// A browser that looks at the dashboard of a service.
struct Dashboard {
    app: Running,
    service: Service,
    browser: Browser,
}

impl Dashboard {
    /// Builds a service with a dashboard, and opens a view of it.
    async fn open(builder: ServiceBuilder, view: &str) -> Self {
        let service = builder.with_dashboard().build().await.unwrap();
        service.startup().await.unwrap();
        let app = Running::service(&service);
        let browser = Browser::open().await.unwrap();
        browser.before_each_page(WATCH_POLICY).await.unwrap();
        let dashboard = Self {
            app,
            service,
            browser,
        };
        dashboard.goto(view).await;
        dashboard
    }

    async fn goto(&self, view: &str) {
        let url = self.app.url(&format!("/dashboard{view}"));
        self.browser.goto(&url).await.unwrap();
    }

    async fn css(&self, selector: &str) -> Element {
        self.find(Locator::Css(selector)).await
    }

    /// The element that a person sees with this text.
    async fn text(&self, text: &str) -> Element {
        self.find(Locator::XPath(&with_text(text))).await
    }

    /// The field of a parameter, by the pointer to it.
    async fn field(&self, pointer: &str) -> Element {
        // As the page makes ids of pointers: letters with a meaning elsewhere are numbers there.
        let id = pointer.replace('~', ".126.");
        self.css(&format!("[id='field{id}']")).await
    }

    async fn find(&self, locator: Locator<'_>) -> Element {
        let wait = self.browser.client().wait();
        match wait.at_most(PATIENCE).for_element(locator).await {
            Ok(found) => found,
            Err(error) => panic!("{locator:?}: {error}\n{}", self.body().await),
        }
    }

    /// Clicks on a button.
    async fn click(&self, label: &str) {
        self.click_on(Locator::XPath(&button(label))).await;
    }

    async fn click_text(&self, text: &str) {
        self.click_on(Locator::XPath(&with_text(text))).await;
    }

    /// The page may draw an element anew between the moment that it is found and the click, which a person does not notice.
    async fn click_on(&self, locator: Locator<'_>) {
        let began = Instant::now();
        loop {
            match self.find(locator).await.click().await {
                Ok(()) => return,
                Err(error) if error.is_stale_element_reference() && began.elapsed() < PATIENCE => {}
                Err(error) => panic!("{locator:?}: {error}\n{}", self.body().await),
            }
        }
    }

    /// Enters a text in place of what is there.
    async fn enter(&self, pointer: &str, text: &str) {
        let began = Instant::now();
        loop {
            match self.try_enter(pointer, text).await {
                Ok(()) => return,
                Err(error) if error.is_stale_element_reference() && began.elapsed() < PATIENCE => {}
                Err(error) => panic!("{pointer}: {error}\n{}", self.body().await),
            }
        }
    }

    async fn try_enter(&self, pointer: &str, text: &str) -> Result<(), CmdError> {
        let field = self.field(pointer).await;
        field.click().await?;
        let all = format!("{}a{}", Key::Control, Key::Null);
        field.send_keys(&all).await?;
        field.send_keys(&format!("{}{text}", Key::Backspace)).await
    }

    /// What the page says.
    async fn body(&self) -> String {
        let began = Instant::now();
        loop {
            let body = self.browser.client().find(Locator::Css("body"));
            let text = async { body.await?.text().await };
            match text.await {
                Ok(text) => return text,
                // A page that is on its way to another one.
                Err(error) if error.is_stale_element_reference() && began.elapsed() < PATIENCE => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Waits until the page says something.
    async fn sees(&self, text: &str) {
        let began = Instant::now();
        loop {
            let body = self.body().await;
            if body.contains(text) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "no `{text}` in: {body}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn script(&self, script: &str) -> Value {
        let client = self.browser.client();
        client.execute(script, Vec::new()).await.unwrap()
    }

    /// That the page did nothing that it is not permitted, and asked nobody but the service.
    async fn close(self) {
        let violations = self.script("return globalThis.violations ?? []").await;
        assert_eq!(violations, serde_json::json!([]));
        let external = self.browser.external_requests(&self.app.url("/")).await;
        assert_eq!(external.unwrap(), [""; 0]);
        self.service.shutdown().await;
    }
}

fn info() -> ServiceInfo {
    ServiceInfo::new("under-test", "Under test")
}
