#[task(crate = tasks_web)]
async fn search(
    /// What to look for.
    #[task(example = "rust")]
    query: &str,
    #[task(default = 10, rename = "limit")] most: u32,
    #[task(secret)] token: String,
    tags: &[String],
) -> Vec<Hit> {
    find(query, most, &token, tags).await
}
