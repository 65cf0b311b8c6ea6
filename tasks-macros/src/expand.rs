//! From a task that keeps the rules to tokens.

mod constraints;
mod rules;
mod shim;
mod slot;
mod tokens;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Meta};

use self::shim::shim;
pub(crate) use self::tokens::{duration, option};
use crate::doc::Doc;
use crate::options::{Backoff, FlowOptions, JobOptions, McpOption, Rate, TaskOptions, ToolOptions};
use crate::valid::ValidTask;
use crate::{crate_path, signature};

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
        tool,
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
    let events = job.events.iter().map(|event| {
        let (name, payload) = (&event.name, &event.payload);
        quote_spanned!(payload.span()=> __rt::EventType::of::<#payload>(#name))
    });
    let events = quote!(&[#(#events),*]);
    let job = policy(job);
    let tool = tool_policy(tool);
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
                    tool: #tool,
                    module: ::core::module_path!(),
                    file: ::core::file!(),
                    line: ::core::line!(),
                    discover: #discover,
                    error_codes: &[#(#codes),*],
                    events: #events,
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
    policy.extend(flow_control(&job.flow));
    if job.unique {
        policy.extend(quote!(.unique()));
    }
    if let Some(times) = job.crash_limit {
        policy.extend(quote!(.crash_limit(#times)));
    }
    if let Some(version) = job.version {
        policy.extend(quote!(.version(#version)));
    }
    if matches!(job.old_versions, Some((true, _))) {
        policy.extend(quote!(.fail_old_versions()));
    }
    policy
}

/// What it is for agents.
fn tool_policy(tool: &ToolOptions) -> TokenStream {
    let mut policy = quote!(__rt::ToolPolicy::DEFAULT);
    if matches!(tool.read_only, Some((true, _))) {
        policy.extend(quote!(.read_only()));
    }
    if let Some((destructive, _)) = tool.destructive {
        policy.extend(quote!(.destructive(#destructive)));
    }
    if tool.idempotent == Some(true) {
        policy.extend(quote!(.idempotent()));
    }
    if let Some(open) = tool.open_world {
        policy.extend(quote!(.open_world(#open)));
    }
    let kind = match (tool.prompt, tool.mcp) {
        (Some(_), _) => Some("Prompt"),
        (None, Some((McpOption::Job, _))) => Some("Job"),
        (None, Some((McpOption::Hidden, _))) => Some("Hidden"),
        (None, Some((McpOption::Tool, _)) | None) => None,
    };
    if let Some(kind) = kind {
        let kind = Ident::new(kind, Span::call_site());
        policy.extend(quote!(.kind(__rt::ToolKind::#kind)));
    }
    if let Some(title) = &tool.title {
        policy.extend(quote!(.title(#title)));
    }
    if let Some(icon) = &tool.icon {
        policy.extend(quote!(.icon(#icon)));
    }
    policy
}

/// What limits its jobs in all processes.
fn flow_control(flow: &FlowOptions) -> TokenStream {
    let mut policy = TokenStream::new();
    if let Some(most) = flow.global_concurrency {
        policy.extend(quote!(.global_concurrency(#most)));
    }
    if let Some(key) = &flow.key {
        let text = key.value();
        let pointer = if text.starts_with('/') {
            text
        } else {
            format!("/{}", text.replace('~', "~0").replace('/', "~1"))
        };
        policy.extend(quote!(.concurrency_key(#pointer)));
    }
    if let Some(most) = flow.concurrency_per_key() {
        policy.extend(quote!(.concurrency_per_key(#most)));
    }
    let rate = |rate: &Rate| {
        let (count, period) = (rate.count, duration(rate.period));
        quote!(__rt::Rate::new(#count, #period))
    };
    if let Some(of_task) = &flow.rate {
        let of_task = rate(of_task);
        policy.extend(quote!(.rate(#of_task)));
    }
    if let Some((of_key, _)) = &flow.rate_per_key {
        let of_key = rate(of_key);
        policy.extend(quote!(.rate_per_key(#of_key)));
    }
    policy
}
