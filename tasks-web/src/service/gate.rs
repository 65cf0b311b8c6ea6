//! Which requests need a key.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::{HttpResponse, ResponseError as _};

use crate::auth::{Guard, Login};
use crate::part::{Claim, Part};
use crate::problem::Problem;

/// The keys, and the paths that are answered without one.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) guard: Arc<Guard>,
    pub(crate) open: Arc<[Claim]>,
    /// The page for people, where there is one.
    login: Option<Login>,
}

impl Gate {
    pub(super) fn new(guard: Arc<Guard>, parts: &[Part], login: Option<Login>) -> Self {
        let claims = parts.iter().flat_map(|part| &part.claims);
        Self {
            guard,
            login,
            open: claims.filter(|claim| claim.open).cloned().collect(),
        }
    }

    /// Lets a request in, or says why not.
    pub(super) fn admit(&self, request: &ServiceRequest) -> Result<(), HttpResponse> {
        self.check(request).map_err(|problem| {
            let login = self.login.as_ref();
            login
                .and_then(|login| login.instead_of(&problem, request))
                .unwrap_or_else(|| problem.at(request.path()).error_response())
        })
    }

    fn check(&self, request: &ServiceRequest) -> Result<(), Problem> {
        // Decoded, as the router sees it.
        let path = request.match_info().unprocessed();
        if self.open.iter().any(|claim| claim.covers(path)) {
            return Ok(());
        }
        self.guard.admit(request)
    }
}
