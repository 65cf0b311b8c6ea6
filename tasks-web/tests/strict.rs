//! An application that denies all it can: what the macros generate gives it no warning.
//!
//! Compiling it is the test, and linting it: `cargo clippy` looks at it like at everything else.

// What is forbidden no generated code may allow either.
#![forbid(
    unsafe_code,
    unused_must_use,
    clippy::unwrap_used,
    clippy::panic,
    clippy::todo
)]
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    missing_copy_implementations,
    unreachable_pub,
    unused,
    unused_qualifications,
    unused_lifetimes,
    unused_import_braces,
    unused_results,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    rust_2018_idioms,
    nonstandard_style,
    let_underscore_drop,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    variant_size_differences,
    meta_variable_misuse,
    unit_bindings,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::absolute_paths,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::clone_on_ref_ptr,
    clippy::default_numeric_fallback,
    clippy::exhaustive_structs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_docs_in_private_items,
    clippy::min_ident_chars,
    clippy::pattern_type_mismatch,
    clippy::pub_use,
    clippy::str_to_string,
    clippy::wildcard_imports
)]

/// Tasks.
pub mod tasks {
    use core::future::ready;
    use core::time::Duration;
    use std::io;
    use std::thread::yield_now;

    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use tasks_web::{FailureCodes, Injectable, task};

    /// Fails in every way there is.
    #[derive(Debug, thiserror::Error, FailureCodes)]
    #[non_exhaustive]
    pub enum StrictError {
        /// There is no street.
        #[error("no street in {region}")]
        #[failure(code = "no-street", permanent, status = 404, details)]
        NoStreet {
            /// Where.
            region: String,
        },
        /// It is busy.
        #[error("busy")]
        Busy(#[failure(retry_after)] Duration),
        /// Anything else.
        #[error(transparent)]
        #[failure(transparent)]
        Other(#[from] io::Error),
    }

    /// An address.
    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    #[non_exhaustive]
    pub struct Address {
        /// Where it is.
        pub street: String,
    }

    /// Injected.
    #[derive(Clone, Debug, Injectable)]
    #[non_exhaustive]
    pub struct Settings {
        /// A name.
        pub region: String,
    }

    /// Injected, and generic.
    #[derive(Clone, Debug, Injectable)]
    #[non_exhaustive]
    pub struct Held<Value: Clone> {
        /// A value.
        pub value: Value,
    }

    /// Every option there is.
    ///
    /// # Errors
    ///
    /// When there is no street.
    #[task(name = "everything", tags = ["strict", "test"], timeout = "30s", register = true)]
    pub async fn everything(
        settings: &Settings,
        held: Option<Held<u8>>,
        /// Documented.
        #[task(default = "World", example = "Ada", rename = "who")]
        name: String,
        #[task(secret)] word: &str,
        address: &Address,
        numbers: &[u8],
        limit: Option<u32>,
    ) -> Result<String, StrictError> {
        wait().await;
        if address.street.is_empty() {
            return Err(StrictError::NoStreet {
                region: settings.region.clone(),
            });
        }
        Ok(format!(
            "{name} {word} {numbers:?} {limit:?} {} {}",
            settings.region,
            held.is_some()
        ))
    }

    /// Something to wait for.
    async fn wait() {
        ready(()).await;
    }

    /// A task that may block, and says nothing.
    #[task]
    pub fn blocks() {
        yield_now();
    }
}

/// They are tasks all the same.
#[test]
fn they_are_discovered() -> Result<(), tasks_web::RegistryError> {
    let registry = tasks_web::TaskRegistry::discover()?;
    assert_eq!(registry.list(), ["blocks", "everything"], "two tasks");
    Ok(())
}
