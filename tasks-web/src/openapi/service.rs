//! Serves the document and its UI.

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::Method;
use actix_web::{HttpRequest, web};

use serde_json::json;

use super::version::Version;
use super::{OpenApi, ui};
use crate::access::Access;
use crate::http::query::{QueryParameter, pairs};
use crate::http::{
    Document, HandlerResult, Methods, Preconditions, RequestContract, conditional, handled_by,
    public_prefix,
};
use crate::problem::Problem;

/// The query of the document.
const QUERY: &[QueryParameter] = &[QueryParameter::new(
    "version",
    "The version of OpenAPI.",
    || json!({"type": "string", "enum": ["3.1", "3.0"]}),
)];

impl HttpServiceFactory for OpenApi {
    fn register(self, config: &mut AppService) {
        let path = self.path.clone();
        if let Some(ui_path) = self.ui_path.clone() {
            // The UI asks for the document by a path relative to its own page, which works behind a proxy, too.
            let up = "../".repeat(ui_path.matches('/').count());
            let files = ui::Files::new(
                &format!("{up}{}", path.trim_start_matches('/')),
                &self.description.title,
            );
            // The UI is several files: at the root they have a folder of their own.
            let files_path = if ui_path == "/" {
                "/docs".to_owned()
            } else {
                ui_path.clone()
            };
            let name = files_path.rsplit('/').next().unwrap_or_default().to_owned();
            let index = files.clone();
            let index = move || {
                // Without a redirect: what it links to is in a folder of its name.
                let response = index.page(&format!("{name}/"));
                async move { response }
            };
            Methods::at(web::resource(ui_path.as_str()))
                .route(&Method::GET, |route| handled_by(route, index))
                .register(config);
            let serve = move |file: web::Path<String>| {
                let response = files.get(&file);
                async move { response }
            };
            Methods::at(web::resource(format!("{files_path}/{{file:.*}}")))
                .route(&Method::GET, |route| handled_by(route, serve))
                .register(config);
        }
        let serve = move |request: HttpRequest| {
            let response = self.answer(&request);
            async move { response }
        };
        Methods::at(web::resource(path.as_str()))
            .route(&Method::GET, |route| {
                let takes = RequestContract::query(QUERY).and_preconditions(Preconditions::BOTH);
                takes.guard(handled_by(route, serve))
            })
            .register(config);
    }
}

impl OpenApi {
    fn answer(&self, request: &HttpRequest) -> HandlerResult {
        let version = version(request.query_string())?;
        // Decoded, as the router saw it: however a client spells the path, it is one document.
        let path = request.match_info().as_str();
        let base = path.strip_suffix(&self.path).unwrap_or("");
        let document = if self.guarded {
            self.served(base, version, Some(&Access::of(request)?))
        } else {
            self.served(base, version, None)
        };
        Ok(match public_prefix(request) {
            "" => conditional(request, &document),
            prefix => conditional(request, &behind(prefix, &document)),
        })
    }
}

/// The document as it is for clients that find the service below a prefix.
fn behind(prefix: &str, document: &Document) -> Document {
    let servers = json!([{"url": prefix}]);
    let mut text = format!("{{\"servers\":{servers},").into_bytes();
    // An object, which has members.
    text.extend_from_slice(document.json.get(1..).unwrap_or_default());
    Document::new(text)
}

fn version(query: &str) -> Result<Version, Problem> {
    let pairs = pairs(query)?;
    let asked = pairs
        .iter()
        .find(|(key, _)| key == "version")
        .map(|(_, version)| version.as_str());
    match asked {
        None | Some("3.1") => Ok(Version::V3_1),
        Some("3.0") => Ok(Version::V3_0),
        Some(other) => Err(Problem::bad_query(format!(
            "`version` is `3.1` or `3.0`, not `{}`",
            other.chars().take(20).collect::<String>()
        ))),
    }
}
