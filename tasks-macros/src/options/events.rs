//! `events(approval: bool)`: the events that a task waits for.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::token::Paren;
use syn::{LitStr, Token, Type, parenthesized};

use crate::errors::Errors;

/// How long a name may be, in bytes.
const MAX_NAME: usize = 200;

/// An event: its name, and the type of what is sent.
pub(crate) struct EventOption {
    pub(crate) name: LitStr,
    pub(crate) payload: Type,
}

impl Parse for EventOption {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name: LitStr = if input.peek(LitStr) {
            input.parse()?
        } else {
            let name = input.call(Ident::parse_any)?;
            LitStr::new(&name.unraw().to_string(), name.span())
        };
        if !input.peek(Token![:]) {
            let text = name.value();
            let reason = format!("say what is sent as the event `{text}`: `{text}: bool`");
            return Err(syn::Error::new(name.span(), reason));
        }
        input.parse::<Token![:]>()?;
        let payload = input.parse()?;
        Ok(Self { name, payload })
    }
}

/// `events(approval: bool, "second look": Look)`.
pub(super) fn parse(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Vec<EventOption>> {
    const EXAMPLE: &str = "`events` names the events that the task waits for, and their types: `events(approval: bool)`";
    let key = input.call(Ident::parse_any)?;
    if !input.peek(Paren) {
        return Err(syn::Error::new(key.span(), EXAMPLE));
    }
    let list;
    parenthesized!(list in input);
    if list.is_empty() {
        return Err(syn::Error::new(key.span(), EXAMPLE));
    }
    let events = Punctuated::<EventOption, Token![,]>::parse_terminated(&list)?;
    let events: Vec<EventOption> = events.into_iter().collect();
    for (place, event) in events.iter().enumerate() {
        let name = event.name.value();
        let has_other = name.chars().any(|c| c.is_control() || c == '#');
        if name.is_empty() || name.len() > MAX_NAME || has_other {
            errors.on(
                &event.name,
                "the name of an event has 1 to 200 bytes, no `#` and no control character",
            );
        } else if events[..place]
            .iter()
            .any(|earlier| earlier.name.value() == name)
        {
            errors.on(&event.name, format!("event `{name}` is given twice"));
        }
    }
    Ok(events)
}
