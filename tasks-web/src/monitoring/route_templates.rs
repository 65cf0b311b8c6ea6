//! Which route a path belongs to, as a template.

use std::borrow::Cow;

use actix_web::HttpRequest;

/// The paths of a service, as templates.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteTemplates {
    /// Where the tasks are: actix knows only the prefix.
    pub(crate) tasks: String,
    pub(crate) task: String,
    pub(crate) execute: String,
    pub(crate) submit: String,
    /// Where the metrics are, whose reading is not counted.
    pub(crate) metrics: Option<String>,
}

impl RouteTemplates {
    pub(crate) fn new(tasks: &str, metrics: Option<String>) -> Self {
        Self {
            tasks: tasks.to_owned(),
            task: format!("{tasks}/{{name}}"),
            execute: format!("{tasks}/{{name}}/$execute"),
            submit: format!("{tasks}/{{name}}/$submit"),
            metrics,
        }
    }

    /// The template of a request's path; `None` when nothing is there.
    pub(crate) fn template(&self, request: &HttpRequest) -> Option<Cow<'_, str>> {
        let path = request.path();
        if let Some(rest) = path.strip_prefix(&self.tasks)
            && (rest.is_empty() || rest.starts_with('/'))
        {
            let rest = rest.strip_suffix('/').unwrap_or(rest);
            let known: Option<&str> = match rest.strip_prefix('/').map(|rest| rest.split_once('/'))
            {
                None => Some(&self.tasks),
                Some(None) => Some(&self.task),
                Some(Some((_, "$execute" | "%24execute"))) => Some(&self.execute),
                Some(Some((_, "$submit" | "%24submit"))) => Some(&self.submit),
                Some(Some(_)) => None,
            };
            return known.map(Cow::Borrowed);
        }
        // The root of a scope without a prefix is the empty path.
        let pattern = request.match_pattern()?;
        Some(if pattern.is_empty() {
            Cow::Borrowed("/")
        } else {
            Cow::Owned(pattern)
        })
    }

    pub(crate) fn is_metrics(&self, template: &str) -> bool {
        self.metrics.as_deref() == Some(template)
    }
}
