//! A closure whose error type nothing says
//!
//! `?` converts into any error type, so the last line has to say which one: write `anyhow::Ok(())` in place of `Ok(())`.

use tasks_web::prelude::*;

#[task]
async fn rename(session: Session, name: String) -> anyhow::Result<()> {
    session
        .transaction(async |tx| {
            let name = name.parse::<u32>()?;
            _ = (tx, name);
            Ok(())
        })
        .await?;
    Ok(())
}

fn main() {}
