//! Which job it is, which operation on many jobs, and which graph.

crate::id::id! {
    /// The identifier of a job. It is a parameter, a field of a result, and a column of a table, as any other type:
    ///
    /// ```
    /// use tasks_runtime::jobs::JobId;
    /// use tasks_runtime::prelude::*;
    ///
    /// /// Says when a job was submitted.
    /// #[task]
    /// async fn submitted(scheduler: Scheduler, job: JobId) -> anyhow::Result<Option<String>> {
    ///     let found = scheduler.get(job).await?;
    ///     Ok(found.map(|job| job.submitted_at.to_string()))
    /// }
    ///
    /// let id: JobId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse()?;
    /// assert_eq!(serde_json::to_string(&id)?, "\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    JobId, "The id of a job"
}

crate::id::id! {
    /// The identifier of an operation on many jobs.
    OperationId, "The id of an operation"
}

crate::id::id! {
    /// The identifier of a graph of jobs.
    GraphId, "The id of a graph"
}
