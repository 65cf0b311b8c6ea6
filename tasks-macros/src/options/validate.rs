//! `validate = …`: a rule over several parameters.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::ParseStream;
use syn::visit::{self, Visit};
use syn::{Expr, ExprPath, Macro};

use super::parse;

/// A rule over several parameters.
pub(crate) enum Validate {
    /// A function that gets all of them, in order.
    All(ExprPath),
    /// A call that names those which it gets, as references.
    Call(Expr),
}

impl Validate {
    /// `validate = check`, or `validate = check(from, to)`.
    pub(super) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        match parse::value(input)? {
            Expr::Path(path) => Ok(Self::All(path)),
            call @ (Expr::Call(_) | Expr::MethodCall(_)) => Ok(Self::Call(call)),
            other => Err(syn::Error::new_spanned(
                other,
                "`validate` is a function that gets references to all parameters, `validate = check`, or a call that names those it \
                 gets, `validate = check(from, to)`",
            )),
        }
    }

    /// The names in a call that may stand for parameters, as often as they are there.
    pub(crate) fn names(&self) -> Vec<Ident> {
        let mut names = Names(Vec::new());
        if let Self::Call(call) = self {
            names.visit_expr(call);
        }
        names.0
    }

    /// The arguments of a call that are a name alone.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Ident> {
        let arguments = match self {
            Self::Call(Expr::Call(call)) => Some(&call.args),
            Self::Call(Expr::MethodCall(call)) => Some(&call.args),
            _ => None,
        };
        let arguments = arguments.into_iter().flatten();
        arguments.filter_map(|argument| match argument {
            Expr::Path(path) => path.path.get_ident(),
            _ => None,
        })
    }
}

struct Names(Vec<Ident>);

impl Names {
    fn add_tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(name) => self.0.push(name),
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

impl Visit<'_> for Names {
    fn visit_expr_path(&mut self, path: &ExprPath) {
        self.0.extend(path.path.get_ident().cloned());
        visit::visit_expr_path(self, path);
    }

    fn visit_macro(&mut self, call: &Macro) {
        self.add_tokens(call.tokens.clone());
    }
}
