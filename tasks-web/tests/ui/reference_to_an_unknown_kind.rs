//! A reference to a type that is neither injectable nor readable

use tasks_web::prelude::*;

struct Database;

#[task]
async fn count(database: &Database) -> u64 {
    let Database = database;
    0
}

fn main() {}
