//! The endpoints of one part.

use std::sync::Arc;

use actix_web::{Resource, web};

use super::Endpoint;
use crate::openapi::{PathOperation, StatusText};

/// Endpoints below one prefix. It is a service of actix, which mounts their routes.
#[derive(Clone)]
pub(crate) struct Endpoints {
    /// The tag of their operations.
    pub(super) tag: &'static str,
    prefix: String,
    /// Problems that each of them may answer.
    pub(super) problems: &'static [StatusText],
    pub(super) list: Vec<Endpoint>,
    state: Option<AddState>,
    /// Whether they are in the OpenAPI document.
    documented: bool,
}

/// Gives a resource what its handlers extract.
type AddState = Arc<dyn Fn(Resource) -> Resource + Send + Sync>;

impl Endpoints {
    pub(crate) fn new(
        tag: &'static str,
        prefix: &str,
        problems: &'static [StatusText],
        list: Vec<Endpoint>,
    ) -> Self {
        Self {
            tag,
            prefix: prefix.to_owned(),
            problems,
            list,
            state: None,
            documented: true,
        }
    }

    /// Endpoints about the service itself.
    pub(crate) fn of_service(prefix: &str, list: Vec<Endpoint>) -> Self {
        Self::new(
            "service",
            prefix,
            &[(405, "Another method than GET.")],
            list,
        )
    }

    /// Pages and forms, which are not in the OpenAPI document.
    pub(crate) fn of_pages(list: Vec<Endpoint>) -> Self {
        Self {
            documented: false,
            ..Self::of_service("", list)
        }
    }

    /// What their handlers extract as [`web::Data`].
    pub(crate) fn state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        let state = web::Data::new(state);
        self.state = Some(Arc::new(move |resource| resource.app_data(state.clone())));
        self
    }

    pub(super) fn with_state(&self, resource: Resource) -> Resource {
        match &self.state {
            Some(add) => add(resource),
            None => resource,
        }
    }

    /// The paths below the prefix, each once.
    pub(super) fn paths(&self) -> Vec<&'static str> {
        let mut paths = Vec::new();
        for endpoint in &self.list {
            if !paths.contains(&endpoint.path) {
                paths.push(endpoint.path);
            }
        }
        paths
    }

    /// What the router compares with the path of a request.
    pub(super) fn patterns(&self, path: &str) -> Vec<String> {
        let path = format!("{}{path}", self.prefix);
        match path.as_str() {
            // Inside of a scope without a prefix, the root is the empty path as well.
            "/" => vec![String::new(), path],
            _ => vec![path],
        }
    }

    pub(super) fn full_path(&self, endpoint: &Endpoint) -> String {
        format!("{}{}", self.prefix, endpoint.path)
    }

    /// The full path of each endpoint that is served, and whether it is answered without a key.
    pub(crate) fn served(&self) -> impl Iterator<Item = (String, bool)> {
        let served = self.list.iter().filter(|endpoint| endpoint.on);
        served.map(|endpoint| (self.full_path(endpoint), endpoint.open))
    }

    /// The operations of those that are served.
    pub(crate) fn operations(&self) -> Vec<PathOperation> {
        let served = self.list.iter();
        let served = served.filter(|endpoint| endpoint.on && self.documented);
        let operation = |endpoint: &Endpoint| {
            let (tag, problems) = (self.tag, self.problems);
            let described = endpoint.clone();
            PathOperation::new(
                &endpoint.method,
                self.full_path(endpoint),
                endpoint.open,
                move |writer| described.operation(tag, problems, writer),
            )
        };
        served.map(operation).collect()
    }
}
