//! The endpoints of artifacts.

use serde_json::json;
use tasks_runtime::artifacts::{Artifact, ArtifactNode};

use super::state::ArtifactOptions;
use super::{download, handlers, query, schemas, update, upload, upload_fields};
use crate::endpoint::{Body, Endpoint, Endpoints, Parameter, Response};
use crate::http::{ENTITY_TAGS, ULID, paging};
use crate::openapi::{ANOTHER_METHOD, DATABASE_FAILED, StatusText};

/// What each of them may answer.
const PROBLEMS: &[StatusText] = &[ANOTHER_METHOD, DATABASE_FAILED];

const MALFORMED_ID: StatusText = (400, "The id is not a ULID.");
const MALFORMED: StatusText = (400, "The body is not JSON, or the id is not a ULID.");
const UNKNOWN: StatusText = (404, "No such artifact.");
const SLOW: StatusText = (408, "The body took too long to arrive.");
const EXISTS: StatusText = (409, "There is an artifact of this id.");
const CONFLICT: StatusText = (
    409,
    "The new parent is below the artifact, the body has another `id` than the path, or another value of what is \
     read-only, or leaves out what the artifact has and would lose, or has JSON in the place of \
     bytes, or somebody else changed the artifact at the same \
     time.",
);
const PRECONDITION: StatusText = (
    412,
    "`If-Match` or `If-None-Match` is about another version.",
);
const LARGE: StatusText = (413, "The body is too large.");
const MEDIA: StatusText = (415, "The body does not say it is JSON, or is compressed.");
const INVALID: StatusText = (422, "Something does not fit: `errors` says what.");
const UNAVAILABLE: StatusText = (503, "The database or the content store is not available.");

/// What a read of one artifact may answer.
const OF_ONE: &[StatusText] = &[MALFORMED_ID, UNKNOWN, UNAVAILABLE];
/// What a change of one artifact may answer.
const OF_CHANGE: &[StatusText] = &[
    MALFORMED,
    UNKNOWN,
    SLOW,
    CONFLICT,
    PRECONDITION,
    LARGE,
    MEDIA,
    INVALID,
    UNAVAILABLE,
];

const THE_ID: Parameter = Parameter::path("id", ULID);
const ID: &[Parameter] = &[THE_ID];
/// The id, and the headers that set conditions.
const ID_AND_CONDITIONS: &[Parameter] = &[
    THE_ID,
    Parameter::header(
        "If-Match",
        "Entity tags, or `*`: only if it has one of these now.",
    ),
    Parameter::header(
        "If-None-Match",
        "Entity tags, or `*`: only if it has none of these now.",
    )
    .matching(ENTITY_TAGS),
];

