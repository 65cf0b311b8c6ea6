//! Where jobs come from.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::database::{Connection, ConnectionKind};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::lineage::JobLineage;
use crate::jobs::new_job_row::NewJobRow;
use crate::jobs::table::{tasks_job_origins, tasks_jobs};
use crate::with_conn;

/// How many jobs are listed that come from one.
const MAX_LISTED: i64 = 100;

#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = tasks_job_origins)]
struct OriginRow {
    job_id: JobId,
    parent_id: Option<JobId>,
    rerun_of: Option<JobId>,
}

/// Stores where new jobs come from, those that do not come from outside.
pub(in crate::jobs) async fn add_origins(
    conn: &mut Connection,
    jobs: &[NewJobRow],
) -> Result<(), JobError> {
    /// A statement of PostgreSQL has 65,535 values at most.
    #[cfg(feature = "postgres")]
    const BATCH_SIZE: usize = 10_000;
    let rows: Vec<OriginRow> = jobs
        .iter()
        .filter(|job| !job.origin.is_outside())
        .map(|job| OriginRow {
            job_id: job.id,
            parent_id: job.origin.parent,
            rerun_of: job.origin.rerun_of,
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            conn.spawn_blocking(move |conn| {
                for row in rows {
                    let query = diesel::insert_into(tasks_job_origins::table).values(row);
                    diesel::RunQueryDsl::execute(query, conn)?;
                }
                Ok::<_, diesel::result::Error>(())
            })
            .await?;
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            for rows in rows.chunks(BATCH_SIZE) {
                diesel::insert_into(tasks_job_origins::table)
                    .values(rows)
                    .execute(conn)
                    .await?;
            }
        }
    }
    Ok(())
}

/// The job that another one runs again.
pub(in crate::jobs) async fn rerun_of(
    conn: &mut Connection,
    id: JobId,
) -> Result<Option<JobId>, JobError> {
    let found: Option<Option<JobId>> = with_conn!(conn, |conn| {
        tasks_job_origins::table
            .find(id)
            .select(tasks_job_origins::rerun_of)
            .first(conn)
            .await
            .optional()
    })?;
    Ok(found.flatten())
}

/// The jobs that a job comes from, and those that come from it; only those of some tasks, if that is wanted.
pub(in crate::jobs) async fn lineage(
    conn: &mut Connection,
    id: JobId,
    among: Option<&[String]>,
) -> Result<JobLineage, JobError> {
    let mut lineage = find(conn, id).await?;
    let Some(tasks) = among else {
        return Ok(lineage);
    };
    let ends = [lineage.parent, lineage.rerun_of];
    let named = ends.into_iter().flatten();
    let named: Vec<JobId> = named
        .chain(lineage.children.iter().copied())
        .chain(lineage.reruns.iter().copied())
        .collect();
    let shown: HashSet<JobId> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::id.eq_any(&named))
            .filter(tasks_jobs::task_name.eq_any(tasks))
            .select(tasks_jobs::id)
            .load::<JobId>(conn)
            .await
    })?
    .into_iter()
    .collect();
    for one in [&mut lineage.parent, &mut lineage.rerun_of] {
        *one = one.filter(|id| shown.contains(id));
    }
    for all in [&mut lineage.children, &mut lineage.reruns] {
        all.retain(|id| shown.contains(id));
    }
    Ok(lineage)
}

async fn find(conn: &mut Connection, id: JobId) -> Result<JobLineage, JobError> {
    with_conn!(conn, |conn| {
        let origin: Option<(Option<JobId>, Option<JobId>)> = tasks_job_origins::table
            .find(id)
            .select((tasks_job_origins::parent_id, tasks_job_origins::rerun_of))
            .first(conn)
            .await
            .optional()?;
        let children = tasks_job_origins::table
            .filter(tasks_job_origins::parent_id.eq(id))
            .order(tasks_job_origins::job_id.desc())
            .limit(MAX_LISTED)
            .select(tasks_job_origins::job_id)
            .load(conn)
            .await?;
        let reruns = tasks_job_origins::table
            .filter(tasks_job_origins::rerun_of.eq(id))
            .order(tasks_job_origins::job_id.desc())
            .limit(MAX_LISTED)
            .select(tasks_job_origins::job_id)
            .load(conn)
            .await?;
        let (parent, rerun_of) = origin.unwrap_or_default();
        Ok(JobLineage {
            parent,
            rerun_of,
            children,
            reruns,
            graphs: Vec::new(),
        })
    })
}
