//! The endpoints of graphs of jobs.

use serde_json::{Value, json};
use tasks_runtime::jobs::{GraphItemRecord, GraphRecord};

use super::{BULK_PROBLEMS, ID, ID_AND_NAME, PROBLEMS, QUERY, TOO_MANY};
use crate::endpoint::{Body, Endpoint, Endpoints, Parameter, Response};
use crate::http::paging::MAX_PAGE_SIZE;
use crate::http::sse;
use crate::jobs::graph_body::GraphIn;
use crate::jobs::graphs::RetryIn;
use crate::jobs::{graph_stream, graphs};
use crate::openapi::{STORAGE_FULL, StatusText};

const IDEMPOTENCY_KEY: &[Parameter] = &[Parameter::header(
    "Idempotency-Key",
    "A name of the client's for this very graph, of 1 to 255 visible characters: sent again, it is not stored again, and the graph that is there is the answer. With other nodes, parameters or options, or from an API key of another name, it is refused.",
)
.matching("^[!-~]{1,255}$")];
const UNKNOWN_GRAPH: StatusText = (404, "No such graph.");

/// The endpoints of graphs, below a prefix.
pub(in crate::jobs) fn graphs(prefix: &str) -> Endpoints {
    let list = vec![
        Endpoint::get("", "list_graphs", graphs::list)
            .summary("All graphs of jobs, newest first, without their nodes")
            .description(
                "At most 100 at once: the header `Link` with `rel=\"next\"` leads to the rest. A limited key sees the graphs of which it reaches all tasks.",
            )
            .query(graphs::LIST)
            .responds(Response::json_like(200, |writer| {
                json!({"type": "array", "items": writer.output::<GraphRecord>(), "maxItems": MAX_PAGE_SIZE})
            }))
            .problems(&[QUERY]),
        Endpoint::post("", "submit_graph", graphs::submit)
            .summary("Submit a graph: jobs that come after one another")
            .description(
                "Each node runs a task when the nodes have completed that it comes `after`. With `inputs`, parameters are results of other nodes, or parts of them by a JSON \
                 Pointer; a node comes after those, too. The graph is checked as a whole, and stored at once: nothing is stored of one that does not fit. A request that is sent twice \
                 makes two graphs, unless it has the same `Idempotency-Key`.",
            )
            .parameters(IDEMPOTENCY_KEY)
            .body(Body::json::<GraphIn>().example(example))
            .responds(Response::json::<GraphRecord>(202).location("Where the graph is.").replayed("There if an earlier submission stored the graph: one with the same `Idempotency-Key`."))
            .problems(BULK_PROBLEMS)
            .problems(&[(404, "No such task."), STORAGE_FULL]),
        Endpoint::get("/{id}", "get_graph", graphs::get)
            .summary("One graph, with its nodes")
            .parameters(ID)
            .responds(Response::json::<GraphRecord>(200))
            .problems(&[UNKNOWN_GRAPH]),
        Endpoint::delete("/{id}", "delete_graph", graphs::delete)
            .summary("Delete a graph and its jobs; one that has not ended is canceled first")
            .parameters(ID)
            .responds(Response::empty(
                204,
                "It is deleted; jobs of it that run will be when their code has ended.",
            ))
            .problems(&[UNKNOWN_GRAPH]),
        Endpoint::get("/{id}/$items/{name}", "list_graph_items", graphs::items)
            .summary("The items of a node that runs its task for each: those whose jobs were made, in their order")
            .description("The header `Link` with `rel=\"next\"` leads to the rest.")
            .parameters(ID_AND_NAME)
            .query(graphs::ITEMS_QUERY)
            .responds(Response::json_like(200, |writer| {
                json!({"type": "array", "items": writer.output::<GraphItemRecord>(), "maxItems": 1000})
            }))
            .problems(&[
                (404, "No such graph, or it has no such node with items."),
                QUERY,
            ]),
        Endpoint::get("/{id}/$stream", "stream_graph", graph_stream::stream)
            .summary("A graph as it changes, as server-sent events")
            .description(
                "The stream ends when the graph ends. A client that reconnects after the last event (`Last-Event-ID`) gets 204. When the graph is deleted, the last event is `deleted`.",
            )
            .parameters(ID)
            .query(sse::QUERY)
            .responds(
                Response::text(200, "text/event-stream").description(
                    "An event without a name for each change, whose data is the graph. An event `deleted`, whose data is `{\"id\": \"…\"}`, when the graph is deleted: it is the last one.",
                ),
            )
            .responds(Response::empty(
                204,
                "The event of `Last-Event-ID` was the last one: do not come back.",
            ))
            .problems(&[UNKNOWN_GRAPH, QUERY, TOO_MANY]),
        Endpoint::post("/{id}/$cancel", "cancel_graph", graphs::cancel)
            .summary("Cancel a graph; one that has ended stays as it is")
            .description("No other node begins, and its jobs are canceled. It has ended when those have.")
            .parameters(ID)
            .responds(Response::json::<GraphRecord>(200))
            .problems(&[UNKNOWN_GRAPH]),
        Endpoint::post("/{id}/$retry", "retry_graph", graphs::retry)
            .summary("Begin a graph again that has ended, with what has not completed")
            .description(
                "A node whose job failed or was canceled has the same job again, unless a node before it runs again, too: then it has a new one. What has completed stays as it is. With `from`, that node and all that come after it run once more as well, \
                 as new jobs.",
            )
            .parameters(ID)
            .body(
                Body::json::<RetryIn>()
                    .example(|| json!({"from": "clean"}))
                    .optional(),
            )
            .responds(Response::json::<GraphRecord>(202))
            .problems(&[
                (400, "The body is not JSON."),
                (403, "A page of another site sent it without a body of JSON."),
                (404, "No such graph, or it has no such node."),
                (408, "The body took too long to arrive."),
                (409, "The graph has not ended."),
                (413, "The body is too large."),
                (415, "The body does not say it is JSON."),
                (422, "Something does not fit: `errors` says what."),
            ]),
    ];
    Endpoints::new("jobs", prefix, PROBLEMS, list)
}

fn example() -> Value {
    json!({
        "description": "nightly report",
        "nodes": {
            "extract": {"task": "extract", "params": {"day": "2026-03-31"}},
            "report": {"task": "report", "inputs": {"rows": {"node": "extract", "pointer": "/rows"}}},
        },
    })
}
