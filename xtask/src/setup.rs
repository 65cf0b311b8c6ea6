//! What the tests need beside a Rust toolchain: a browser and its driver, and valgrind to count instructions.

use std::path::PathBuf;
use std::process::Command;
use std::{fs, process};

use anyhow::{Result, bail};

use crate::process::{find, output, run};

/// A program that tests start, under the names it is known by.
struct Program {
    what: &'static str,
    names: &'static [&'static str],
}

const NEEDED: [Program; 3] = [
    Program {
        what: "Chromium",
        names: &["chromium", "chromium-browser", "google-chrome"],
    },
    Program {
        what: "ChromeDriver",
        names: &["chromedriver"],
    },
    Program {
        what: "Valgrind",
        names: &["valgrind"],
    },
];

const DEBIAN_PACKAGES: [&str; 3] = ["chromium", "chromium-driver", "valgrind"];

/// Makes sure that everything is there, installing it where that is possible without asking.
pub(crate) fn run_step() -> Result<()> {
    let missing = missing(true);
    if missing.is_empty() {
        return Ok(());
    }
    println!("missing: {}", missing.join(", "));
    let system = System::of_this_machine();
    if system.like("debian") && find("apt-get").is_some() && is_root() {
        install_from_debian(&system)?;
        let missing = self::missing(true);
        if missing.is_empty() {
            return Ok(());
        }
        bail!(
            "still missing after the installation: {}",
            missing.join(", ")
        );
    }
    bail!(
        "{} must be installed first:\n{}",
        missing.join(" and "),
        system.instructions()
    );
}

/// Names what is missing; a program that is in `PATH` and does not run is missing, too (on Ubuntu, `chromium-browser` may
/// be a script that only tells how to install a snap).
fn missing(say: bool) -> Vec<&'static str> {
    NEEDED
        .iter()
        .filter(|program| {
            let found = program
                .names
                .iter()
                .filter_map(|name| find(name))
                .find_map(|path| version(&path));
            if let (true, Some(found)) = (say, &found) {
                println!("{found}");
            }
            found.is_none()
        })
        .map(|program| program.what)
        .collect()
}

fn version(path: &PathBuf) -> Option<String> {
    let version = output(
        Command::new(path)
            .arg("--version")
            .stdin(process::Stdio::null()),
    )
    .ok()?;
    Some(format!(
        "{} ({})",
        version.lines().next()?.trim(),
        path.display()
    ))
}

fn install_from_debian(system: &System) -> Result<()> {
    println!("installing with apt-get: {}", DEBIAN_PACKAGES.join(", "));
    let apt = || {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .arg("--quiet");
        command
    };
    run(apt().arg("update"))?;
    for package in DEBIAN_PACKAGES {
        // On Ubuntu these names are absent, or empty packages that install a snap.
        let policy = output(Command::new("apt-cache").args(["policy", package]))?;
        let candidate = policy
            .lines()
            .find_map(|line| line.trim().strip_prefix("Candidate: "))
            .unwrap_or("(none)");
        if candidate == "(none)" || candidate.contains("snap") {
            bail!(
                "this system has no package {package} that apt-get could install.\n{}",
                system.instructions()
            );
        }
    }
    run(apt()
        .args(["install", "--yes", "--no-install-recommends"])
        .args(DEBIAN_PACKAGES))
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

/// Which system this is, in the words of /etc/os-release: its own name first, then those it is derived from.
struct System {
    names: Vec<String>,
}

impl System {
    fn of_this_machine() -> Self {
        if cfg!(target_os = "linux") {
            Self::parse(&fs::read_to_string("/etc/os-release").unwrap_or_default())
        } else {
            Self {
                names: vec![std::env::consts::OS.to_owned()],
            }
        }
    }

    fn parse(os_release: &str) -> Self {
        let value = |key: &str| {
            let line = os_release
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default()
                .trim_matches(['"', '\''])
                .to_owned()
        };
        let names = format!("{} {}", value("ID"), value("ID_LIKE"));
        Self {
            names: names.split_ascii_whitespace().map(str::to_owned).collect(),
        }
    }

    fn like(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }

    fn instructions(&self) -> &'static str {
        const KNOWN: [(&str, &str); 7] = [
            // Before Debian, which Ubuntu is derived from.
            (
                "ubuntu",
                "  sudo apt-get install valgrind\n  \
                 sudo snap install chromium\n  \
                 sudo ln -s /snap/bin/chromium.chromedriver /usr/local/bin/chromedriver\n\
                 or a pair of browser and driver from https://googlechromelabs.github.io/chrome-for-testing/, in PATH",
            ),
            (
                "debian",
                "  sudo apt-get update\n  sudo apt-get install chromium chromium-driver valgrind",
            ),
            (
                "fedora",
                "  sudo dnf install chromium chromedriver valgrind",
            ),
            ("arch", "  sudo pacman -S chromium valgrind"),
            (
                "alpine",
                "  sudo apk add chromium chromium-chromedriver valgrind",
            ),
            (
                "suse",
                "  sudo zypper install chromium chromedriver valgrind",
            ),
            (
                "macos",
                "  brew install --cask chromium chromedriver\n\
                 there is no valgrind for current versions of macOS: run the steps but `speed` by name",
            ),
        ];
        KNOWN.iter().find(|(name, _)| self.like(name)).map_or(
            "  put `chromium` (or `google-chrome`) and a `chromedriver` of the same version into PATH, and `valgrind`",
            |(_, text)| text,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ubuntu_is_told_of_snaps_and_debian_is_not() {
        let ubuntu = System::parse("NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\n");
        assert!(ubuntu.like("debian"));
        assert!(ubuntu.instructions().contains("snap"));
        let debian = System::parse(
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n",
        );
        assert!(
            debian
                .instructions()
                .contains("apt-get install chromium chromium-driver valgrind")
        );
        let rocky = System::parse("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n");
        assert!(rocky.instructions().contains("dnf"));
        assert!(System::parse("").instructions().contains("PATH"));
    }
}
