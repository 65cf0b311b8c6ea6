//! The jobs of a node that runs its task for each item of a list.

use std::collections::{BTreeMap, HashMap};

use super::for_each::{MAX_ITEMS, Source, StoredForEach, split};
use super::input::{Input, add_member};
use super::item_rows::{self, ItemRow};
use super::node_rows::{self, NodeContent, NodeRow};
use super::ready_node::{
    Begun, Budget, Given, MadeItems, ReadNode, Ready, Results, again, with_inputs,
};
use super::state::NodeState;
use crate::arguments::{at_pointer, members};
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::id::{GraphId, JobId};
use crate::jobs::limits::MAX_ERROR_BYTES;
use crate::jobs::record::JobStatus;
use crate::jobs::stored_text::storable;
use crate::text::cut;

/// How many jobs of one node are there at a time that have not ended.
const MAX_OPEN: i64 = 1000;

/// Makes the next jobs of a node, as many as fit.
pub(super) async fn make(
    ready: &Ready<'_>,
    conn: &mut Connection,
    (node, content): (&NodeRow, NodeContent),
    results: &mut Results<'_>,
    budget: &mut Budget,
) -> Result<Begun, JobError> {
    let spec = content.for_each.as_deref().unwrap_or_default();
    let Ok(spec) = serde_json::from_str::<StoredForEach>(spec) else {
        // A later version has written it, and reads it.
        return Ok(Begun::Later);
    };
    let ReadNode {
        options,
        inputs,
        params,
    } = match ready.read(&content) {
        Ok(read) => read,
        Err(begun) => return Ok(begun),
    };
    let list = match items_of(conn, spec.source, results).await? {
        Ok(list) => list,
        Err(reason) => return Ok(Begun::Failed(reason)),
    };
    let Some(items) = split(&list) else {
        return Ok(Begun::Failed("its items are no list".to_owned()));
    };
    if items.len() > MAX_ITEMS {
        return Ok(Begun::Failed(format!(
            "it has {} items, and {MAX_ITEMS} are allowed",
            items.len()
        )));
    }
    let (of_item, of_nodes): (Vec<Input>, Vec<Input>) =
        inputs.into_iter().partition(Input::is_of_item);
    let params = match with_inputs(conn, params, &of_nodes, results).await? {
        Ok(params) => params,
        Err(reason) => return Ok(Begun::Failed(reason)),
    };
    let open = item_rows::open(conn, ready.graph.id, &node.name).await?;
    let (mut to_make_again, running): (Vec<ItemRow>, Vec<ItemRow>) = open
        .into_iter()
        .partition(|row| row.state == NodeState::Ready.number());
    let mut places = MAX_OPEN - count(running.len());
    let mut made = MadeItems {
        total: count(items.len()),
        ..MadeItems::default()
    };
    let mut rows: Vec<ItemRow> = Vec::new();
    let again_first = std::mem::take(&mut to_make_again).into_iter();
    let new = (node.items_made..made.total).map(|number| ItemRow {
        graph_id: ready.graph.id,
        node: node.name.clone(),
        number,
        state: NodeState::Ready.number(),
        job_id: None,
        owns_job: 0,
        error: None,
    });
    let mut others = again_first
        .map(|row| (row, false))
        .chain(new.map(|row| (row, true)));
    for (mut row, is_new) in others.by_ref() {
        if places <= 0 || budget.is_used_up() {
            made.left_again += i64::from(!is_new);
            break;
        }
        budget.add_node();
        if let Some(job) = row.job_id
            && let Some(status) = again(ready.scheduler, conn, job).await?
        {
            row.state = NodeState::of_job(Some(status)).number();
            places -= i64::from(row.state == NodeState::Open.number());
            *made.again.entry(row.state).or_default() += 1;
            rows.push(row);
            continue;
        }
        let item = usize::try_from(row.number)
            .ok()
            .and_then(|number| items.get(number));
        let params = item.map_or_else(
            || Err("it is not in the list any more".to_owned()),
            |item| with_item(&params, &of_item, item),
        );
        let begun = match params {
            Ok(params) => ready.make(conn, params, &options).await?,
            Err(reason) => Begun::Failed(reason),
        };
        match begun {
            Begun::Job(job_row, job) => {
                budget.add_bytes(job_row.params.len());
                row.state = NodeState::Open.number();
                row.job_id = Some(job);
                row.owns_job = i32::from(job_row.id == job);
                row.error = None;
                places -= 1;
                made.rows.push(*job_row);
                made.jobs.push(job);
            }
            Begun::Failed(reason) => {
                let mut reason = storable(&format!("item {}: {reason}", row.number));
                cut(&mut reason, MAX_ERROR_BYTES);
                made.error.get_or_insert_with(|| reason.clone());
                made.failed += 1;
                row.state = NodeState::Failed.number();
                row.job_id = None;
                row.error = Some(reason);
            }
            _ => {
                made.is_stuck = true;
                made.left_again += i64::from(!is_new);
                break;
            }
        }
        made.made += i64::from(is_new);
        rows.push(row);
        if made.failed > 0 && !spec.continues_on_failure {
            break;
        }
    }
    made.left_again += count(others.filter(|(_, is_new)| !is_new).count());
    item_rows::put(conn, rows).await?;
    Ok(Begun::Items(Box::new(made)))
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The text of the list, or why there is none.
async fn items_of(
    conn: &mut Connection,
    source: Source,
    results: &mut Results<'_>,
) -> Result<Result<String, String>, JobError> {
    let (node, pointer) = match source {
        Source::Items(list) => return Ok(Ok(list)),
        Source::Node { node, pointer } => (node, pointer),
    };
    Ok(match results.of(conn, &node).await? {
        Given::Value(result) => at_pointer(result, &pointer)
            .map(str::to_owned)
            .ok_or_else(|| {
                format!(
                    "its items are `{pointer}` of what `{node}` came to, which has no such value"
                )
            }),
        Given::Nothing => Err(format!(
            "its items come from `{node}`, which has not completed"
        )),
        Given::TooLong(size) => Err(format!(
            "its items come from `{node}`, whose result has {size} bytes: return a shorter list"
        )),
        Given::Gone => Err(format!(
            "its items come from `{node}`, whose job was deleted with its result"
        )),
    })
}

/// Parameters with those that an item gives, or why there are none.
pub(super) fn with_item(params: &str, inputs: &[Input], item: &str) -> Result<String, String> {
    let mut object = String::from("{");
    for (name, value) in members(params).map_err(|error| error.to_string())? {
        add_member(&mut object, &name, value);
    }
    for Input { param, pointer, .. } in inputs {
        let value = at_pointer(item, pointer)
            .ok_or_else(|| format!("`{param}` is its `{pointer}`, which it does not have"))?;
        add_member(&mut object, param, value);
    }
    object.push('}');
    Ok(object)
}

/// What became of the items of a node.
#[derive(Default)]
pub(super) struct ReadItems {
    /// Jobs that were made for items and have not ended, each with how it is.
    pub(super) open: Vec<(JobId, JobStatus)>,
    /// How many are to be made again.
    pub(super) left_again: i64,
    /// Whether anything is other than before.
    pub(super) has_changed: bool,
}

/// Notes what the jobs of items have come to. Those that were to be made again are canceled where nothing is made any more.
pub(super) async fn read(
    conn: &mut Connection,
    graph: GraphId,
    node: &mut NodeRow,
    is_stopped: bool,
) -> Result<ReadItems, JobError> {
    let rows = item_rows::open(conn, graph, &node.name).await?;
    let ids: Vec<JobId> = rows.iter().filter_map(|row| row.job_id).collect();
    let mut jobs: HashMap<JobId, JobStatus> = HashMap::new();
    for ids in ids.chunks(500) {
        jobs.extend(node_rows::job_statuses(conn, ids).await?);
    }
    let mut read = ReadItems::default();
    let mut ended: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for row in rows {
        let is_to_be_made = row.state == NodeState::Ready.number();
        if is_to_be_made && !is_stopped {
            read.left_again += 1;
            continue;
        }
        let status = row.job_id.and_then(|job| jobs.get(&job)).copied();
        let state = if is_to_be_made {
            NodeState::Canceled
        } else {
            NodeState::of_job(status)
        };
        match (state, row.job_id, status) {
            (NodeState::Open, Some(job), Some(status)) if row.owns_job == 1 => {
                read.open.push((job, status));
            }
            // A job of others goes on, and nobody waits for it any more.
            (NodeState::Open, ..) if is_stopped => {
                ended
                    .entry(NodeState::Canceled.number())
                    .or_default()
                    .push(row.number);
            }
            (NodeState::Open, ..) => {}
            _ => ended.entry(state.number()).or_default().push(row.number),
        }
    }
    for (state, numbers) in &ended {
        read.has_changed = true;
        node.count_items(*state, count(numbers.len()));
    }
    item_rows::end(conn, (graph, &node.name), &ended).await?;
    Ok(read)
}

impl NodeRow {
    /// Counts items whose jobs have ended like this.
    pub(super) fn count_items(&mut self, state: i32, count: i64) {
        match NodeState::stored(state) {
            NodeState::Completed => self.items_completed += count,
            NodeState::Failed => self.items_failed += count,
            NodeState::Canceled => self.items_canceled += count,
            _ => {}
        }
    }

    /// How the node is, by what its items are.
    pub(super) fn state_by_items(&self, left_again: i64, is_stopped: bool) -> NodeState {
        let spec = self.for_each.as_deref().unwrap_or_default();
        let continues =
            serde_json::from_str::<StoredForEach>(spec).is_ok_and(|spec| spec.continues_on_failure);
        let has_failed = self.items_failed + self.items_canceled > 0 && !continues;
        let are_all_made = Some(self.items_made) == self.items_total && left_again == 0;
        match self.open_items() {
            0 if are_all_made && !has_failed => NodeState::Completed,
            0 if has_failed || is_stopped => {
                if self.items_failed > 0 {
                    NodeState::Failed
                } else {
                    NodeState::Canceled
                }
            }
            open if !are_all_made && !has_failed && !is_stopped && open - left_again < MAX_OPEN => {
                NodeState::Ready
            }
            _ => NodeState::Open,
        }
    }

    /// Whether none of its items is to begin any more, and those that wait are to be canceled.
    pub(super) fn has_failed_items(&self) -> bool {
        let spec = self.for_each.as_deref().unwrap_or_default();
        let continues =
            serde_json::from_str::<StoredForEach>(spec).is_ok_and(|spec| spec.continues_on_failure);
        self.items_failed + self.items_canceled > 0 && !continues
    }
}
