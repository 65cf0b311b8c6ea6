//! Programs that must not compile, and what the compiler says about them: see `ui/README.md`.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::process::Command;

const RECORDED: &str = include_str!("ui/RUSTC_VERSION");

/// Compiler messages are worded anew with every release, so they are compared under one compiler only. The summary of
/// `cargo xtask test` says so, too, when they were not.
#[test]
fn the_compiler_says_what_was_recorded() {
    let rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("--version")
        .output()
        .unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    if is_version(&rustc, RECORDED.trim()) {
        trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
    } else {
        eprintln!(
            "compiler messages: NOT compared, and those alone, because they were recorded with rustc {} and this is {}",
            RECORDED.trim(),
            rustc.trim()
        );
    }
}

/// Whether the output of `rustc --version` is of a version such as `1.95`.
fn is_version(rustc: &str, version: &str) -> bool {
    let own = rustc.split_ascii_whitespace().nth(1).unwrap_or_default();
    own.strip_prefix(version)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}
