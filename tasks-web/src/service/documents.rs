//! The OpenAPI document of a service.

use crate::auth::Guard;
use crate::openapi::OpenApi;
use crate::part::Part;
use crate::service_info::ServiceInfo;
use crate::tasks::TaskScope;

/// The document of the tasks and of all parts. With keys that have limits, each sees its own tasks alone.
pub(super) fn api(
    info: &ServiceInfo,
    tasks: &TaskScope,
    parts: &[Part],
    guard: Option<&Guard>,
) -> OpenApi {
    let operations = parts.iter().flat_map(|part| part.operations.clone());
    let mut api = OpenApi::new(&info.display_name, &info.version)
        .scope(tasks)
        .service(info.clone(), operations.collect());
    if let Some(text) = &info.description {
        api = api.description(text);
    }
    match guard {
        Some(guard) => api.keys(guard.header(), guard.has_limits()),
        None => api,
    }
}
