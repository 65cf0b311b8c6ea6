//! `#[task(…)]` on a function.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::token::Bracket;
use syn::{Expr, ExprArray, ExprLit, Lit, LitStr, Path, Token, Type, bracketed};

use super::backoff::Backoff;
use super::events;
use super::flow::Rate;
use super::job::{self, JobOptions};
use super::param;
use super::parse::{self, for_each_option, keys, ungrouped, value};
use super::tool::{self, ToolOptions};
use super::validate::Validate;
use crate::duration;
use crate::errors::Errors;

keys! {
    TaskKey {
        Name = "name",
        Tags = "tags",
        Timeout = "timeout",
        Retries = "retries",
        Backoff = "backoff",
        Queue = "queue",
        Priority = "priority",
        MaxConcurrency = "max_concurrency",
        GlobalConcurrency = "global_concurrency",
        ConcurrencyKey = "concurrency_key",
        ConcurrencyPerKey = "concurrency_per_key",
        Rate = "rate",
        RatePerKey = "rate_per_key",
        Unique = "unique",
        CrashLimit = "crash_limit",
        Version = "version",
        OldVersions = "old_versions",
        Events = "events",
        ReadOnly = "read_only",
        Destructive = "destructive",
        Idempotent = "idempotent",
        OpenWorld = "open_world",
        Mcp = "mcp",
        Prompt = "prompt",
        Title = "title",
        Icon = "icon",
        Validate = "validate",
        Errors = "errors",
        Register = "register",
        Crate = "crate",
    } else of_a_parameter
}

fn of_a_parameter(key: &str) -> Option<String> {
    let is_one = param::is_option(key);
    is_one.then(|| {
        format!("`{key}` is an option of a parameter: write it in a `#[task(…)]` before that")
    })
}

/// What `#[task(…)]` on the function says.
#[derive(Default)]
pub(crate) struct TaskOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) register: Option<bool>,
    /// Where the runtime is.
    pub(crate) krate: Option<Path>,
    pub(crate) job: JobOptions,
    /// What it is for agents.
    pub(crate) tool: ToolOptions,
    /// The rule over several parameters.
    pub(crate) validate: Option<Validate>,
    /// Types of errors whose codes its failures can have, beside that which it returns.
    pub(crate) errors: Vec<Type>,
}

