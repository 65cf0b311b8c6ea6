//! A real browser: headless Chromium, driven through `chromedriver`.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Url;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::{Daemon, find};
use crate::http;

/// How long `chromedriver` may take to start.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What makes Chromium a quiet guest: no sandbox, as tests may run as root, no graphics, no calls home, and no host but
/// this machine.
const ARGUMENTS: [&str; 13] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--window-size=1280,1024",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];

/// What the browser's own pages are made of.
const INTERNAL: [&str; 4] = [
    "chrome:",
    "chrome-untrusted:",
    "chrome-extension:",
    "devtools:",
];

/// A browser with one window and an empty profile, closed on drop.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    session: String,
    address: SocketAddr,
    requested: Mutex<Vec<String>>,
    // In this order: the driver ends before the browser's folder is removed.
    _driver: Daemon,
    _folder: TempDir,
}

impl Browser {
    /// Starts `chromedriver` on a free port, and Chromium with it.
    ///
    /// # Errors
    ///
    /// If one of the two is not installed, or does not start; the message says what to do.
    pub async fn open() -> Result<Self> {
        let browser = program(&["chromium", "chromium-browser", "google-chrome"])?;
        let driver = program(&["chromedriver"])?;
        // For the profile, and for whatever else the two leave behind.
        let folder = tempfile::Builder::new()
            .prefix("tasks-browser-")
            .tempdir()?;

        let mut command = Command::new(driver);
        command.arg("--port=0").env("TMPDIR", folder.path());
        let (driver, port) = Daemon::start(command, TIMEOUT, port)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));

        let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ));
        let capabilities = json!({
            "goog:chromeOptions": { "binary": browser, "args": arguments },
            "goog:loggingPrefs": { "performance": "ALL" },
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().cloned().unwrap_or_default())
            .connect(&format!("http://{address}"))
            .await
            .with_context(|| format!("cannot open a browser window\n{}", driver.output()))?;
        let session = client
            .session_id()
            .await?
            .context("the browser has no session")?;
        Ok(Self {
            client,
            session,
            address,
            requested: Mutex::default(),
            _driver: driver,
            _folder: folder,
        })
    }

    /// To find elements, click them, type into them and run scripts.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Opens a page and waits until it is loaded.
    ///
    /// # Errors
    ///
    /// If it cannot be loaded.
    pub async fn goto(&self, url: &str) -> Result<()> {
        self.client
            .goto(url)
            .await
            .with_context(|| format!("cannot open {url}"))
    }

    /// A picture of the window, as PNG.
    ///
    /// # Errors
    ///
    /// If the browser gives none.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        self.client
            .screenshot()
            .await
            .context("cannot take a screenshot")
    }

    /// Runs a script in each page that is opened from now on, before those of the page.
    ///
    /// # Errors
    ///
    /// If the browser does not take it.
    pub async fn before_each_page(&self, script: &str) -> Result<()> {
        let source = json!({ "source": script });
        self.devtools("Page.addScriptToEvaluateOnNewDocument", source)
            .await
    }

    /// Pretends a size of the screen and a colour scheme, `light` or `dark`.
    ///
    /// # Errors
    ///
    /// If the browser does not take it.
    pub async fn pretend(&self, width: u32, height: u32, colours: &str) -> Result<()> {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await?;
        let features = json!([{ "name": "prefers-color-scheme", "value": colours }]);
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await
    }

    /// A command of Chromium's `DevTools`.
    async fn devtools(&self, command: &str, parameters: Value) -> Result<()> {
        let path = format!("session/{}/goog/cdp/execute", self.session);
        let url = format!("http://{}/{path}", self.address);
        let body = json!({ "cmd": command, "params": parameters });
        let (status, answer) = http::post(&url, &body).await?;
        anyhow::ensure!(status.is_success(), "{command}: {status} {answer}");
        Ok(())
    }

    /// All URLs that pages have requested from anywhere but this origin since the browser was opened, in order,
    /// web sockets among them. Whether there was an answer does not matter.
    ///
    /// # Errors
    ///
    /// If the origin is not a URL, or the browser cannot be asked.
    pub async fn external_requests(&self, origin: &str) -> Result<Vec<String>> {
        let origin = Url::parse(origin).with_context(|| format!("{origin} is not a URL"))?;
        let external = |url: &String| is_external(url, &origin);
        Ok(self
            .requests()
            .await?
            .into_iter()
            .filter(external)
            .collect())
    }

    /// All URLs that pages have requested since the browser was opened, in order.
    ///
    /// What a worker requests is not among them, nor what a frame from another site requests once it is there.
    ///
    /// # Errors
    ///
    /// If the browser cannot be asked.
    pub async fn requests(&self) -> Result<Vec<String>> {
        // Chromium's own extension to WebDriver. Each entry is handed out once.
        let url = format!("http://{}/session/{}/se/log", self.address, self.session);
        let (status, log) = http::post(&url, &json!({ "type": "performance" })).await?;
        let entries = log["value"]
            .as_array()
            .with_context(|| format!("no log but {status}: {log}"))?;
        let mut requested = self
            .requested
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        requested.extend(entries.iter().filter_map(requested_url));
        Ok(requested.clone())
    }

    /// Ends the session, and with it the browser, which would outlive a driver that is killed.
    fn quit(&self) -> std::io::Result<()> {
        let limit = Some(Duration::from_secs(10));
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(limit)?;
        stream.set_write_timeout(limit)?;
        let (session, address) = (&self.session, self.address);
        write!(
            stream,
            "DELETE /session/{session} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
        )?;
        // The answer comes once the browser is gone.
        stream.read(&mut [0; 64]).map(|_| ())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Err(error) = self.quit() {
            eprintln!("the browser did not quit: {error}");
        }
    }
}

