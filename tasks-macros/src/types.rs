//! What the type of a parameter or of a result must not contain.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    BoundLifetimes, GenericArgument, Lifetime, ParenthesizedGenericArguments, Path, PathArguments,
    Signature, Token, Type, TypeFnPtr, TypeImplTrait, TypeInfer, TypeParamBound, TypeReference,
    TypeTraitObject,
};

use crate::ast::declares;
use crate::errors::Errors;

/// Looks for what neither a request nor the server could give.
pub(crate) fn of_parameter(ty: &Type, sig: &Signature, errors: &mut Errors) {
    if let Type::TraitObject(object) = ty {
        errors.on(
            object.dyn_token,
            "a trait object is injected as `Arc<dyn …>`: take that, and provide one to the executor",
        );
    }
    if let Some(name) = of_a_handler(ty) {
        errors.on(
            ty,
            format!(
                "a task takes no `{name}`, which is for handlers of actix: it also runs as a job, without a request. `Caller` says who asks, and \
                 has headers that `caller_headers` names; what a client sends is a parameter, and what the server has is injected, as `State<…>` for one"
            ),
        );
        return;
    }
    walk(ty, Position::Parameter, sig, errors);
}

/// The name of a type that actix makes of a request. `Json` and the like are so only with actix's name before them.
fn of_a_handler(ty: &Type) -> Option<String> {
    const NAMES: [&str; 3] = ["HttpRequest", "HttpResponse", "ServiceRequest"];
    const EXTRACTORS: [&str; 8] = [
        "Bytes", "Data", "Form", "Header", "Json", "Path", "Payload", "Query",
    ];
    let Type::Path(path) = ty else {
        return None;
    };
    let segments = &path.path.segments;
    let last = segments.last()?.ident.to_string();
    let before = segments.iter().rev().nth(1).map(|segment| &segment.ident);
    let is_extractor =
        EXTRACTORS.contains(&last.as_str()) && before.is_some_and(|name| name == "web");
    if NAMES.contains(&last.as_str()) {
        return Some(last);
    }
    is_extractor.then(|| format!("web::{last}"))
}

/// Looks for what could not be written down once the call is over. So many parameters are borrowed.
pub(crate) fn of_result(ty: &Type, borrowed: usize, sig: &Signature, errors: &mut Errors) {
    walk(ty, Position::Result { borrowed }, sig, errors);
}

#[derive(Clone, Copy, PartialEq)]
enum Position {
    Parameter,
    Result { borrowed: usize },
}

fn walk(ty: &Type, position: Position, sig: &Signature, errors: &mut Errors) {
    let mut visitor = Types {
        position,
        sig,
        errors,
        bound: Vec::new(),
        callable: false,
    };
    visitor.visit_type(ty);
}

fn names_a_future(bounds: &Punctuated<TypeParamBound, Token![+]>) -> bool {
    bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            (bound.path.segments.last()).is_some_and(|last| last.ident == "Future")
        }
        _ => false,
    })
}

fn has_lifetime(arguments: &PathArguments) -> bool {
    match arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .any(|argument| matches!(argument, GenericArgument::Lifetime(_))),
        _ => false,
    }
}

struct Types<'a> {
    position: Position,
    sig: &'a Signature,
    errors: &'a mut Errors,
    /// Lifetimes that a `for<…>` has declared.
    bound: Vec<String>,
    /// Whether it is within the types of something callable, where a reference is not the task's to give.
    callable: bool,
}

impl Types<'_> {
    fn within_callable(&mut self, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.callable, true);
        visit(self);
        self.callable = outer;
    }

    /// A lifetime that was left out.
    fn elided(&mut self, reference: &TypeReference) {
        match self.position {
            Position::Parameter => self.errors.on(
                reference.and_token,
                "a reference inside a type cannot be decoded from a request: own the data, as in `Option<String>`",
            ),
            Position::Result { borrowed: 1 } => self.errors.on(
                reference.and_token,
                "a task's result outlives the call, so it cannot borrow from a parameter: own the data, as in `String`",
            ),
            // rustc says that it cannot tell from where it is borrowed.
            Position::Result { .. } => self.errors.left_to_rustc(),
        }
    }
}

impl Visit<'_> for Types<'_> {
    fn visit_type_impl_trait(&mut self, ty: &TypeImplTrait) {
        if matches!(self.position, Position::Result { .. }) && names_a_future(&ty.bounds) {
            self.errors.on(
                ty,
                "a task that waits is an `async fn`: make it one, and return what the future gives",
            );
            return;
        }
        self.errors.on(
            ty.impl_token,
            "`impl Trait` has no name to decode or describe: name a concrete type",
        );
    }

    fn visit_type_trait_object(&mut self, object: &TypeTraitObject) {
        if matches!(self.position, Position::Result { .. }) && names_a_future(&object.bounds) {
            self.errors.on(
                object,
                "a task that waits is an `async fn`: make it one, and return what the future gives",
            );
            return;
        }
        visit::visit_type_trait_object(self, object);
    }

    fn visit_type_infer(&mut self, _: &TypeInfer) {
        self.errors.left_to_rustc();
    }

    fn visit_path(&mut self, path: &Path) {
        if let Some(cow) = path.segments.last().filter(|last| last.ident == "Cow")
            && matches!(self.position, Position::Result { borrowed } if borrowed > 0)
            && !has_lifetime(&cow.arguments)
        {
            self.errors.on(
                cow,
                "a task's result outlives the call, so it cannot borrow from a parameter: own the data, as in `String`",
            );
        }
        for segment in &path.segments {
            if segment.ident == "Self" {
                self.errors.on(
                    &segment.ident,
                    "a task is a free function, so there is no `Self`",
                );
            }
        }
        visit::visit_path(self, path);
    }

    fn visit_type_reference(&mut self, reference: &TypeReference) {
        if reference.lifetime.is_none() && !self.callable {
            self.elided(reference);
        }
        visit::visit_type_reference(self, reference);
    }

    fn visit_bound_lifetimes(&mut self, lifetimes: &BoundLifetimes) {
        for lifetime in &lifetimes.lifetimes {
            let name = lifetime.to_token_stream().to_string();
            self.bound.push(name.trim_start_matches('\'').to_owned());
        }
    }

    fn visit_lifetime(&mut self, lifetime: &Lifetime) {
        let name = lifetime.ident.to_string();
        let elided_in_callable = name == "_" && self.callable;
        if name == "static"
            || elided_in_callable
            || self.bound.contains(&name)
            // A declared one was reported where it is declared.
            || declares(&self.sig.generics, &name)
        {
            return;
        }
        let message = match self.position {
            Position::Parameter => {
                "a task cannot have lifetimes: own the data, or borrow the whole parameter as in `&str`"
            }
            Position::Result { .. } => {
                "a task's result outlives the call, so it cannot borrow from a parameter: own the data, as in `String`"
            }
        };
        self.errors.at(lifetime.ident.span(), message);
    }

    fn visit_type_fn_ptr(&mut self, function: &TypeFnPtr) {
        self.within_callable(|types| visit::visit_type_fn_ptr(types, function));
    }

    fn visit_parenthesized_generic_arguments(&mut self, arguments: &ParenthesizedGenericArguments) {
        self.within_callable(|types| {
            visit::visit_parenthesized_generic_arguments(types, arguments);
        });
    }
}