impl TaskOptions {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for_each_option(tokens, errors, |key, input, errors| {
            options.read(key, input, errors)
        });
        options.job.flow.check(errors);
        options.tool.check(errors);
        if let (None, Some((_, place))) = (options.job.version, &options.job.old_versions) {
            errors.on(
                place,
                "`old_versions` says what becomes of jobs with steps of an older version: say which version this is, `version = 2`",
            );
        }
        options
    }

    fn read(
        &mut self,
        key: TaskKey,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        let (job, tool) = (&mut self.job, &mut self.tool);
        match key {
            TaskKey::Name => self.name = Some(parse::string(input, "task name")?),
            TaskKey::Tags => self.tags = tags(input, errors)?,
            TaskKey::Timeout => self.timeout = Some(timeout(&parse::string(input, "timeout")?)?),
            TaskKey::Retries => job.retries = Some(parse::number(input, key, 0, 999)?),
            TaskKey::Backoff => {
                job.backoff = Some(Backoff::parse(&parse::string(input, "backoff")?)?);
            }
            TaskKey::Queue => job.queue = Some(job::queue(parse::string(input, "queue")?)?),
            TaskKey::Priority => job.priority = Some(job::priority(input)?),
            TaskKey::MaxConcurrency => {
                job.max_concurrency = Some(parse::number(input, key, 1, 100_000)?);
            }
            TaskKey::GlobalConcurrency => {
                job.flow.global_concurrency = Some(parse::number(input, key, 1, 100_000)?);
            }
            TaskKey::ConcurrencyKey => {
                job.flow.key = Some(parse::string(input, "concurrency key")?);
            }
            TaskKey::ConcurrencyPerKey => {
                let place = input.span();
                job.flow.per_key = Some((parse::number(input, key, 1, 100_000)?, place));
            }
            TaskKey::Rate => job.flow.rate = Some(Rate::parse(&parse::string(input, "rate")?)?),
            TaskKey::RatePerKey => {
                let text = parse::string(input, "rate")?;
                job.flow.rate_per_key = Some((Rate::parse(&text)?, text));
            }
            TaskKey::Unique => job.unique = job::unique(input)?,
            TaskKey::CrashLimit => job.crash_limit = Some(parse::number(input, key, 1, 1000)?),
            TaskKey::Version => job.version = Some(parse::number(input, key, 1, 1_000_000_000)?),
            TaskKey::OldVersions => job.old_versions = Some(job::old_versions(input)?),
            TaskKey::Events => job.events = events::parse(input, errors)?,
            TaskKey::ReadOnly => tool.read_only = Some(parse::switch(input, key)?),
            TaskKey::Destructive => tool.destructive = Some(parse::switch(input, key)?),
            TaskKey::Idempotent => tool.idempotent = Some(parse::switch(input, key)?.0),
            TaskKey::OpenWorld => tool.open_world = Some(parse::switch(input, key)?.0),
            TaskKey::Mcp => tool.mcp = Some(tool::mcp(input)?),
            TaskKey::Prompt => tool.prompt = Some(parse::flag(input, "task")?),
            TaskKey::Title => tool.title = Some(tool::title(parse::string(input, "title")?)?),
            TaskKey::Icon => tool.icon = Some(tool::icon(parse::string(input, "icon")?)?),
            TaskKey::Validate => self.validate = Some(Validate::parse(input)?),
            TaskKey::Errors => self.errors = error_types(input)?,
            TaskKey::Register => self.register = Some(parse::boolean(input, key)?),
            TaskKey::Crate => self.krate = Some(parse::crate_path(input)?),
        }
        Ok(())
    }
}

fn tags(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Vec<LitStr>> {
    let elems = match value(input)? {
        Expr::Array(ExprArray { elems, .. }) => elems,
        other => {
            return Err(syn::Error::new_spanned(
                other,
                "tags are a list of string literals: `tags = [\"demo\", \"math\"]`",
            ));
        }
    };
    let mut tags: Vec<LitStr> = Vec::new();
    for element in elems.into_iter().map(ungrouped) {
        let Expr::Lit(ExprLit {
            lit: Lit::Str(tag), ..
        }) = element
        else {
            errors.on(
                element,
                "a tag must be a string literal: the list of tasks is made at compile time",
            );
            continue;
        };
        let text = tag.value();
        if text.trim().is_empty() {
            errors.on(&tag, "a tag must not be empty");
        } else if tags.iter().any(|earlier| earlier.value() == text) {
            errors.on(&tag, format!("tag `{text}` is given twice"));
        }
        tags.push(tag);
    }
    Ok(tags)
}

/// `errors = [PaymentError, AccountError]`.
fn error_types(input: ParseStream<'_>) -> syn::Result<Vec<Type>> {
    const EXAMPLE: &str = "`errors` is a list of types of errors: `errors = [PaymentError]`";
    let key = input.call(Ident::parse_any)?;
    if !input.peek(Token![=]) || !input.peek2(Bracket) {
        return Err(syn::Error::new(key.span(), EXAMPLE));
    }
    input.parse::<Token![=]>()?;
    let list;
    bracketed!(list in input);
    let types = Punctuated::<Type, Token![,]>::parse_terminated(&list)?;
    if types.is_empty() {
        return Err(syn::Error::new(key.span(), EXAMPLE));
    }
    Ok(types.into_iter().collect())
}

fn timeout(text: &LitStr) -> syn::Result<Duration> {
    match duration::parse(&text.value()) {
        Some(duration) if !duration.is_zero() => Ok(duration),
        Some(_) => Err(syn::Error::new_spanned(
            text,
            "a timeout must be longer than zero",
        )),
        None => Err(syn::Error::new_spanned(
            text,
            "a timeout is a number with a unit, `ms`, `s`, `m` or `h`: \"500ms\", \"30s\", \"1m30s\"",
        )),
    }
}
