//! `docs/book/src/reference/diagnostics.md` says what the compiler says: it is made from the programs in `ui/`.
//!
//! `UPDATE=1 cargo test -p tasks-web --test diagnostics` writes it anew.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The order of the page.
const SECTIONS: &[(&str, &[&str])] = &[
    (
        "Parameters",
        &[
            "parameter_of_an_unknown_kind",
            "reference_to_an_unknown_kind",
            "parameter_without_a_schema",
            "parameter_that_is_not_send",
            "collection_of_a_foreign_type",
            "request_as_a_parameter",
            "reference_inside_a_type",
            "attribute_of_a_derive",
            "borrowing_type",
            "mutable_reference",
            "static_reference",
            "undeclared_lifetime",
            "impl_trait",
            "trait_object",
            "trait_object_behind_a_reference",
            "placeholder_type",
            "pattern",
            "unnamed_parameter",
            "conditional_parameter",
            "two_parameters_of_one_name",
            "empty_rename",
        ],
    ),
    (
        "Defaults and examples",
        &[
            "default_of_the_wrong_type",
            "text_as_default_of_a_number",
            "example_of_the_wrong_type",
            "example_that_does_not_serialize",
        ],
    ),
    (
        "Injection",
        &[
            "default_on_an_injected_type",
            "default_on_an_injected_parameter",
            "example_on_an_injected_type",
            "example_on_an_injected_parameter",
            "secret_on_an_injected_type",
            "secret_on_an_injected_parameter",
            "inject_and_request",
            "inject_a_type_that_is_not_injectable",
            "request_an_injectable_type",
            "injectable_with_a_lifetime",
            "injectable_that_is_not_send",
            "injectable_with_an_unknown_option",
            "provided_value_that_is_not_clone",
        ],
    ),
    (
        "Results",
        &[
            "result_that_does_not_serialize",
            "sync_result_that_does_not_serialize",
            "ok_that_does_not_serialize",
            "error_that_is_none",
            "impl_trait_result",
            "boxed_future",
            "result_that_borrows",
            "result_that_may_borrow",
            "future_that_is_not_send",
            "borrowing_future_that_is_not_send",
        ],
    ),
    (
        "Names and tags",
        &[
            "name_with_a_bad_character",
            "function_name_with_a_bad_character",
            "empty_name",
            "name_not_a_literal",
            "tags_not_a_list",
            "tag_not_a_literal",
            "duplicate_tag",
            "empty_tag",
        ],
    ),
    (
        "Options",
        &[
            "unknown_option",
            "misspelt_option",
            "unknown_parameter_option",
            "option_given_twice",
            "parameter_option_given_twice",
            "value_missing",
            "flag_with_a_value",
            "comma_missing",
            "parameter_options_without_parentheses",
            "register_not_a_boolean",
            "bad_timeout",
            "contradictory_hints",
            "timeout_not_a_literal",
            "zero_timeout",
            "job_options",
            "flow_control",
        ],
    ),
    (
        "Constraints",
        &[
            "constraint_of_another_type",
            "bound_of_another_type",
            "bounds_that_leave_nothing",
            "min_and_exclusive_min",
            "constraint_without_options",
            "pattern_that_is_none",
            "pattern_that_is_too_large",
            "unknown_format",
            "constraint_on_an_injected_parameter",
            "constraint_on_an_injected_type",
        ],
    ),
    (
        "Rules",
        &[
            "rule_of_other_types",
            "rule_of_too_few_parameters",
            "rule_of_an_unknown_parameter",
            "rule_of_an_injected_parameter",
            "rule_that_returns_a_boolean",
            "rule_with_an_error_of_its_own",
            "rule_that_waits",
            "rule_in_quotes",
            "garde_of_a_type_without_rules",
            "garde_on_an_injected_type",
        ],
    ),
    (
        "Codes of failures",
        &[
            "code_of_the_framework",
            "two_variants_of_one_code",
            "failure_option_that_is_unknown",
            "failure_options_that_contradict",
            "failure_options_that_are_there_twice",
            "transparent_field_that_is_no_error",
            "code_by_hand_that_is_none",
            "errors_without_codes",
            "codes_of_a_generic_error",
            "codes_of_what_is_no_error",
            "detail_that_does_not_serialize",
        ],
    ),
    (
        "The function",
        &[
            "generics",
            "lifetime",
            "where_clause",
            "unsafe_function",
            "const_function",
            "extern_function",
            "variadic_function",
            "method",
            "self_type",
            "function_in_an_impl",
            "route_and_task",
            "options_of_another_place",
            "function_without_a_body",
            "task_on_a_struct",
            "task_on_an_impl",
            "task_on_a_module",
            "task_on_a_constant",
        ],
    ),
    (
        "Calls",
        &[
            "call_with_positional_arguments",
            "call_like_a_function",
            "call_of_no_function",
            "call_awaited",
            "call_with_a_value_that_does_not_serialize",
            "task_of_a_call",
            "register_a_call",
        ],
    ),
    (
        "Several at once, and none of ours",
        &[
            "many_at_once",
            "no_second_error",
            "half_typed_body",
            "wrong_type_in_the_body",
        ],
    ),
];

