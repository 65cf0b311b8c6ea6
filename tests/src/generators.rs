//! Generators of clients: they read a service's `OpenAPI` document, and what they make of it has to work.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::build::Layout;

/// Documents, and the clients that are made of them, in a folder that is removed in the end.
#[derive(Debug)]
pub struct Clients {
    folder: TempDir,
    /// Where the generators are.
    tools: PathBuf,
    names: Vec<String>,
}

impl Clients {
    /// No clients yet.
    ///
    /// # Errors
    ///
    /// If there can be no folder.
    pub fn new() -> Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir()?,
            tools: Layout::of_this_test()?.target_dir.join("generators"),
            names: Vec::new(),
        })
    }

    /// Adds a document, under the name that its clients will have: letters, digits and `_`.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn add(&mut self, name: &str, document: &Value) -> Result<()> {
        fs::write(self.path(&format!("{name}.json")), document.to_string())?;
        self.names.push(name.to_owned());
        Ok(())
    }

    /// Makes types for TypeScript, and compiles them with the program `program.ts` of `tests/generators`.
    ///
    /// # Errors
    ///
    /// If the generator or the compiler finds something wrong, with what they say; or if one of them is not installed.
    pub fn typescript(&self) -> Result<()> {
        let programs = self.tools.join("node/node_modules/.bin");
        for name in &self.names {
            run(Command::new(programs.join("openapi-typescript"))
                .arg(self.path(&format!("{name}.json")))
                .arg("--output")
                .arg(self.path(&format!("{name}.ts"))))
            .with_context(|| format!("types of {name}"))?;
        }
        fs::copy(files().join("program.ts"), self.path("program.ts"))?;
        run(Command::new(programs.join("tsc"))
            .args(["--strict", "--noEmit", "--target", "es2022"])
            .args(["--module", "es2022", "--moduleResolution", "bundler"])
            .args(
                self.names
                    .iter()
                    .map(|name| self.path(&format!("{name}.ts"))),
            )
            .arg(self.path("program.ts")))
        .map(drop)
    }

    /// The types of the schemas of a document, for TypeScript, each under its own name.
    ///
    /// # Errors
    ///
    /// If the generator finds something wrong, or is not installed.
    pub fn typescript_schemas(&self, document: &Value) -> Result<String> {
        let mut document = document.clone();
        document["paths"] = serde_json::json!({});
        let (from, into) = (self.path("schemas.json"), self.path("schemas.d.ts"));
        fs::write(&from, document.to_string())?;
        let program = self.tools.join("node/node_modules/.bin/openapi-typescript");
        run(Command::new(program)
            .arg(&from)
            .arg("--output")
            .arg(&into)
            .args([
                "--immutable",
                "--root-types",
                "--root-types-no-schema-prefix",
            ]))?;
        Ok(fs::read_to_string(&into)?)
    }

    /// Makes clients for Python, imports all their modules, and makes a call with that of `task-execution`, which is served at
    /// the URL.
    ///
    /// # Errors
    ///
    /// If the generator leaves something out, or the clients do not work, with what is said; or if it is not installed.
    pub fn python(&self, url: &str) -> Result<()> {
        let programs = self.tools.join("python/bin");
        let clients = self.path("clients");
        let config = self.path("config.yml");
        // What it does to the look of the code afterwards.
        fs::write(&config, "post_hooks: []\n")?;
        fs::create_dir_all(&clients)?;
        for name in &self.names {
            let said = run(Command::new(programs.join("openapi-python-client"))
                .args(["generate", "--meta", "none", "--config"])
                .arg(&config)
                .arg("--path")
                .arg(self.path(&format!("{name}.json")))
                .arg("--output-path")
                .arg(clients.join(name)))
            .with_context(|| format!("a client of {name}"))?;
            // It goes on without what it does not understand.
            if said.contains("WARNING") && !only_any_type(&said) {
                bail!("something is missing in the client of {name}:\n{said}");
            }
        }
        run(Command::new(programs.join("python"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NO_PROXY", "*")
            .arg(files().join("check.py"))
            .arg(clients)
            .arg(url))
        .map(drop)
    }

    /// Makes clients for Rust of the documents of 3.0, and runs the program `program.rs` of `tests/generators`, which calls
    /// `task-execution` at the URL.
    ///
    /// # Errors
    ///
    /// If the generator or the compiler finds something wrong, or the program fails, with what they say; or if the generator is
    /// not installed.
    pub fn rust(&self, url: &str) -> Result<()> {
        // Always the same: cargo keeps what it builds by where it is.
        let folder = self.tools.join("rust/clients");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        for name in self.names.iter().filter(|name| name.ends_with("_3_0")) {
            run(Command::new(self.tools.join("rust/bin/cargo-progenitor"))
                .args(["progenitor", "--version", "0.0.0", "--name", name])
                .arg("--input")
                .arg(self.path(&format!("{name}.json")))
                .arg("--output")
                .arg(folder.join(name)))
            .with_context(|| format!("a client of {name}"))?;
        }
        for (file, name) in [
            ("clients.toml", "Cargo.toml"),
            ("clients.lock", "Cargo.lock"),
            ("program.rs", "program.rs"),
        ] {
            fs::copy(files().join(file), folder.join(name))
                .with_context(|| format!("cannot copy {file}"))?;
        }
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let in_workspace = |arguments: &[&str]| {
            let mut command = Command::new(&cargo);
            command
                .args(arguments)
                .args(["--quiet", "--locked"])
                .current_dir(&folder)
                .env("CARGO_TARGET_DIR", self.tools.join("rust/target"));
            command
        };
        run(&mut in_workspace(&["check", "--workspace"]))?;
        run(in_workspace(&["run"]).arg("--").arg(url)).map(drop)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Whether the generator complains of nothing but downloads, which have whatever type the content has: no generator has a
/// type for that, and this one says so.
fn only_any_type(said: &str) -> bool {
    said.split("WARNING")
        .skip(1)
        .all(|warning| warning.contains("Unsupported content_type */*"))
}

/// What a program writes, when it ends well.
fn run(command: &mut Command) -> Result<String> {
    let output = match command.env("COLUMNS", "120").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "{} is not there: `cargo xtask test setup` installs it",
            command.get_program().display()
        ),
        output => output.with_context(|| format!("cannot run {command:?}"))?,
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if !output.status.success() {
        bail!("{command:?}: {}\n{said}", output.status);
    }
    Ok(said)
}

fn files() -> PathBuf {
    let here =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).join("generators")
}
