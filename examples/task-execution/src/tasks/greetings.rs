//! The first tasks one writes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_web::prelude::*;

/// What a greeting says.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Greeting {
    /// The greeting itself.
    pub message: String,
}

/// Simple hello world task.
#[task(tags = ["demo"])]
pub async fn hello() -> Greeting {
    Greeting {
        message: "Hello!".to_owned(),
    }
}

/// Simple task that returns a greeting.
#[task(name = "greet_user", tags = ["demo", "simple"])]
pub async fn greet_user(
    /// Who to greet.
    #[task(default = "World", example = "Ada")]
    name: String,
) -> Greeting {
    Greeting {
        message: format!("Hello, {name}!"),
    }
}

/// Greets someone, in words of one's own.
#[task(tags = ["demo"])]
pub async fn greet(
    /// Who to greet.
    #[task(default = "World")]
    name: &str,
    /// How to greet.
    #[task(default = "Hello")]
    greeting: &str,
) -> Greeting {
    Greeting {
        message: format!("{greeting}, {name}!"),
    }
}

/// What `my_task` made of its parameter.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Shouted {
    /// The text in capital letters.
    pub result: String,
}

/// Turns text into capital letters.
#[task(tags = ["processing", "etl"])]
pub async fn my_task(
    /// The text.
    #[task(example = "quiet")]
    param: String,
) -> Shouted {
    Shouted {
        result: param.to_uppercase(),
    }
}
