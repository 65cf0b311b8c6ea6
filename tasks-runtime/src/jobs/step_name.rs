//! The name of a step.

use std::fmt::{self, Display};

use super::error::JobError;
use super::limits::MAX_STEP_NAME;

/// The name of a step of a job: a text, or a text and a key for steps in a loop.
///
/// A step is known by its name alone, so that a later attempt finds what it came to although the code around it has changed.
///
/// ```
/// use tasks_runtime::jobs::StepName;
///
/// assert_eq!(StepName::from("charge").to_string(), "charge");
/// assert_eq!(StepName::from(("shard", 3)).to_string(), "shard[3]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StepName(String);

impl From<&str> for StepName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl From<String> for StepName {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl<N: Display, K: Display> From<(N, K)> for StepName {
    fn from((name, key): (N, K)) -> Self {
        Self(format!("{name}[{key}]"))
    }
}

impl Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StepName {
    /// The name, if it can be one. `#` is kept for steps whose name comes more than once.
    pub(in crate::jobs) fn checked(self) -> Result<String, JobError> {
        let name = self.0;
        let reason = if name.is_empty() {
            "it is empty".to_owned()
        } else if name.len() > MAX_STEP_NAME {
            format!(
                "it has {} bytes, and {MAX_STEP_NAME} are allowed",
                name.len()
            )
        } else if let Some(c) = name.chars().find(|c| c.is_control() || *c == '#') {
            format!("it has the character {c:?}")
        } else {
            return Ok(name);
        };
        let name = name.chars().take(100).collect();
        Err(JobError::InvalidStepName { name, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_can_be_stored() {
        let check = |name: &str| StepName::from(name).checked().map_err(|e| e.to_string());
        assert_eq!(check("charge the card"), Ok("charge the card".to_owned()));
        assert_eq!(
            check("").unwrap_err(),
            "`` cannot be the name of a step: it is empty"
        );
        assert_eq!(
            check("a#2").unwrap_err(),
            "`a#2` cannot be the name of a step: it has the character '#'"
        );
        assert_eq!(
            check("a\0").unwrap_err(),
            "`a\0` cannot be the name of a step: it has the character '\\0'"
        );
        let long = "ü".repeat(101);
        assert!(
            check(&long)
                .unwrap_err()
                .ends_with("it has 202 bytes, and 200 are allowed")
        );
        assert!(check(&"ü".repeat(100)).is_ok());
    }
}
