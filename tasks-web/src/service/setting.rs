//! A choice that may be made once.

/// A value that is set, or not; and whether it was set to two different ones.
#[derive(Debug)]
pub(super) struct Setting<T> {
    /// How the choice is spelled, for the error.
    call: &'static str,
    value: Option<T>,
    contradicted: bool,
}

impl<T> Setting<T> {
    pub(super) fn new(call: &'static str) -> Self {
        Self {
            call,
            value: None,
            contradicted: false,
        }
    }

    /// Sets a value that cannot be compared: saying it twice is one time too many.
    pub(super) fn set(&mut self, value: T) {
        self.contradicted |= self.value.is_some();
        self.value = Some(value);
    }

    pub(super) fn is_set(&self) -> bool {
        self.value.is_some()
    }

    pub(super) fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// How the choice is spelled.
    pub(super) fn call(&self) -> &'static str {
        self.call
    }

    pub(super) fn take(self, problems: &mut Vec<String>) -> Option<T> {
        if self.contradicted {
            problems.push(format!(
                "`{}` is called twice, and it is not clear which one counts: keep one",
                self.call
            ));
        }
        self.value
    }
}

impl<T: PartialEq> Setting<T> {
    /// Sets a value; the same one again changes nothing.
    pub(super) fn agree(&mut self, value: T) {
        self.contradicted |= self.value.as_ref().is_some_and(|known| *known != value);
        self.value = Some(value);
    }
}
