//! Addresses of artifacts: `artifact://{id}`, and `artifact://{id}/{offset}` for a part of one.

use tasks_runtime::artifacts::ArtifactId;

/// Where an artifact is, before its id.
const SCHEME: &str = "artifact://";

/// The addresses as templates (RFC 6570).
pub(super) const TEMPLATES: [(&str, &str, &str); 2] = [
    (
        "artifact://{id}",
        "artifact",
        "The content of an artifact, or its data, up to 1 MiB.",
    ),
    (
        "artifact://{id}/{offset}",
        "artifact part",
        "A part of an artifact: up to 1 MiB from this byte on.",
    ),
];

/// The address of an artifact.
pub(super) fn of(id: ArtifactId) -> String {
    format!("{SCHEME}{id}")
}

/// The artifact of an address, and the byte that a part begins at.
pub(super) fn read(uri: &str) -> Option<(ArtifactId, Option<u64>)> {
    let rest = uri.strip_prefix(SCHEME)?;
    let (id, offset) = match rest.split_once('/') {
        Some((id, offset)) => (id, Some(offset.parse().ok()?)),
        None => (rest, None),
    };
    Some((id.parse().ok()?, offset))
}
