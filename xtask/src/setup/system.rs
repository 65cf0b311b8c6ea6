//! The systems that are known, and how one installs there what is missing.

use std::fs;

/// Which system this is, in the words of /etc/os-release: its own name first, then those it is derived from.
pub(super) struct System {
    names: Vec<String>,
}

impl System {
    pub(super) fn of_this_machine() -> Self {
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

    pub(super) fn like(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }

    pub(super) fn instructions(&self) -> &'static str {
        const KNOWN: [(&str, &str); 7] = [
            // Before Debian, which Ubuntu is derived from.
            (
                "ubuntu",
                "  sudo apt-get install libfaketime nodejs npm pgbouncer postgresql python3-venv valgrind\n  \
                 sudo snap install chromium\n  \
                 sudo ln -s /snap/bin/chromium.chromedriver /usr/local/bin/chromedriver\n\
                 or a pair of browser and driver from https://googlechromelabs.github.io/chrome-for-testing/, in PATH",
            ),
            (
                "debian",
                "  sudo apt-get update\n  sudo apt-get install chromium chromium-driver libfaketime nodejs npm pgbouncer postgresql python3-venv valgrind",
            ),
            (
                "fedora",
                "  sudo dnf install chromium chromedriver libfaketime nodejs pgbouncer postgresql-server python3 valgrind",
            ),
            (
                "arch",
                "  sudo pacman -S chromium libfaketime npm pgbouncer postgresql python valgrind",
            ),
            (
                "alpine",
                "  sudo apk add chromium chromium-chromedriver libfaketime npm pgbouncer postgresql python3 valgrind",
            ),
            (
                "suse",
                "  sudo zypper install chromium chromedriver libfaketime npm-default pgbouncer postgresql-server python311 valgrind",
            ),
            (
                "macos",
                "  brew install --cask chromium chromedriver\n  brew install node pgbouncer postgresql@17 python\n\
                 there is no valgrind for current versions of macOS: run the steps but `speed` by name",
            ),
        ];
        KNOWN.iter().find(|(name, _)| self.like(name)).map_or(
            "  put `chromium` (or `google-chrome`) and a `chromedriver` of the same version into PATH, and `valgrind`, `initdb`, \
             `libfaketime.so.1` below `/usr/lib`, `postgres` and `pgbouncer`, a `python3` that is 3.10 or later, and `node` (18 or later) and `npm`",
            |(_, text)| text,
        )
    }
}

/// The library that gives programs another clock, which packages put below a folder of the architecture. The tests look into the same folders, on
/// Linux.
pub(super) fn find_faketime() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("no libfaketime: its test is for Linux".to_owned());
    }
    let below = fs::read_dir("/usr/lib").ok()?.flatten();
    let folders = below.map(|entry| entry.path());
    let library = folders
        .chain(["/usr/lib".into(), "/usr/lib64".into()])
        .map(|folder| folder.join("faketime/libfaketime.so.1"))
        .find(|library| library.is_file())?;
    Some(format!("libfaketime ({})", library.display()))
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
        assert!(debian.instructions().contains(
            "apt-get install chromium chromium-driver libfaketime nodejs npm pgbouncer postgresql python3-venv valgrind"
        ));
        let rocky = System::parse("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n");
        assert!(rocky.instructions().contains("dnf"));
        assert!(System::parse("").instructions().contains("PATH"));
    }
}
