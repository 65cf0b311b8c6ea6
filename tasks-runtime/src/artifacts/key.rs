//! How objects of a content store are called, and whose they are.
//!
//! Content is at `content/<name of the database>/<two letters>/<ulid>`; before there were such names, it was at
//! `content/<two letters>/<ulid>`. What a sweep has taken away is at `trash/<name of the database>/<hour>/<ulid>`.

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::database::Identity;

/// All content is below this.
pub(super) const CONTENT: &str = "content";
/// What is kept aside for a while is below this.
pub(super) const TRASH: &str = "trash";
/// How long the name of a database is.
const NAME: usize = 26;

/// A new name: never one that was used before, so that an object is never replaced.
pub(super) fn new_key(identity: &Identity) -> String {
    content_key(identity.own(), &ulid::Ulid::new().to_string())
}

/// Few files in each directory.
fn content_key(name: &str, id: &str) -> String {
    let folder = id.get(24..).unwrap_or_default();
    format!("{CONTENT}/{name}/{folder}/{id}")
}

/// Below this is what the database of this name has written.
pub(super) fn content_of(name: &str) -> String {
    format!("{CONTENT}/{name}")
}

/// Below this is what was put aside of it.
pub(super) fn trash_of(name: &str) -> String {
    format!("{TRASH}/{name}")
}

/// Where an object goes that is put aside now.
pub(super) fn trash_key(name: &str, key: &str, now: DateTime<Utc>) -> String {
    let id = key.rsplit('/').next().unwrap_or_default();
    format!("{}/{}/{id}", trash_of(name), now.format("%Y-%m-%dT%H"))
}

/// When an object was put aside, to the hour, and what it was called before.
pub(super) fn put_aside(name: &str, key: &str) -> Option<(DateTime<Utc>, String)> {
    let (hour, id) = key
        .strip_prefix(&trash_of(name))?
        .strip_prefix('/')?
        .split_once('/')?;
    let time = NaiveDateTime::parse_from_str(&format!("{hour}:00"), "%Y-%m-%dT%H:%M").ok()?;
    Some((time.and_utc(), content_key(name, id)))
}

/// Whether a database may delete an object that one of its rows referred to: what it has written itself, and what was written before
/// databases had names, unless it is a copy. The row came with the copy, and the original has it, too.
pub(super) fn is_ours(identity: &Identity, key: &str) -> bool {
    match owner(key) {
        Some(Owner::Database(name)) => identity.names().any(|own| own == name),
        Some(Owner::Unknown) => identity.is_original(),
        None => false,
    }
}

/// Who has written an object, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner<'a> {
    /// The database of this name.
    Database(&'a str),
    /// It was written before databases had names.
    Unknown,
}

/// Of the name of an object, or of the folder that it is in; `None` when it is not content.
pub(super) fn owner(key: &str) -> Option<Owner<'_>> {
    let rest = key.strip_prefix(CONTENT)?.strip_prefix('/')?;
    let first = rest.split('/').next()?;
    match first.len() {
        NAME => Some(Owner::Database(first)),
        2 => Some(Owner::Unknown),
        _ => None,
    }
}
