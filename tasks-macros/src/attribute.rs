//! `#[task]`: the road of an expansion.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proc_macro2::{Span, TokenStream};

use crate::ast::TaskFn;
use crate::errors::Errors;
use crate::model::Task;
use crate::options::TaskOptions;
use crate::{expand, fallback};

/// What the compiler gets in place of the function.
pub(crate) fn task(options: TokenStream, item: &TokenStream) -> TokenStream {
    guarded(item, || {
        let mut errors = Errors::default();
        let options = TaskOptions::parse(options, &mut errors);
        let Some(function) = errors.take(syn::parse2::<TaskFn>(item.clone())) else {
            return fallback::item(item, errors);
        };
        let task = Task::from_syn(options, function, &mut errors);
        match task.validate(&mut errors) {
            Ok(task) => expand::task(task),
            Err(function) => fallback::function(*function, errors),
        }
    })
}

/// A panic of the macro's own leaves the function as it is, and is one error: it must not hide all else that the compiler
/// would say.
fn guarded(item: &TokenStream, expand: impl FnOnce() -> TokenStream) -> TokenStream {
    catch_unwind(AssertUnwindSafe(expand)).unwrap_or_else(|panic| {
        let mut errors = Errors::default();
        errors.at(
            Span::call_site(),
            format!(
                "`#[task]` has a bug, and made no task of this function. Please report it, with the function. It says: {}",
                message(&*panic)
            ),
        );
        fallback::item(item, errors)
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("nothing")
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn a_panic_leaves_the_function_and_one_error() {
        let item = quote!(
            fn greet() {}
        );
        let expansion = guarded(&item, || panic!("no arm for {}", 7)).to_string();
        assert!(expansion.starts_with(&item.to_string()), "{expansion}");
        assert_eq!(expansion.matches("compile_error").count(), 1, "{expansion}");
        assert!(expansion.contains("no arm for 7"), "{expansion}");
    }
}
