//! Which attempt of which job: what a worker holds, and what counts only while the job was not given to another.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::BigInt;

use super::damaged_rows;
use super::id::JobId;

/// A fencing token: counts how often a job was given to a worker or taken from one. What an attempt writes is kept only while the job has
/// the token that the attempt began with (M. Kleppmann, "How to do distributed locking", 2016, has the term).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub(in crate::jobs) struct Fence(i64);

impl Fence {
    /// Of a job that no worker has had.
    pub(in crate::jobs) const NEW: Self = Self(0);
    /// Of a job that is given to a worker with its submission.
    pub(in crate::jobs) const FIRST: Self = Self(1);

    /// Whether this is the first time that the job is given to a worker.
    pub(in crate::jobs) fn is_first(self) -> bool {
        self == Self::FIRST
    }

    /// As a number for others, from 0.
    pub(in crate::jobs) const fn number(self) -> u64 {
        self.0.unsigned_abs()
    }
}

impl<DB> ToSql<BigInt, DB> for Fence
where
    DB: Backend,
    i64: ToSql<BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

impl<DB> FromSql<BigInt, DB> for Fence
where
    DB: Backend,
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        i64::from_sql(value).map(Self)
    }
}

/// An attempt of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::jobs) struct AttemptKey {
    pub(in crate::jobs) job: JobId,
    pub(in crate::jobs) fence: Fence,
}

impl AttemptKey {
    /// The attempts of rows as they are stored. A row whose id cannot be read is left out: nobody could say which job it is.
    pub(in crate::jobs) fn read(rows: Vec<(String, Fence)>) -> Vec<Self> {
        let key = |(id, fence): (String, Fence)| {
            Some(Self {
                job: readable(&id)?,
                fence,
            })
        };
        rows.into_iter().filter_map(key).collect()
    }
}

/// The id of a row, if it is one; else the row is damaged, which the log and the health say.
pub(in crate::jobs) fn readable(id: &str) -> Option<JobId> {
    match id.parse() {
        Ok(id) => Some(id),
        Err(error) => {
            damaged_rows::met(id, &error);
            None
        }
    }
}
