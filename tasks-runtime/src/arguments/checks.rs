//! What is checked of a value beyond what its type refuses by itself.

use serde_json::Value;

use super::code::ArgumentErrorCode;
use super::constraints::{Constraints, Reads};
use super::finding::Finding;
use super::lossy::LossyReads;
use super::schema_check;

/// What is checked of a value beyond what its type refuses by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks {
    lossy: LossyReads,
    constraints: Constraints,
}

impl Checks {
    /// The checks of a schema that stands alone, and what of it cannot be used.
    pub(super) fn of(schema: &Value) -> (Self, Vec<String>) {
        let (constraints, problems) = Constraints::of(schema);
        let lossy = LossyReads::of(schema);
        (Self { lossy, constraints }, problems)
    }

    /// Whether there are none.
    #[inline]
    pub(super) fn is_none(&self) -> bool {
        self.lossy.is_none() && self.constraints.is_none()
    }

    /// Whether a value that was read is to be taken.
    #[inline(always)]
    pub(super) fn pass(&self, json: &str, reads: Reads<'_>) -> bool {
        (self.lossy.is_none() || !self.lossy.is_in(json)) && self.constraints.hold(json, reads)
    }

    /// What is wrong with a value that was read.
    pub(super) fn of_read(&self, schema: &Value, json: &str, reads: Reads<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.lossy.is_in(json) {
            findings = self.lossy.find(schema, json);
        }
        findings.extend(self.constraints.broken(json, reads));
        findings
    }

    /// All that is wrong with a value that could not be read.
    pub(super) fn of_refused(&self, schema: &Value, json: &str) -> Vec<Finding> {
        let mut findings = schema_check::all(schema, json);
        for broken in self.constraints.broken(json, &|_| true) {
            // One fault of shape is said once, by the decoder, which may say it of a part or of the whole.
            let is_of_shape = matches!(
                broken.code,
                ArgumentErrorCode::Type | ArgumentErrorCode::Invalid
            );
            let is_said = |finding: &Finding| {
                let (said, found) = (finding.pointer.as_str(), broken.pointer.as_str());
                let is_within = |inner: &str, outer: &str| {
                    inner
                        .strip_prefix(outer)
                        .is_some_and(|rest| rest.starts_with('/'))
                };
                said == found || is_of_shape && (is_within(said, found) || is_within(found, said))
            };
            if !findings.iter().any(is_said) {
                findings.push(broken);
            }
        }
        findings
    }
}
