//! What a piece of JSON is.

/// What a piece of JSON is, by its first character.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Integer,
    Float,
    String,
    Array,
    Object,
}

impl Kind {
    pub(super) fn of(json: &str) -> Self {
        match json.bytes().next() {
            Some(b'"') => Self::String,
            Some(b'[') => Self::Array,
            Some(b'{') => Self::Object,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') => Self::Null,
            _ if json.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => Self::Float,
            _ => Self::Integer,
        }
    }

    pub(super) fn is(self, name: &str) -> bool {
        match name {
            "null" => self == Self::Null,
            "boolean" => self == Self::Boolean,
            "integer" => self == Self::Integer,
            "number" => matches!(self, Self::Integer | Self::Float),
            "string" => self == Self::String,
            "array" => self == Self::Array,
            "object" => self == Self::Object,
            // One that is not known here.
            _ => true,
        }
    }

    /// As serde says it.
    pub(super) fn words(self, json: &str) -> String {
        const SHOWN: usize = 100;
        let short = || json.chars().take(SHOWN).collect::<String>();
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean => format!("boolean `{json}`"),
            Self::Integer => format!("integer `{}`", short()),
            Self::Float => format!("floating point `{}`", short()),
            Self::String => format!("string {}", short()),
            Self::Array => "sequence".to_owned(),
            Self::Object => "map".to_owned(),
        }
    }
}
