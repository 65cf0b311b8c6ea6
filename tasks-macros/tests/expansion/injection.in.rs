#[task(crate = tasks_web)]
async fn count(context: TaskContext, session: &Session, #[task(inject)] clock: Clock, #[task(request)] since: Since) -> anyhow::Result<i64> {
    session.count(clock.now(), since).await
}
