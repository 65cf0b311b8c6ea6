//! What the tests need beside a Rust toolchain: a browser and its driver, valgrind to count instructions, a PostgreSQL
//! server and a PgBouncer before it, libfaketime, schemathesis, which needs Python, generators of clients and clients of the Model Context
//! Protocol, which need Python and Node.js, mdbook, and what the front end of the dashboard is built and checked with.

mod debian;
mod generators;
mod installed;
mod mcp;
mod postgres;
mod python;
mod system;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, anyhow, bail};

use self::installed::Program;
use self::system::System;
use crate::process::{find, output, root, target_dir};
use crate::ui;

/// Something that tests start.
struct Need {
    what: &'static str,
    /// Its packages on Debian.
    packages: &'static [&'static str],
    /// What was found, in a line.
    find: fn() -> Option<String>,
}

const NEEDED: [Need; 8] = [
    Need {
        what: "Chromium",
        packages: &["chromium"],
        find: || program(&["chromium", "chromium-browser", "google-chrome"]),
    },
    Need {
        what: "ChromeDriver",
        packages: &["chromium-driver"],
        find: || program(&["chromedriver"]),
    },
    Need {
        what: "Valgrind",
        packages: &["valgrind"],
        find: || program(&["valgrind"]),
    },
    Need {
        what: "PostgreSQL's server (initdb and postgres)",
        packages: &["postgresql"],
        find: postgres::find,
    },
    Need {
        what: "PgBouncer",
        packages: &["pgbouncer"],
        find: postgres::find_pgbouncer,
    },
    Need {
        what: "libfaketime",
        packages: &["libfaketime"],
        find: system::find_faketime,
    },
    Need {
        what: "Python 3.10 or later with venv",
        packages: &["python3", "python3-venv"],
        find: || python::python().and_then(|python| version(&python)),
    },
    Need {
        what: "Node.js 18 or later with npm",
        packages: &["nodejs", "npm"],
        find: generators::node,
    },
];

/// Makes sure that everything is there, installing it where that is possible without asking.
pub(crate) fn run_step() -> Result<()> {
    // Packages are unpacked and a program is compiled: they take turns with the cores and the network.
    std::thread::scope(|scope| {
        let compiled = scope.spawn(mdbook);
        packages()?;
        compiled
            .join()
            .map_err(|_| anyhow!("the installation of mdbook panicked"))?
    })?;
    println!("{}", MDBOOK.shown());
    Ok(())
}

/// What comes from Debian, `PyPI` and npm.
fn packages() -> Result<()> {
    let missing = missing(true);
    if !missing.is_empty() {
        println!("missing: {}", names(&missing));
        install(&missing)?;
    }
    let schemathesis = python::provide(
        &target_dir().join("schemathesis"),
        &root().join("tests/schemathesis/requirements.txt"),
        "schemathesis",
    )?;
    println!("{schemathesis}");
    generators::provide()?;
    mcp::provide()?;
    ui::install()
}

/// The program that makes the book of the pages. It is built without optimization: the book is small, and mdbook is not.
const MDBOOK: Program = Program {
    name: "mdbook",
    version: "0.5.4",
    arguments: &["--debug", "--no-default-features", "--features", "search"],
};

/// Makes an environment of Python, or keeps one that has what the list says.
pub(crate) fn python_environment(folder: &Path, list: &Path) -> Result<()> {
    python::provide(folder, list, "python").map(|_| ())
}

/// Installs mdbook, unless it is there. Returns its path.
pub(crate) fn mdbook() -> Result<PathBuf> {
    MDBOOK.provide(&target_dir().join("mdbook"))
}

fn install(missing: &[&Need]) -> Result<()> {
    let system = System::of_this_machine();
    if !(system.like("debian") && find("apt-get").is_some() && is_root()) {
        bail!(
            "{} must be installed first:\n{}",
            names(missing),
            system.instructions()
        );
    }
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|need| need.packages)
        .copied()
        .collect();
    debian::install(&packages, &system)?;
    let missing = self::missing(true);
    if !missing.is_empty() {
        bail!("still missing after the installation: {}", names(&missing));
    }
    Ok(())
}

fn missing(say: bool) -> Vec<&'static Need> {
    NEEDED
        .iter()
        .filter(|need| {
            let found = (need.find)();
            if let (true, Some(found)) = (say, &found) {
                println!("{found}");
            }
            found.is_none()
        })
        .collect()
}

fn names(needs: &[&Need]) -> String {
    let names: Vec<&str> = needs.iter().map(|need| need.what).collect();
    names.join(", ")
}

/// The first of these in `PATH` that runs: on Ubuntu, `chromium-browser` may be a script that only tells how to install a
/// snap.
fn program(names: &[&str]) -> Option<String> {
    names
        .iter()
        .filter_map(|name| find(name))
        .find_map(|path| version(&path))
}

fn version(path: &Path) -> Option<String> {
    let version = output(Command::new(path).arg("--version").stdin(Stdio::null())).ok()?;
    Some(format!(
        "{} ({})",
        version.lines().next()?.trim(),
        path.display()
    ))
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}
