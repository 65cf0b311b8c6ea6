//! The binaries of the workspace, built as their users build them.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The binary of a package, after making sure once per test run that it is up to date.
///
/// It is built by itself (`-p`), or with the other examples, not as a part of the workspace: what the tests depend on turns features of
/// shared dependencies on (how JSON numbers are read is one) that no user's build would have.
pub(crate) fn binary(package: &str) -> Result<PathBuf> {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(binary) = built.get(package) {
        return Ok(binary.clone());
    }
    let binary = Layout::of_this_test()?.once_per_run(package)?;
    built.insert(package.to_owned(), binary.clone());
    Ok(binary)
}

/// Where this test was built, and how: binaries are built the same way and into the same place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) target_dir: PathBuf,
    triple: Option<String>,
    profile: String,
}

impl Layout {
    pub(crate) fn of_this_test() -> Result<Self> {
        let test = env::current_exe().context("cannot tell where this test is")?;
        Self::of(&test)
            .with_context(|| format!("{} is not in a target directory of cargo's", test.display()))
    }

    /// From `<target>/[<triple>/]<profile>/deps/<test>`.
    fn of(test: &Path) -> Option<Self> {
        let profile_dir = test
            .ancestors()
            .find(|folder| folder.ends_with("deps"))?
            .parent()?;
        let profile = match profile_dir.file_name()?.to_str()? {
            "debug" => "dev",
            other => other,
        };
        let above = profile_dir.parent()?;
        // Cargo keeps this file at the top of every target directory.
        let (target_dir, triple) = if above.join(".rustc_info.json").exists() {
            (above, None)
        } else {
            (
                above.parent()?,
                Some(above.file_name()?.to_str()?.to_owned()),
            )
        };
        Some(Self {
            target_dir: target_dir.to_owned(),
            triple,
            profile: profile.to_owned(),
        })
    }

    /// With nextest, each test is a process of its own: they share what one of them has built in the same run.
    fn once_per_run(&self, package: &str) -> Result<PathBuf> {
        let Ok(run) = env::var("NEXTEST_RUN_ID") else {
            return self.build(package);
        };
        let folder = self.target_dir.join("tasks-tests");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let path = folder.join(format!(
            "{package}-{}{}",
            self.profile,
            self.triple.as_deref().unwrap_or_default()
        ));
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        // Released when the file is closed, however that comes about.
        file.lock()
            .with_context(|| format!("cannot lock {}", path.display()))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        if let Some((of_run, binary)) = text.split_once('\n')
            && of_run == run
        {
            return Ok(PathBuf::from(binary));
        }
        let binary = self.build(package)?;
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{run}\n{}", binary.display())?;
        Ok(binary)
    }

    /// Cargo itself sees to it that two builds do not meet.
    fn build(&self, package: &str) -> Result<PathBuf> {
        let here =
            env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .current_dir(here)
            .args(["build", "--bins", "--profile", &self.profile]);
        for package in built_with(package)? {
            command.args(["-p", &package]);
        }
        command
            .arg("--message-format=json-render-diagnostics")
            .arg("--target-dir")
            .arg(&self.target_dir);
        if let Some(triple) = &self.triple {
            command.args(["--target", triple]);
        }
        let output = command.output().context("cannot run cargo")?;
        if !output.status.success() {
            bail!(
                "cannot build {package}: {}\n{}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        executable(&messages, package)
            .with_context(|| format!("cargo names no executable of {package}"))
    }
}

/// The packages that are built in one go with a package: all examples with an example, so that what they depend on is built once for all of them.
fn built_with(package: &str) -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    if !folder.join(package).is_dir() {
        return Ok(vec![package.to_owned()]);
    }
    let mut names = Vec::new();
    let entries =
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The executable that cargo's messages name for a binary.
fn executable(messages: &str, binary: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| {
            (message["target"]["name"] == binary)
                .then(|| message["executable"].as_str().map(PathBuf::from))?
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_read_from_the_path_of_the_test() {
        let target = tempfile::tempdir().expect("a folder");
        fs::write(target.path().join(".rustc_info.json"), "{}").expect("writable");
        let layout = |below: &str| {
            Layout::of(&target.path().join(below)).map(|layout| (layout.triple, layout.profile))
        };
        assert_eq!(
            layout("debug/deps/http-0123"),
            Some((None, "dev".to_owned()))
        );
        assert_eq!(
            layout("release/deps/http-0123"),
            Some((None, "release".to_owned()))
        );
        let triple = Some("x86_64-unknown-linux-musl".to_owned());
        assert_eq!(
            layout("x86_64-unknown-linux-musl/debug/deps/http-0123"),
            Some((triple, "dev".to_owned()))
        );
        assert_eq!(layout("http-0123"), None);
        assert_eq!(
            Layout::of_this_test()
                .map(|layout| layout.target_dir.is_dir())
                .ok(),
            Some(true)
        );
    }

    #[test]
    fn the_executable_is_that_of_the_binary_not_of_another_target() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"app"},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"other"},"executable":"/t/other"}
            {"reason":"compiler-artifact","target":{"name":"app"},"executable":"/t/app"}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages, "app"), Some(PathBuf::from("/t/app")));
        assert_eq!(executable(messages, "none"), None);
    }
}
