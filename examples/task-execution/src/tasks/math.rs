//! Numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_web::FailureCodes;
use tasks_web::prelude::*;

/// The result of a calculation.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Number {
    /// The number.
    pub result: i64,
}

/// The result did not fit.
#[derive(Debug, thiserror::Error, FailureCodes)]
#[error("{left} {operator} {right} does not fit into 64 bits")]
pub struct Overflow {
    left: i64,
    operator: char,
    right: i64,
}

/// Adds two numbers.
#[task(tags = ["math"])]
pub async fn add(
    /// The first number.
    #[task(example = 5)]
    a: i64,
    /// The second number.
    #[task(example = 3)]
    b: i64,
) -> Result<Number, Overflow> {
    let result = a.checked_add(b).ok_or(Overflow {
        left: a,
        operator: '+',
        right: b,
    })?;
    Ok(Number { result })
}

/// Multiplies two numbers, on a thread of the blocking pool: it is not `async`.
#[task(tags = ["math"])]
pub fn multiply(
    /// The first number.
    #[task(example = 6)]
    a: i64,
    /// The second number.
    #[task(example = 7)]
    b: i64,
) -> Result<Number, Overflow> {
    product(a, b)
}

/// Multiplies two numbers.
#[task(tags = ["math"])]
pub async fn multiply_numbers(
    /// The first number.
    #[task(example = 6)]
    a: i64,
    /// The second number.
    #[task(example = 7)]
    b: i64,
) -> Result<Number, Overflow> {
    product(a, b)
}

fn product(a: i64, b: i64) -> Result<Number, Overflow> {
    let result = a.checked_mul(b).ok_or(Overflow {
        left: a,
        operator: '*',
        right: b,
    })?;
    Ok(Number { result })
}

/// A number and its double.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Doubled {
    /// Twice the number.
    pub doubled: i64,
}

/// Doubles a number.
///
/// Discovery leaves it out; the registry has it under another name.
#[task(register = false)]
pub fn another_task(
    /// The number.
    #[task(example = 21)]
    x: i64,
) -> Result<Doubled, Overflow> {
    let doubled = x.checked_mul(2).ok_or(Overflow {
        left: x,
        operator: '*',
        right: 2,
    })?;
    Ok(Doubled { doubled })
}
