//! A call in the registry instead of a function

use tasks_web::prelude::*;

#[task]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

fn main() -> Result<(), tasks_web::RegistryError> {
    TaskRegistry::builder().task(add(1, 2)).build()?;
    Ok(())
}
