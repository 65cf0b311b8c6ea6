//! Extract, transform, load: one pipeline, found by its tags.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_web::prelude::*;

/// How much was extracted.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Extracted {
    /// The number of records.
    pub records: u64,
}

/// Extracts data from the source.
#[task(tags = ["data", "etl", "extract"])]
pub async fn extract_data() -> Extracted {
    Extracted { records: 100 }
}

/// Whether data was transformed.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Transformed {
    /// Always true: a failure is an error.
    pub transformed: bool,
    /// The number of records.
    pub records: u64,
}

/// Transforms extracted data.
#[task(tags = ["data", "etl", "transform"])]
pub async fn transform_data(
    /// How many records there are.
    #[task(default = 100)]
    records: u64,
) -> Transformed {
    Transformed {
        transformed: true,
        records,
    }
}

/// How much was loaded.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Loaded {
    /// The number of records.
    pub loaded: u64,
    /// Where they are now.
    pub target: String,
}

/// Loads transformed data into the target.
#[task(tags = ["data", "etl", "load"])]
pub async fn load_data(
    /// How many records there are.
    #[task(default = 100)]
    records: u64,
    /// Where to put them.
    #[task(default = "warehouse")]
    target: String,
) -> Loaded {
    Loaded {
        loaded: records,
        target,
    }
}
