//! The documentation of a task, as a page.

use serde_json::Value;
use tasks_runtime::RegisteredTask;

use super::schema::{self, Direction};
use crate::openapi::without_rustdoc_links;

/// The page of a task, in Markdown.
pub(super) fn of(task: &RegisteredTask) -> String {
    let info = task.info();
    let mut page = format!("# {}\n", info.name);
    if let Some(text) = &info.docstring {
        page.push_str(&format!("\n{}\n", without_rustdoc_links(text.trim())));
    }
    page.push_str(&format!("\nSignature: `{}{}`\n", info.name, info.signature));
    if !info.tags.is_empty() {
        page.push_str(&format!("\nTags: {}\n", info.tags.join(", ")));
    }
    let pretty = |schema: &Value| serde_json::to_string_pretty(schema).unwrap_or_default();
    page.push_str(&format!(
        "\n## Arguments\n\n```json\n{}\n```\n",
        pretty(&schema::of_arguments(&info.input_schema))
    ));
    if let Some(schema) = &info.output_schema {
        let schema = schema::simplify(schema, Direction::Result);
        page.push_str(&format!(
            "\n## Result\n\n```json\n{}\n```\n",
            pretty(&schema)
        ));
    }
    if !info.error_codes.is_empty() {
        page.push_str("\n## Error codes\n\n");
        for code in &info.error_codes {
            let words = code.description.as_deref().unwrap_or_default();
            page.push_str(&format!("- `{}` {words}\n", code.code));
        }
    }
    page
}
