//! One line of the audit log, and which are wanted.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

crate::id::id! {
    /// The identifier of an entry of the audit log: later ones are greater.
    ///
    /// ```
    /// use tasks_runtime::audit::AuditId;
    ///
    /// let id: AuditId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse()?;
    /// assert_eq!(id.to_string(), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    /// # Ok::<(), tasks_runtime::InvalidId>(())
    /// ```
    AuditId, "The id of an entry of the audit log"
}

impl AuditId {
    /// The least one of a moment.
    pub(super) fn first_at(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let milliseconds = since.unwrap_or_default().as_millis();
        Self(ulid::Ulid::from_parts(
            u64::try_from(milliseconds).unwrap_or(u64::MAX),
            0,
        ))
    }
}

/// A change that was asked for and made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Its identifier.
    pub id: AuditId,
    /// When it was made, to the millisecond.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: DateTime<Utc>,
    /// The name of the API key; `null` where no keys are asked for.
    pub key: Option<String>,
    /// The address of the client.
    pub address: String,
    /// What was done: the `operationId` of the OpenAPI document.
    pub operation: String,
    /// The path of the request.
    pub path: String,
    /// The status of the response.
    pub status: u16,
    /// The id of the request, as in the log of the service.
    pub request_id: Option<String>,
}

fn time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// A change to be written down.
#[derive(Clone, Debug)]
pub struct NewAuditEntry {
    /// The name of the API key.
    pub key: Option<String>,
    /// The address of the client.
    pub address: String,
    /// What was done.
    pub operation: String,
    /// The path of the request.
    pub path: String,
    /// The status of the response.
    pub status: u16,
    /// The id of the request.
    pub request_id: Option<String>,
}

/// Which entries are wanted: all, unless something is set.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Those of the key with this name.
    pub key: Option<String>,
    /// Those that did this.
    pub operation: Option<String>,
    /// Those of this path.
    pub path: Option<String>,
    /// Older ones than this.
    pub before: Option<AuditId>,
}
