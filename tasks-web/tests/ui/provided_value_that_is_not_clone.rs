//! A provided value that is not `Clone`

use tasks_web::prelude::*;

#[derive(Injectable)]
struct Mailer;

#[task]
async fn welcome(mailer: Mailer, to: String) -> String {
    let Mailer = mailer;
    to
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    TaskExecutor::builder(TaskRegistry::discover()?)
        .provide(Mailer)
        .build()?;
    Ok(())
}
