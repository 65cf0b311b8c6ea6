//! A task as it is written: the function, its parameters and the options.

use proc_macro2::Span;
use syn::ext::IdentExt;

use crate::ast::TaskFn;
use crate::errors::Errors;
use crate::options::TaskOptions;
use crate::param::{self, Param};

/// All that `#[task]` knows of one function.
pub(crate) struct Task {
    pub(crate) name: TaskName,
    /// The function, without what rustc would refuse in it.
    pub(crate) function: TaskFn,
    pub(crate) params: Vec<Param>,
    pub(crate) options: TaskOptions,
}

/// The name that clients use.
pub(crate) struct TaskName {
    pub(crate) text: String,
    /// Where to underline what is wrong with it.
    pub(crate) span: Span,
    /// Whether it is that of the function.
    pub(crate) of_function: bool,
}

impl Task {
    /// Reads the parameters, and takes from the function what rustc would refuse there.
    pub(crate) fn from_syn(
        options: TaskOptions,
        mut function: TaskFn,
        errors: &mut Errors,
    ) -> Self {
        let params = param::take_params(&mut function.sig, errors);
        let name = match &options.name {
            Some(name) => TaskName {
                text: name.value(),
                span: name.span(),
                of_function: false,
            },
            None => TaskName {
                text: function.sig.ident.unraw().to_string(),
                span: function.sig.ident.span(),
                of_function: true,
            },
        };
        Self {
            name,
            function,
            params,
            options,
        }
    }

    /// The parameter that a key is, or that its JSON pointer leads into.
    pub(crate) fn key_parameter(&self, key: &str) -> Option<&Param> {
        let name = match key.strip_prefix('/') {
            Some(pointer) => unescape(pointer.split('/').next().unwrap_or_default()),
            None => key.to_owned(),
        };
        self.params.iter().find(|param| param.name == name)
    }

    /// Whether the function has an attribute of this name.
    pub(crate) fn has_attribute(&self, name: &str) -> bool {
        let mut attributes = self.function.attrs.iter();
        attributes.any(|attribute| attribute.path().is_ident(name))
    }
}

/// A name as a JSON pointer has it (RFC 6901, section 4).
fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
