#[task(
    crate = tasks_web, name = "report", tags = ["finance", "slow"], timeout = "1m30s", retries = 5,
    backoff = "exponential(1s, max = 5m)", queue = "reports", priority = -5, max_concurrency = 2, global_concurrency = 3, concurrency_key = "month",
    concurrency_per_key = 4, rate = "100/1m", rate_per_key = "5/s", unique = "params",
    crash_limit = 1, version = 2, old_versions = "fail", events(approval: bool, "second look": Vec<Look>), errors = [BuildError, other::Error<u8>], register = false
)]
fn make_report(month: u8) -> Result<Report, ReportError> {
    build(month)
}
