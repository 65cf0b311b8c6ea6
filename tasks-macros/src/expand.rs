//! From a task that keeps the rules to tokens.

use std::time::Duration;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, ReturnType, Signature, Type};

use crate::doc::Doc;
use crate::options::{
    Backoff, Constraint, ConstraintKind, JobOptions, Source, TaskOptions, Validate,
};
use crate::param::{self, Param};
use crate::valid::ValidTask;
use crate::{crate_path, print, signature};

/// The function as it is written, and what makes it a task.
pub(crate) fn task(task: ValidTask) -> TokenStream {
    let generated = generate(&task);
    let deprecated = task.has_attribute("deprecated");
    let mut function = task.into_function();
    // Within a deprecated item its own use is none that rustc warns of.
    if deprecated {
        let body = std::mem::take(&mut function.body);
        function.body = quote!({ #generated #body });
        return function.into_token_stream();
    }
    quote!(#function #generated)
}

/// The metadata, the shim and the registration, in a scope of their own.
fn generate(task: &ValidTask) -> TokenStream {
    let name = &task.name.text;
    let TaskOptions {
        name: _,
        tags,
        timeout,
        register,
        krate,
        job,
        validate,
        errors,
    } = &task.options;
    let krate = crate_path::resolve(krate.as_ref());
    let (function, params) = (&task.function, &task.params);
    let sig = &function.sig;
    // What switches the function off has to switch off what refers to it.
    let conditions = function
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    let levels = function.attrs.iter().filter_map(lint_level);
    let description = Doc::of(&function.attrs);
    let signature = signature::of(sig, params);
    let timeout = option(timeout.map(duration));
    let job = policy(job);
    let discover = register.unwrap_or(true);
    let codes = errors
        .iter()
        .map(|error| quote_spanned!(error.span()=> __rt::codes::<#error>()));
    let shim = shim(sig, params, validate.as_ref());
    // The scope sees the user's functions, and must not hide one of them: what is imported is `__rt`, a name that nobody
    // writes, and traits without a name. All at once, since it is not known which of the traits the types need.
    quote! {
        #(#conditions)*
        #(#levels)*
        #[doc(hidden)]
        const _: () = {
            use #krate::__private::scope::*;
            __rt::inventory::submit! {
                __rt::TaskDescriptor {
                    name: #name,
                    description: #description,
                    signature: #signature,
                    tags: &[#(#tags),*],
                    timeout: #timeout,
                    job: #job,
                    module: ::core::module_path!(),
                    file: ::core::file!(),
                    line: ::core::line!(),
                    discover: #discover,
                    error_codes: &[#(#codes),*],
                    shim: #shim,
                }
            }
        };
    }
}

/// The level that the user gave a lint for the function, which is meant for what is made of it, too. An expectation is met
/// where the function is, so that it becomes a permission.
fn lint_level(attribute: &Attribute) -> Option<TokenStream> {
    let path = attribute.path();
    if ["allow", "warn", "deny"]
        .iter()
        .any(|level| path.is_ident(level))
    {
        return Some(attribute.to_token_stream());
    }
    match &attribute.meta {
        Meta::List(list) if path.is_ident("expect") => {
            let lints = &list.tokens;
            Some(quote!(#[allow(#lints)]))
        }
        _ => None,
    }
}

pub(crate) fn duration(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

/// `Some(…)` or `None`.
pub(crate) fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// How it is run in the background.
fn policy(job: &JobOptions) -> TokenStream {
    let mut policy = quote!(__rt::JobPolicy::DEFAULT);
    if let Some(retries) = job.retries {
        policy.extend(quote!(.retries(#retries)));
    }
    if let Some(Backoff {
        growth,
        initial,
        longest,
    }) = &job.backoff
    {
        let growth = Ident::new(growth, Span::call_site());
        let initial = duration(*initial);
        let longest = longest.map(|longest| {
            let longest = duration(longest);
            quote!(.max(#longest))
        });
        policy.extend(quote!(.backoff(__rt::Backoff::#growth(#initial) #longest)));
    }
    if let Some(queue) = &job.queue {
        policy.extend(quote!(.queue(#queue)));
    }
    if let Some(priority) = job.priority {
        policy.extend(quote!(.priority(#priority)));
    }
    if let Some(most) = job.max_concurrency {
        policy.extend(quote!(.max_concurrency(#most)));
    }
    if job.unique {
        policy.extend(quote!(.unique()));
    }
    if let Some(times) = job.crash_limit {
        policy.extend(quote!(.crash_limit(#times)));
    }
    policy
}

fn slot(param: &Param) -> TokenStream {
    let ty = param.owned();
    let ends = param::ends(&param.inner);
    let at_type = source(param, &ty, ends);
    let parameter = parameter(param);
    let options = &param.options;
    let is_plain = options.default.is_none()
        && options.example.is_none()
        && options.secret.is_none()
        && options.constraints.is_empty()
        && options.garde.is_none();
    if is_plain {
        return call_at(ends, "slot", quote!(#at_type, #parameter));
    }
    let default = option(options.default.as_ref().map(|value| {
        let value = value_fn(value, &ty);
        quote!(__rt::Default { value: #value, json: <__rt::JsonProbe<#ty>>::__TASK_JSON })
    }));
    let example = option(options.example.as_ref().map(|value| {
        let made = value_fn(value, &ty);
        // A value that does not serialize is reported where it is written.
        let source = source(param, &ty, param::ends(value));
        quote!(__rt::example(#source, #made))
    }));
    let arguments = quote!(#at_type, #parameter, #default, #example);
    call_at(ends, "request_slot", arguments)
}

/// A call that is underlined from `first` to `last`, so that rustc has nothing to say of `#[task]`.
fn call_at((first, last): (Span, Span), function: &str, arguments: TokenStream) -> TokenStream {
    let function = Ident::new(function, first);
    let path = quote_spanned!(first=> __rt::#function);
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments);
    arguments.set_span(last);
    quote!(#path #arguments)
}

/// Where the value comes from: chosen by type, unless the parameter says otherwise. An error is underlined
/// from `first` to `last`.
fn source(param: &Param, ty: &TokenStream, (first, last): (Span, Span)) -> TokenStream {
    let open = quote_spanned!(first=> <);
    match param.options.source {
        None => {
            let constant = quote_spanned!(last=> __TASK_SOURCE);
            quote!(#open __rt::Probe<#ty>>::#constant)
        }
        Some(Source::Inject) => {
            let constant = quote_spanned!(last=> FORCED);
            quote!(#open __rt::Injected<#ty>>::#constant)
        }
        Some(Source::Request) => {
            let constant = quote_spanned!(last=> FORCED);
            quote!(#open __rt::Requested<#ty>>::#constant)
        }
    }
}

/// A `fn() -> T`, so that the expression is evaluated per call.
fn value_fn(value: &Expr, ty: &TokenStream) -> TokenStream {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            attrs,
        }) if attrs.is_empty() => {
            let convert = quote_spanned!(text.span()=> <__rt::TextProbe<#ty>>::__task_text(#text));
            quote!(|| -> #ty { #convert })
        }
        value => quote!(|| -> #ty { #value }),
    }
}

fn parameter(param: &Param) -> TokenStream {
    let name = &param.name;
    let annotation = print::ty(&param.written);
    let description = &param.docs;
    let default = option(signature::default(param).map(ToTokens::into_token_stream));
    let secret = param.options.secret.is_some();
    let constraints = constraints(&param.options.constraints, &param.owned());
    quote! {
        __rt::Parameter {
            name: #name, annotation: #annotation, description: #description, default: #default, secret: #secret,
            constraints: #constraints,
        }
    }
}

/// What the values of a type have to keep. A type that a constraint is not for is reported where the constraint is written.
fn constraints(constraints: &[Constraint], ty: &TokenStream) -> TokenStream {
    let constraints = constraints.iter().map(|Constraint { span, kind }| {
        let span = *span;
        let ty = located_at(ty.clone(), span);
        let function = |name: &str| {
            let name = Ident::new(name, span);
            quote_spanned!(span=> __rt::#name::<#ty>)
        };
        match kind {
            ConstraintKind::Bound(name, value) => {
                let name = Ident::new(name, Span::call_site());
                let bound = quote_spanned!(span=> __rt::bound::<<#ty as __rt::RangeParam>::Bound>);
                quote!(__rt::Constraint::#name(|| #bound(#value)))
            }
            ConstraintKind::Length { min, max } => {
                let min = min.as_ref().map_or(quote!(0), ToTokens::to_token_stream);
                let max = max.as_ref().map_or(
                    quote!(::core::primitive::usize::MAX),
                    ToTokens::to_token_stream,
                );
                let length = function("length");
                quote!(#length(#min, #max))
            }
            ConstraintKind::Pattern(pattern) => {
                let function = function("pattern");
                quote!(#function(#pattern))
            }
            ConstraintKind::Format(format) => {
                let function = function("format");
                quote!(#function(#format))
            }
            ConstraintKind::OneOf(values) => {
                let choices =
                    quote_spanned!(span=> __rt::choices::<<#ty as __rt::ChoiceParam>::Choice>);
                quote!(__rt::Constraint::OneOf(|| #choices(&[#(#values),*])))
            }
            ConstraintKind::Unique => {
                let unique = function("unique");
                quote!(#unique())
            }
            ConstraintKind::Items(inner) => {
                let item = quote_spanned!(span=> <#ty as __rt::ItemsParam>::Item);
                let inner = self::constraints(inner, &item);
                let items = function("items");
                quote!(#items(#inner))
            }
        }
    });
    quote!(&[#(#constraints),*])
}

/// The same tokens, underlined somewhere else.
fn located_at(tokens: TokenStream, span: Span) -> TokenStream {
    let locate = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            let inner = located_at(group.stream(), span);
            token = TokenTree::Group(Group::new(group.delimiter(), inner));
        }
        token.set_span(token.span().located_at(span));
        token
    };
    tokens.into_iter().map(locate).collect()
}

/// The code that decodes, injects and calls. The runtime has it, generic over the function and the slots; what it cannot
/// know is how the values become arguments, which a closure says.
fn shim(sig: &Signature, params: &[Param], validate: Option<&Validate>) -> TokenStream {
    let ident = &sig.ident;
    let slots = list(params.iter().map(slot));
    let names: Vec<_> = (0..params.len())
        .map(|index| format_ident!("__{index}"))
        .collect();
    let cells = list(names.iter().map(Ident::to_token_stream));
    let borrows = params.iter().any(|param| param.by_ref);
    let asynchronous = sig.asyncness.is_some();
    let call = if asynchronous && borrows {
        let arguments = params.iter().zip(&names).map(|(param, name)| {
            if param.by_ref {
                quote!(&#name)
            } else {
                quote!(#name)
            }
        });
        // The future owns what the function borrows.
        quote!({
            #(let #names = #names.take();)*
            async move { #ident(#(#arguments),*).await }
        })
    } else {
        let arguments = params.iter().zip(&names).map(|(param, name)| {
            if param.by_ref {
                quote!(&#name.take())
            } else {
                quote!(#name.take())
            }
        });
        quote!(#ident(#(#arguments),*))
    };
    let call = quote!(|#cells| #call);
    let finish = finish(sig);
    let output = output_type(sig);
    let schema =
        quote!(|__generator| <__rt::TaskReturn<#output>>::__TASK_OUTPUT.__task_schema(__generator));
    let error = quote!(<__rt::TaskReturn<#output>>::__TASK_ERROR);
    let inner = quote!(#ident, #slots, #call, #finish, #schema, #error);
    // A future that is not `Send` is reported at this call: underline the function's name, not `#[task]`.
    let at = ident.span();
    let shim = if asynchronous {
        quote_spanned!(at=> &__rt::asynchronous(#inner))
    } else {
        quote_spanned!(at=> &__rt::blocking(#inner))
    };
    match rules(params, &names, validate) {
        Some(rules) => quote!(#shim.validated(|#cells, __validation| #rules)),
        None => shim,
    }
}

/// The rules beyond a schema, which look at the values in the cells, and what they need; nothing when there are none.
fn rules(params: &[Param], cells: &[Ident], validate: Option<&Validate>) -> Option<TokenStream> {
    let marked = params
        .iter()
        .zip(cells)
        .enumerate()
        .filter_map(|(index, (param, cell))| {
            let span = param.options.garde?;
            let ty = located_at(param.owned(), span);
            Some((
                quote_spanned!(span=> __validation.garde::<#ty>(#index, #cell.value());),
                quote_spanned!(span=> (#index, __rt::garde_requires::<#ty>)),
            ))
        });
    let (garde, requires): (Vec<_>, Vec<_>) = marked.unzip();
    let rule = validate.map(|validate| rule(params, cells, validate));
    if garde.is_empty() && rule.is_none() {
        return None;
    }
    Some(quote!({ #(#garde)* #rule }, &[#(#requires),*]))
}

/// What asks the user's rule.
fn rule(params: &[Param], cells: &[Ident], validate: &Validate) -> TokenStream {
    let params = params.iter().zip(cells);
    let given = |param: &Param, cell: &Ident, span: Span| {
        let ty = param.owned();
        let source = source(param, &ty, (span, span));
        // With its type, so that a `&String` becomes the `&str` that is asked for.
        let given = quote_spanned!(span=> __rt::given::<#ty, _>);
        located_at(quote!(#given(#source, #cell)), span)
    };
    match validate {
        // All is underlined where the function is named: a rule that takes something else is reported there.
        Validate::All(path) => {
            let (first, last) = param::ends(path);
            let values = params.map(|(param, cell)| given(param, cell, first));
            let mut arguments = Group::new(Delimiter::Parenthesis, quote!(#(#values),*));
            arguments.set_span(last);
            quote!(__validation.rule(#path #arguments);)
        }
        Validate::Call(call) => {
            let names = validate.names();
            let bound = params.filter_map(|(param, cell)| {
                let mention = names.iter().find(|name| **name == param.ident)?;
                let (ident, inner) = (&param.ident, &param.inner);
                let value = given(param, cell, mention.span());
                Some(quote!(let #ident: &#inner = #value;))
            });
            quote!({ #(#bound)* __validation.rule(#call); })
        }
    }
}

/// `(a, (b, ()))`.
fn list(items: impl DoubleEndedIterator<Item = TokenStream>) -> TokenStream {
    items
        .rev()
        .fold(quote!(()), |rest, item| quote!((#item, #rest)))
}

/// The function that turns what the task returned into an outcome.
fn finish(sig: &Signature) -> TokenStream {
    match &sig.output {
        ReturnType::Default => quote!(<__rt::TaskReturn<()>>::__task_finish),
        ReturnType::Type(_, ty) => {
            let (first, last) = param::ends(ty);
            let open = quote_spanned!(first=> <__rt::TaskReturn<);
            let method = quote_spanned!(last=> >>::__task_finish);
            quote!(#open #ty #method)
        }
    }
}

fn output_type(sig: &Signature) -> TokenStream {
    match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => Type::to_token_stream(ty),
    }
}
