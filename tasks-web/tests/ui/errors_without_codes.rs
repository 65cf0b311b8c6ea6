//! Errors of a task that have no codes

use tasks_web::prelude::*;

#[task(errors = [std::io::Error])]
fn read() -> Result<(), TaskError> {
    Ok(())
}

#[task(errors = std::fmt::Error)]
fn write() -> Result<(), TaskError> {
    Ok(())
}

fn main() {}
