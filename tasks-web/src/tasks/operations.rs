//! Tasks in the OpenAPI document.

use super::scope::TaskScope;
use crate::openapi::{Mount, OpenApi};

impl OpenApi {
    /// Adds the tasks of a scope that is mounted at the same level as the document.
    #[must_use]
    pub fn scope(self, scope: &TaskScope) -> Self {
        self.mount(scope.described(None))
    }

    /// Adds the tasks of a scope that is mounted elsewhere: `base` is the path of the actix scope around it, `/v2` say.
    #[must_use]
    pub fn scope_at(self, base: &str, scope: &TaskScope) -> Self {
        self.mount(scope.described(Some(base.trim_end_matches('/').to_owned())))
    }
}

impl TaskScope {
    fn described(&self, base: Option<String>) -> Mount {
        Mount {
            base,
            prefix: self.prefix().to_owned(),
            executor: self.executor().clone(),
            submit: self.submit_operation(),
            failure_status: self.failure_status(),
        }
    }
}
