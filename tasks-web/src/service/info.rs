//! What a service says about itself.

use actix_web::HttpResponse;

use crate::endpoint::{Endpoint, Endpoints, Response};
use crate::part::Part;
use crate::service_info::ServiceInfo;

/// `GET {path}`: what the service says about itself.
pub(super) fn part(path: &str, info: &ServiceInfo) -> Part {
    let info = info.clone();
    let get = move || {
        let response = HttpResponse::Ok().json(&info);
        async move { Ok(response) }
    };
    let endpoint = Endpoint::get("", "get_info", get)
        .summary("What the service is")
        .responds(Response::json::<ServiceInfo>(200));
    Part::new("info").serve(Endpoints::of_service(path, vec![endpoint]))
}
