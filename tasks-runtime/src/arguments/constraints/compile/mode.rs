//! What else is known of a value beside its schema.

/// What else is known of the value of a schema.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mode {
    /// A type of Rust reads it, and refuses most that is of another shape.
    Read {
        /// Whether the type has a name of its own.
        definition: bool,
        /// Whether it is one of several types, which are told apart by all that their schemas say.
        decides: bool,
    },
    /// Nothing else looks at it.
    Condition,
}

impl Mode {
    pub(super) const READ: Self = Self::Read {
        definition: false,
        decides: false,
    };

    pub(super) fn decides(self) -> bool {
        match self {
            Self::Read { decides, .. } => decides,
            Self::Condition => true,
        }
    }

    /// That of a part, which is a type with a name or none.
    pub(super) fn inside(self, definition: bool) -> Self {
        match self {
            Self::Read { decides, .. } => Self::Read {
                definition,
                decides,
            },
            Self::Condition => self,
        }
    }

    /// That of one alternative.
    pub(super) fn deciding(self) -> Self {
        match self {
            Self::Read { .. } => Self::Read {
                definition: false,
                decides: true,
            },
            Self::Condition => self,
        }
    }
}
