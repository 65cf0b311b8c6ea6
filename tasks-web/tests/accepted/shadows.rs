//! Names of the application's own that are those of std, or of the crates that generated code refers to.

#![allow(
    dead_code,
    non_snake_case,
    non_upper_case_globals,
    unused_imports,
    unused_macros,
    clippy::needless_pass_by_value,
    reason = "the names only have to be in the way"
)]

use serde_json::json;
use tasks_web::prelude::*;

use crate::run;

mod own_types {
    use tasks_web::prelude::task;

    pub(crate) struct Option;
    pub(crate) struct Result;
    pub(crate) struct Box;
    pub(crate) struct String;
    pub(crate) struct Vec;
    pub(crate) struct Send;
    pub(crate) struct Default;
    pub(crate) struct Slot;
    pub(crate) struct Parameter;
    pub(crate) struct TaskDescriptor;
    pub(crate) fn Some() {}
    pub(crate) fn Ok() {}
    pub(crate) fn Err() {}
    pub(crate) const None: u8 = 0;
    pub(crate) trait ToOwned {}
    pub(crate) trait Injectable {}

    #[task(register = false, timeout = "1m", tags = ["shadow"])]
    pub(crate) async fn among_types(
        /// Described.
        #[task(default = 1, example = 2, secret)]
        x: i64,
        text: &str,
        list: std::option::Option<std::vec::Vec<u8>>,
    ) -> std::result::Result<i64, std::string::String> {
        std::result::Result::Ok(x + text.len() as i64 + list.map_or(0, |list| list.len() as i64))
    }
}

mod own_modules {
    pub(crate) mod core {}
    pub(crate) mod std {}
    pub(crate) mod alloc {}
    pub(crate) mod tasks_web {}
    pub(crate) mod tasks_runtime {}
    pub(crate) mod inventory {}

    #[::tasks_web::task(register = false)]
    pub(crate) fn among_modules(#[task(default = "abc")] text: &str) -> usize {
        text.len()
    }

    #[derive(Clone, ::tasks_web::Injectable)]
    pub(crate) struct Value(pub(crate) usize);

    #[derive(Debug, ::tasks_web::FailureCodes)]
    #[failure(permanent, status = 404)]
    pub(crate) struct NotFound(#[failure(detail = "id")] pub(crate) usize);

    impl ::std::fmt::Display for NotFound {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str("not found")
        }
    }

    impl ::std::error::Error for NotFound {}

    #[::tasks_web::task(register = false)]
    pub(crate) async fn injected_among_modules(value: &Value) -> usize {
        value.0
    }
}

mod own_macros {
    macro_rules! vec {
        () => {
            compile_error!("not this one")
        };
    }
    macro_rules! module_path {
        () => {
            compile_error!("not this one")
        };
    }
    macro_rules! file {
        () => {
            compile_error!("not this one")
        };
    }
    macro_rules! line {
        () => {
            compile_error!("not this one")
        };
    }
    pub(crate) use {file, line, module_path, vec};

    #[tasks_web::task(register = false)]
    pub(crate) fn among_macros(x: i64) -> i64 {
        x
    }
}

#[no_implicit_prelude]
mod no_prelude {
    use ::std::option::Option;
    use ::std::primitive::{i64, str, usize};

    #[::tasks_web::task(register = false, tags = ["bare"], timeout = "2s")]
    pub(crate) async fn bare(#[task(default = 1)] x: i64, text: &str, y: Option<i64>) -> i64 {
        let _length: usize = text.len();
        x + y.unwrap_or(0)
    }

    #[::tasks_web::task(register = false)]
    pub(crate) fn bare_and_blocking(
        #[task(default = "abc", example = "x")] text: ::std::string::String,
    ) -> usize {
        text.len()
    }

    #[derive(::std::clone::Clone, ::tasks_web::Injectable)]
    pub(crate) struct Value;

    #[derive(::std::fmt::Debug, ::tasks_web::FailureCodes)]
    pub(crate) enum Error {
        /// Described.
        #[failure(status = 404, permanent)]
        r#None,
        #[failure(retry_after = "1s", details)]
        Some {
            text: &'static str,
        },
        Ok(#[failure(detail = "number", retry_after)] ::std::time::Duration),
        #[failure(transparent)]
        Err(::std::fmt::Error),
    }

    impl ::std::fmt::Display for Error {
        fn fmt(&self, _: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            ::std::result::Result::Ok(())
        }
    }

    impl ::std::error::Error for Error {}
}

mod own_values {
    use tasks_web::prelude::task;

    pub(crate) static __rt: i64 = 2;
    pub(crate) const x: i64 = 3;

    #[task(register = false)]
    pub(crate) fn among_values(number: i64) -> i64 {
        number + __rt + x
    }
}

#[test]
fn nothing_is_taken_for_what_it_is_named_like() {
    let params = json!({"text": "abc", "list": [1]});
    assert_eq!(run::<i64>(task(own_types::among_types), params), 5);
    assert_eq!(run::<usize>(task(own_modules::among_modules), json!({})), 3);
    assert_eq!(
        run::<i64>(task(own_macros::among_macros), json!({"x": 1})),
        1
    );
    assert_eq!(
        run::<i64>(task(no_prelude::bare), json!({"text": "", "y": 2})),
        3
    );
    assert_eq!(
        run::<usize>(task(no_prelude::bare_and_blocking), json!({})),
        3
    );
    assert_eq!(
        run::<i64>(task(own_values::among_values), json!({"number": 1})),
        6
    );
}

#[test]
fn codes_are_not_misled_either() {
    use tasks_web::FailureCodes;

    let codes: Vec<&str> = no_prelude::Error::CODES
        .iter()
        .map(tasks_web::FailureCode::code)
        .collect();
    assert_eq!(codes, ["none", "some", "ok"]);
    let some = no_prelude::Error::Some { text: "abc" };
    assert_eq!(some.details(), Some(json!({"text": "abc"})));
    assert!(
        no_prelude::Error::Err(std::fmt::Error)
            .failure_code()
            .is_none()
    );
    assert!(
        no_prelude::Error::None
            .failure_code()
            .is_some_and(|code| code.is_permanent())
    );
    let wait = no_prelude::Error::Ok(std::time::Duration::from_secs(3)).failure_code();
    assert_eq!(
        wait.and_then(|code| code.retry_after())
            .map(|time| time.as_secs()),
        Some(3)
    );
    assert_eq!(own_modules::NotFound(3).details(), Some(json!({"id": 3})));
    let code = own_modules::NotFound::CODES[0];
    assert_eq!((code.code(), code.status()), ("not-found", Some(404)));
}

#[test]
fn a_derive_is_not_misled_either() {
    let executor = tasks_web::testing::executor([task(own_modules::injected_among_modules)])
        .provide(own_modules::Value(7))
        .build()
        .unwrap();
    let value = actix_web::rt::System::new()
        .block_on(executor.execute::<usize>("injected_among_modules", json!({})));
    assert_eq!(value.unwrap(), 7);
}
