//! The compiler that recorded files are of: what compilers say, and how rustdoc writes its JSON, changes with their releases.

use std::fs;
use std::process::Command;

use crate::process::root;

/// The file with the version.
const RECORDED: &str = "tasks-web/tests/ui/RUSTC_VERSION";

/// Says that recorded compiler messages and the recorded public API are not compared, if that is so.
pub(crate) fn note() -> Option<String> {
    let Ok(recorded) = fs::read_to_string(root().join(RECORDED)) else {
        return Some(format!(
            "compiler messages and public API: {RECORDED} cannot be read, so it is unknown whether they were compared"
        ));
    };
    let rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("--version")
        .output();
    let rustc = rustc
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    let recorded = recorded.trim();
    (!is_version(&rustc, recorded)).then(|| {
        format!(
            "compiler messages and public API: NOT compared, and those alone, because they were recorded with rustc {recorded} and this is \
             {rustc}"
        )
    })
}

/// Whether the output of `rustc --version` is of a version such as `1.95`.
fn is_version(rustc: &str, version: &str) -> bool {
    let own = rustc.split_ascii_whitespace().nth(1).unwrap_or_default();
    own.strip_prefix(version)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_parts() {
        assert!(is_version("rustc 1.95.0 (59807616e 2026-04-14)", "1.95"));
        assert!(is_version("rustc 1.95.0 (59807616e 2026-04-14)", "1.95.0"));
        assert!(!is_version("rustc 1.95.0 (59807616e 2026-04-14)", "1.9"));
        assert!(!is_version("rustc 1.96.0-nightly (abc 2026-05-01)", "1.95"));
        assert!(!is_version("", "1.95"));
    }
}
