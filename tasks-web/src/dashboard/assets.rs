//! The files of the dashboard.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use include_dir::{Dir, include_dir};

use crate::http::{Document, conditional};

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/ui/dist");

/// The folder of all files but the page. Their names change with their content.
pub(super) const FOLDER: &str = "assets/";

/// The page, with places for what only a request determines.
pub(super) fn page() -> &'static str {
    let file = FILES.get_file("index.html");
    file.and_then(|file| file.contents_utf8())
        .unwrap_or_default()
}

struct Asset {
    media_type: &'static str,
    document: Document,
}

/// By their paths, such as `assets/index-1234.js`.
static ASSETS: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let folder = FILES.get_dir(FOLDER.trim_end_matches('/'));
    let files = folder.into_iter().flat_map(Dir::files);
    let assets = files.filter_map(|file| {
        let path = file.path().to_str()?.replace('\\', "/");
        let asset = Asset {
            media_type: media_type(&path),
            document: Document::new(file.contents()).compressible(),
        };
        Some((path, asset))
    });
    assets.collect()
});

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// The answer to a request of a file; `None` if there is no such file.
pub(super) fn answer(path: &str, request: &HttpRequest) -> Option<HttpResponse> {
    const KEPT: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
    let asset = ASSETS.get(path)?;
    let mut response = conditional(request, &asset.document);
    let headers: [(HeaderName, HeaderValue); 3] = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
        (CACHE_CONTROL, KEPT),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, value);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the first view loads, compressed.
    const MAX_FIRST_VIEW: usize = 100 * 1024;

    #[test]
    fn the_page_refers_to_files_that_are_there_and_small() {
        let page = page();
        assert!(page.contains("%DASHBOARD%"));
        let mut total = 0;
        for (path, asset) in ASSETS.iter() {
            let compressed = asset.document.gzip().map(|gzip| gzip.json.len());
            total += compressed.unwrap_or(asset.document.json.len());
            assert!(page.contains(&format!("\"./{path}\"")), "{path}");
            assert_ne!(asset.media_type, "application/octet-stream", "{path}");
        }
        assert_eq!(page.matches("\"./").count(), ASSETS.len());
        assert!(total < MAX_FIRST_VIEW, "{total} bytes");
    }
}
