//! The part of `#[task(…)]` that is about agents: hints, and how the task is a tool.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, Lit, LitBool, LitStr};

use super::parse;
use crate::errors::Errors;

/// How long a title may be, in characters.
const MAX_TITLE: usize = 100;

/// What `#[task(…)]` says of agents.
#[derive(Default)]
pub(crate) struct ToolOptions {
    /// With the place of the option.
    pub(crate) read_only: Option<(bool, Span)>,
    pub(crate) destructive: Option<(bool, Span)>,
    pub(crate) idempotent: Option<bool>,
    pub(crate) open_world: Option<bool>,
    pub(crate) mcp: Option<(McpOption, Span)>,
    pub(crate) prompt: Option<Span>,
    pub(crate) title: Option<LitStr>,
    pub(crate) icon: Option<LitStr>,
}

/// How a task is offered over the Model Context Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum McpOption {
    Tool,
    Job,
    Hidden,
}

impl ToolOptions {
    /// Options that contradict each other.
    pub(super) fn check(&self, errors: &mut Errors) {
        if let (Some((true, _)), Some((true, place))) = (self.read_only, self.destructive) {
            errors.at(
                place,
                "a task that is `read_only` changes nothing, so it is not `destructive`: keep one of them",
            );
        }
        if let (Some(place), Some((mcp, _))) = (self.prompt, self.mcp) {
            let message = match mcp {
                McpOption::Hidden => {
                    "`prompt` offers the task to agents, and `mcp = false` does not: keep one of them"
                }
                McpOption::Tool | McpOption::Job => {
                    "a prompt is no tool: leave out `mcp`, or `prompt`"
                }
            };
            errors.at(place, message);
        }
    }
}

/// `mcp = false`, or `mcp = "job"`.
pub(super) fn mcp(input: ParseStream<'_>) -> syn::Result<(McpOption, Span)> {
    const EXPECTED: &str = "a task is a tool for agents unless it says `mcp = false`; with `mcp = \"job\"` its calls are jobs, for work that \
                            takes longer than a minute";
    let value = parse::value(input)?;
    let span = value.span();
    let option = match &value {
        Expr::Lit(ExprLit {
            lit: Lit::Bool(LitBool { value: true, .. }),
            ..
        }) => Some(McpOption::Tool),
        Expr::Lit(ExprLit {
            lit: Lit::Bool(_), ..
        }) => Some(McpOption::Hidden),
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) if text.value() == "job" => Some(McpOption::Job),
        _ => None,
    };
    option
        .map(|option| (option, span))
        .ok_or_else(|| syn::Error::new_spanned(value, EXPECTED))
}

/// `title = "Send a report"`.
pub(super) fn title(text: LitStr) -> syn::Result<LitStr> {
    let title = text.value();
    let fits = !title.trim().is_empty()
        && title.chars().count() <= MAX_TITLE
        && !title.chars().any(char::is_control);
    if fits {
        return Ok(text);
    }
    Err(syn::Error::new_spanned(
        text,
        format!(
            "a title is the name of the task for people: one line of 1 to {MAX_TITLE} characters"
        ),
    ))
}

/// `icon = "https://example.org/report.svg"`.
pub(super) fn icon(text: LitStr) -> syn::Result<LitStr> {
    let address = text.value();
    if address.starts_with("https://") || address.starts_with("data:image/") {
        return Ok(text);
    }
    Err(syn::Error::new_spanned(
        text,
        "an icon is the address of a picture that clients load: it begins with `https://` or `data:image/`",
    ))
}
