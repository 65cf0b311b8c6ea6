//! Which artifact it is.

crate::id::id! {
    /// The identifier of an artifact. It is a parameter, a field of a result, and a column of a table, as any other type:
    ///
    /// ```
    /// use tasks_runtime::artifacts::ArtifactId;
    /// use tasks_runtime::prelude::*;
    ///
    /// /// Stores a number below another artifact.
    /// #[task]
    /// async fn store(artifacts: ArtifactManager, parent: ArtifactId, number: i64) -> anyhow::Result<ArtifactId> {
    ///     let saved = artifacts.save(NewArtifact::json(number).parent(parent)).await?;
    ///     Ok(saved.id)
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// In the schema of a parameter it has `x-task-artifact`, by which the dashboard offers to pick an artifact or to upload one.
    ArtifactId, "The id of an artifact", "x-task-artifact"
}
