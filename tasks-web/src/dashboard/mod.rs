//! The dashboard: a console in the browser for those who operate the service. Its files, which `ui` makes, are part of the program; all that
//! it shows comes from the public HTTP API.

mod assets;
mod page;
mod part;

pub(crate) use page::PageConfig;
pub(crate) use part::part;
