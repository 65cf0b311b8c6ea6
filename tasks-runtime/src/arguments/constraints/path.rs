//! Where in a value one is.

use std::fmt::Write as _;

use crate::pointer::escape;

/// Where in the whole value one is.
#[derive(Clone, Copy)]
pub(super) enum Path<'p> {
    Root,
    Member(&'p Self, &'p str),
    Item(&'p Self, usize),
}

impl Path<'_> {
    /// Writes it as a JSON pointer.
    pub(super) fn write(&self, pointer: &mut String) {
        match self {
            Self::Root => {}
            Self::Member(parent, name) => {
                parent.write(pointer);
                pointer.push('/');
                pointer.push_str(&escape(name));
            }
            Self::Item(parent, index) => {
                parent.write(pointer);
                let _ = write!(pointer, "/{index}");
            }
        }
    }
}
