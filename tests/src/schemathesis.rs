//! Schemathesis, a fuzzer of HTTP APIs: it reads a service's own `OpenAPI` document and holds the service to it.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::process::Command;

use crate::build::Layout;
use crate::installed;

/// How long a run may take. It is bounded by the number of its cases; this is for a service that does not answer.
const TIMEOUT: Duration = Duration::from_secs(400);

/// How many cases are made up for each operation, besides those that a schema gives by itself: bounds, types, what is
/// missing.
const EXAMPLES: &str = "20";

/// Sends what the document at `/openapi.json` allows and what it forbids, each of it the same in every run, and checks all
/// answers: no 5xx, no status, header or content type that is not documented, no body that breaks its schema, nothing
/// valid refused, nothing invalid taken.
///
/// `config` names a file in `tests/schemathesis/`, without `.toml`, that says what must not be sent; `headers` are sent with
/// every request.
///
/// # Errors
///
/// If a check fails, with the report, which has a `curl` command for each failure; if schemathesis is not installed; if the
/// service has no document.
pub async fn check(base_url: &str, config: &str, headers: &[(&str, &str)]) -> Result<()> {
    let program = Layout::of_this_test()?
        .target_dir
        .join("schemathesis/bin/schemathesis");
    let files = files();
    // It leaves a folder wherever it runs.
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(&program);
    command
        .arg("--config-file")
        .arg(files.join(config).with_extension("toml"))
        .arg("run")
        .arg(format!("{base_url}/openapi.json"))
        .args(["--checks", "all", "--mode", "all", "--continue-on-failure"])
        .args(["--generation-deterministic", "--workers", "1"])
        .args([
            "--max-examples",
            EXAMPLES,
            "--request-timeout",
            "20",
            "--no-color",
        ])
        .current_dir(folder.path())
        .env("SCHEMATHESIS_HOOKS", files.join("hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUTF8", "1")
        .env("COLUMNS", "120")
        .env("NO_PROXY", "*");
    for (name, value) in headers {
        command.arg("--header").arg(format!("{name}:{value}"));
    }
    let output = installed::output(&mut command, TIMEOUT).await?;
    if !output.status.success() {
        bail!(
            "schemathesis: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

fn files() -> PathBuf {
    let here =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).join("schemathesis")
}