/// The endpoints of artifacts, below a prefix.
pub(super) fn endpoints(prefix: &str, options: &ArtifactOptions) -> Endpoints {
    let (create, read) = (options.create, options.read);
    let list = vec![
        Endpoint::get("", "list_artifacts", handlers::list)
            .when(read)
            .summary("All artifacts, oldest first and without their data")
            .description(paging::DESCRIPTION)
            .query(query::LIST)
            .responds(Response::json_like(200, schemas::list))
            .conditional()
            .problems(&[INVALID, UNAVAILABLE]),
        Endpoint::post("", "create_artifact", handlers::create)
            .when(create)
            .summary("Save an artifact with JSON")
            .description(
                "`data` is any JSON; `id`, `parent_id`, `metadata` and `tags` may come along.",
            )
            .body(Body::json::<schemas::ArtifactIn>().example(schemas::example))
            .responds(Response::json::<Artifact>(201).location("Where it is."))
            .problems(&[(400, "The body is not JSON."), SLOW, EXISTS, LARGE, MEDIA])
            .problems(&[INVALID, UNAVAILABLE]),
        Endpoint::post("/$upload", "upload_artifact", upload::upload)
            .when(create)
            .summary("Save an artifact with bytes")
            .description(
                "The body is the content, or a form with the content in `file`. What comes along is in the query, or in the form.",
            )
            .query(upload_fields::QUERY)
            .body(
                Body::media("application/octet-stream", schemas::bytes)
                    .or(Body::media("multipart/form-data", schemas::form))
                    .optional(),
            )
            .responds(Response::json::<Artifact>(201).location("Where it is."))
            .problems(&[
                (400, "The body cannot be read."),
                (403, "A page of another site sent it in a form."),
                SLOW,
                EXISTS,
                LARGE,
                (415, "The body is compressed, or a form of another kind than `multipart/form-data`."),
                INVALID,
                UNAVAILABLE,
            ]),
        Endpoint::get("/$schema", "get_artifact_schema", handlers::schema)
            .when(read)
            .summary("The JSON Schema of an artifact")
            .responds(Response::json_like(200, |_| json!({"type": "object"})))
            .conditional(),
        Endpoint::get("/$stats", "get_artifact_stats", handlers::stats)
            .when(read)
            .summary("How many artifacts there are")
            .responds(Response::json_like(200, schemas::stats))
            .problems(&[UNAVAILABLE]),
        Endpoint::get("/{id}", "get_artifact", handlers::get)
            .when(read)
            .summary("One artifact")
            .parameters(ID)
            .responds(Response::json::<Artifact>(200))
            .conditional()
            .problems(OF_ONE),
        Endpoint::put("/{id}", "update_artifact", update::replace)
            .when(options.update)
            .summary("Replace an artifact")
            .description(
                "The body is the whole artifact. If the artifact has a parent, metadata or tags, the body must name them: with the old value to keep it, or with null to remove it. What a read \
                 returned may be sent back: fields that cannot be changed are accepted as they are. An artifact with bytes keeps them \
                 when `data` is null; other data takes their place only with `content_type` null.",
            )
            .parameters(ID_AND_CONDITIONS)
            .body(Body::json_like(schemas::replacement).example(schemas::example))
            .responds(Response::json::<Artifact>(200))
            .problems(OF_CHANGE),
        Endpoint::patch("/{id}", "patch_artifact", update::patch)
            .when(options.update)
            .summary("Change parts of an artifact")
            .description(
                "A merge patch (RFC 7396): members that the body omits stay, `data` and `metadata` are merged member by member, and null removes a member. A \
                 list like `tags` is replaced. An artifact with bytes keeps them; `data` takes their place only with `content_type` null.",
            )
            .parameters(ID_AND_CONDITIONS)
            .body(
                Body::media("application/merge-patch+json", schemas::change)
                    .or(Body::json_like(schemas::change))
                    .example(|| json!({"metadata": {"reviewed": true}})),
            )
            .responds(Response::json::<Artifact>(200))
            .problems(OF_CHANGE),
        Endpoint::delete("/{id}", "delete_artifact", update::delete)
            .when(options.delete)
            .summary("Delete an artifact")
            .parameters(ID_AND_CONDITIONS)
            .responds(Response::empty(204, "It is gone. Its children are roots now."))
            .problems(&[
                MALFORMED_ID,
                UNKNOWN,
                (409, "Somebody else changed it at the same time."),
                PRECONDITION,
                (422, "The service refuses."),
                UNAVAILABLE,
            ]),
        Endpoint::get("/{id}/$expand", "expand_artifact", handlers::expand)
            .when(read)
            .summary("One artifact, with the name of its level")
            .parameters(ID)
            .responds(Response::json::<ArtifactNode>(200))
            .conditional()
            .problems(OF_ONE),
        Endpoint::get("/{id}/$tree", "get_artifact_tree", handlers::tree)
            .when(read)
            .summary("An artifact and all below it, without their data")
            .parameters(ID)
            .responds(Response::json::<ArtifactNode>(200))
            .conditional()
            .problems(OF_ONE)
            .problems(&[(422, "The tree is too large to be shown at once.")]),
        Endpoint::get("/{id}/$metadata", "get_artifact_metadata", handlers::metadata)
            .when(read)
            .summary("What is known about the data")
            .parameters(ID)
            .responds(Response::json_like(200, |_| json!({"type": "object"})))
            .conditional()
            .problems(OF_ONE),
        Endpoint::get("/{id}/$download", "download_artifact", download::download)
            .when(read)
            .summary("The bytes of an artifact")
            .description("All of them, or the part that the header `Range` asks for.")
            .parameters(ID)
            .responds(Response::bytes(200))
            .responds(Response::bytes(206).description("The bytes that `Range` asks for."))
            .conditional()
            .problems(OF_ONE)
            .problems(&[(416, "None of the bytes that `Range` asks for are there.")]),
    ];
    Endpoints::new("artifacts", prefix, PROBLEMS, list)
}

#[cfg(test)]
mod tests {
    use super::{ArtifactOptions, endpoints};

    #[test]
    fn the_documentation_has_these_endpoints() {
        let all = ArtifactOptions::default();
        endpoints("{prefix}", &all).check_file("src/artifacts/artifacts.md");
    }
}