const INTRO: &str = "\
# What you wrote, what the compiler says

Every rule that is checked at compile time, with a program that breaks it. All that is wrong with a function is reported in
one compile; the function itself stays, so that its callers have no errors of their own.

The messages are those of rustc VERSION. Shortened here: `use tasks_web::prelude::*;` and an empty `main`, the numbers of
lines, and notes that point into the framework's own files.

This page is made from the programs in `tasks-web/tests/ui`, which the tests compile.
";

#[test]
fn the_page_shows_what_the_compiler_says() {
    let path = root().join("docs/book/src/reference/diagnostics.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/book/src/reference/diagnostics.md is out of date: UPDATE=1 cargo test -p tasks-web --test diagnostics"
    );
}

#[test]
fn every_program_is_on_the_page_once() {
    let named: Vec<&str> = SECTIONS
        .iter()
        .flat_map(|(_, cases)| *cases)
        .copied()
        .collect();
    let stems = |extension: &str| -> BTreeSet<String> {
        fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|own| own == extension))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    };
    let set: BTreeSet<String> = named.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(set.len(), named.len(), "a case is named twice");
    assert_eq!(stems("rs"), set);
    assert_eq!(stems("stderr"), set);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui")
}

fn page() -> String {
    let version = include_str!("ui/RUSTC_VERSION").trim();
    let mut page = INTRO.replace("VERSION", version);
    let mut contents = String::new();
    let mut body = String::new();
    for (title, cases) in SECTIONS {
        let anchor = title.to_lowercase().replace(' ', "-").replace(',', "");
        writeln!(contents, "- [{title}](#{anchor})").unwrap();
        write!(body, "\n## {title}\n").unwrap();
        for case in *cases {
            body.push_str(&entry(case));
        }
    }
    write!(page, "\n{contents}{body}").unwrap();
    page
}

fn entry(case: &str) -> String {
    let read = |extension: &str| {
        fs::read_to_string(folder().join(case).with_extension(extension)).unwrap()
    };
    let program = read("rs");
    let mut comment = program
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(str::trim);
    let title = comment.next().unwrap();
    let remark = comment.collect::<Vec<_>>().join("\n");
    let code: Vec<&str> = program
        .lines()
        .filter(|line| {
            !line.starts_with("//!")
                && *line != "use tasks_web::prelude::*;"
                && *line != "fn main() {}"
        })
        .collect();
    // What was left out leaves blank lines behind.
    let code = code.join("\n").replace("\n\n\n", "\n\n");
    let mut text = format!("\n### {title}\n");
    if !remark.is_empty() {
        write!(text, "\n{}\n", remark.trim()).unwrap();
    }
    write!(
        text,
        "\n```rust,ignore\n{}\n```\n\n```text\n{}\n```\n",
        code.trim(),
        message(&read("stderr"))
    )
    .unwrap();
    text
}

/// The message without numbers of lines, names of files, and the parts that show the framework's own code.
fn message(stderr: &str) -> String {
    let mut parts: Vec<Vec<&str>> = Vec::new();
    for line in stderr.lines() {
        let begins = ["error", "warning", "note", "help"]
            .iter()
            .any(|word| line.starts_with(word));
        match parts.last_mut() {
            Some(part) if !begins => part.push(line),
            _ => parts.push(vec![line]),
        }
    }
    let mut text = String::new();
    for part in parts {
        if part
            .iter()
            .any(|line| line.contains("$WORKSPACE") || line.contains("$RUST"))
        {
            continue;
        }
        let error = ["error", "warning"]
            .iter()
            .any(|word| part[0].starts_with(word));
        if error && !text.is_empty() && !text.ends_with("\n\n") {
            text.push('\n');
        }
        for line in part {
            if line.trim_start().starts_with("-->") {
                continue;
            }
            text.push_str(&without_number(line));
            text.push('\n');
        }
    }
    // The gutter above a part that was left out.
    text.trim_end_matches(['|', ' ', '\n']).to_owned()
}

/// Blanks in place of the number before the `|` (or, in a proposed change, `+`, `-` and `~`).
fn without_number(line: &str) -> String {
    let digits = line
        .trim_start()
        .chars()
        .take_while(char::is_ascii_digit)
        .count();
    let start = line.len() - line.trim_start().len();
    let end = start + digits;
    if digits > 0 && line[end..].starts_with([' ']) {
        format!("{}{}", " ".repeat(end), &line[end..])
            .trim_end()
            .to_owned()
    } else {
        line.to_owned()
    }
}