fn program(names: &[&str]) -> Result<std::path::PathBuf> {
    find(names).ok_or_else(|| {
        anyhow!(
            "{} is not in PATH. `cargo xtask test setup` installs what is missing on Debian and Ubuntu, as root, and \
             elsewhere prints the commands that do",
            names.join(" or ")
        )
    })
}

/// `ChromeDriver was started successfully on port 41234.`
fn port(line: &str) -> Option<u16> {
    let (_, port) = line.split_once("started successfully on port ")?;
    port.trim_end_matches('.').parse().ok()
}

/// The URL in an entry of the performance log, if the entry is a request. A redirect is one more request.
fn requested_url(entry: &Value) -> Option<String> {
    let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
    let event = &message["message"];
    let url = match event["method"].as_str()? {
        "Network.requestWillBeSent" => &event["params"]["request"]["url"],
        "Network.webSocketCreated" | "Network.webTransportCreated" => &event["params"]["url"],
        _ => return None,
    };
    // The first page is the browser's own, and has much to load from itself.
    url.as_str()
        .filter(|url| !INTERNAL.iter().any(|scheme| url.starts_with(scheme)))
        .map(str::to_owned)
}

fn is_external(url: &str, origin: &Url) -> bool {
    let Ok(url) = Url::parse(url) else {
        return true;
    };
    // A WebSocket begins as a request to the server of the same name and port.
    let scheme = match url.scheme() {
        "data" | "blob" | "about" => return false,
        "ws" => "http",
        "wss" => "https",
        other => other,
    };
    let target = (scheme, url.host_str(), url.port_or_known_default());
    target
        != (
            origin.scheme(),
            origin.host_str(),
            origin.port_or_known_default(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_in_the_start_up_line() {
        assert_eq!(
            port("ChromeDriver was started successfully on port 41234."),
            Some(41234)
        );
        assert_eq!(port("Only local connections are allowed."), None);
    }

    #[test]
    fn external_is_what_leaves_the_origin() {
        let origin = Url::parse("http://127.0.0.1:8080/docs").expect("a URL");
        for own in [
            "http://127.0.0.1:8080/a?b#c",
            "ws://127.0.0.1:8080/live",
            "data:,x",
            "blob:http://a/b",
            "about:blank",
        ] {
            assert!(!is_external(own, &origin), "{own}");
        }
        for other in [
            "http://127.0.0.1:8081/",
            "https://127.0.0.1:8080/",
            "http://localhost:8080/",
            "wss://127.0.0.1:8080/live",
            "https://fonts.example.com/a.woff2",
            "file:///etc/hosts",
            "nonsense",
        ] {
            assert!(is_external(other, &origin), "{other}");
        }
    }

    #[test]
    fn requests_are_found_in_the_log() {
        let entry = |method: &str, params: Value| {
            let message =
                json!({ "message": { "method": method, "params": params }, "webview": "1" });
            requested_url(
                &json!({ "level": "INFO", "message": message.to_string(), "timestamp": 1 }),
            )
        };
        let request = json!({ "request": { "url": "http://a/" }, "documentURL": "http://b/" });
        assert_eq!(
            entry("Network.requestWillBeSent", request.clone()),
            Some("http://a/".to_owned())
        );
        assert_eq!(
            entry("Network.webSocketCreated", json!({ "url": "ws://a/" })),
            Some("ws://a/".to_owned())
        );
        assert_eq!(entry("Network.responseReceived", request), None);
        let own = json!({ "request": { "url": "chrome://resources/js/util.js" } });
        assert_eq!(entry("Network.requestWillBeSent", own), None);
    }
}
