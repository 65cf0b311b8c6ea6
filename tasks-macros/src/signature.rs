//! The text of a task's signature.

use syn::{ReturnType, Signature};

use crate::param::Param;
use crate::print::{expr, ty};

/// `(name: String = "World", limit: Option<u32>) -> Greeting`, with the names the client uses.
pub(crate) fn of(sig: &Signature, params: &[Param]) -> String {
    let params: Vec<String> = params
        .iter()
        .map(|param| match default(param) {
            Some(default) => format!("{}: {} = {default}", param.name, ty(&param.written)),
            None => format!("{}: {}", param.name, ty(&param.written)),
        })
        .collect();
    let output = match &sig.output {
        ReturnType::Default => "()".to_owned(),
        ReturnType::Type(_, output) => ty(output),
    };
    format!("({}) -> {output}", params.join(", "))
}

/// The default of a parameter as text, masked where the parameter is secret.
pub(crate) fn default(param: &Param) -> Option<String> {
    let default = param.options.default.as_ref()?;
    Some(match param.options.secret {
        Some(_) => "***".to_owned(),
        None => expr(default),
    })
}
