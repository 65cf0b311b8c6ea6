/** One graph of jobs, as it changes. */

import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { at, config } from "../api/config.ts";
import { get, request, segment, send } from "../api/http.ts";
import type { GraphItemCounts, GraphNodeRecord, GraphRecord } from "../api/schema.d.ts";
import { Action, Alert, Badge, Copy, Loaded, To } from "../parts/basics.tsx";
import { DataTable } from "../parts/data_table.tsx";
import { POLL_INTERVAL, useEvents } from "../parts/events.ts";
import { useLive } from "../parts/live.ts";
import { Duration, Time } from "../parts/time.tsx";
import { NODE, type Place, fitted, layout, line } from "./graph_layout.ts";
import { done } from "./graphs.tsx";

/** How often one is looked at that has ended, in milliseconds: it can be retried or deleted, and has no stream. */
const ENDED_INTERVAL = 5000;
/** Of more nodes there is no picture: nobody could read it. */
const MAX_DRAWN = 150;

export function Graph({ id }: { id: string }): JSX.Element {
  const path = `${config.graphs}/${segment(id)}`;
  const [every, setEvery] = useState(0);
  const [heard, setHeard] = useState<{ graph: GraphRecord; at: number }>();
  const read = useLive(`graph ${id}`, () => get<GraphRecord>(path), every);
  const known = heard !== undefined && heard.graph.id === id && heard.at >= read.asked ? heard.graph : undefined;
  const graph = known ?? read.data;
  const isGone = read.status === 404;
  const isEnded = graph !== undefined && graph.status !== "running";
  const hear = (name: string, data: unknown): void => {
    if (name === "deleted") read.refresh();
    else setHeard({ graph: data as GraphRecord, at: performance.now() });
  };
  const told = useEvents(graph === undefined || isEnded || isGone ? null : `${path}/$stream`, ["deleted"], hear, read.refresh);
  useEffect(() => setEvery(isGone ? 0 : isEnded ? ENDED_INTERVAL : told === "polled" ? POLL_INTERVAL : 0), [isEnded, isGone, told]);
  if (isGone && graph !== undefined) return <Alert kind="note">This graph was deleted.</Alert>;
  return (
    <Loaded live={{ ...read, data: graph }}>
      {(shown) => <Shown graph={shown} path={path} refresh={read.refresh} isLost={told === "lost" || told === "refused"} />}
    </Loaded>
  );
}

interface ShownProps {
  graph: GraphRecord;
  path: string;
  refresh: () => void;
  isLost: boolean;
}

function Shown({ graph, path, refresh, isLost }: ShownProps): JSX.Element {
  const { route } = useLocation();
  const ended = graph.status !== "running";
  const nodes = graph.nodes ?? [];
  const hasRest = graph.counts.failed + graph.counts.canceled + graph.counts.skipped > 0;
  return (
    <>
      <p class="crumbs">
        <To path="/graphs">Graphs</To>
      </p>
      <h1>
        {graph.description ?? "Graph"} <Badge status={graph.status} asked={!ended && graph.reason !== null} />
      </h1>
      <p class="quiet">
        <code>{graph.id}</code> <Copy text={graph.id} /> {isLost && <span role="status">Reconnecting…</span>}
      </p>
      <div class="buttons">
        {!ended && <Action label="Cancel" act={() => send<GraphRecord>("POST", `${path}/$cancel`)} done={refresh} />}
        {ended && hasRest && <Action label="Retry what has not completed" act={() => send<GraphRecord>("POST", `${path}/$retry`)} done={refresh} />}
        <Action
          label="Delete"
          kind="danger"
          confirm={ended ? "Delete this graph and its jobs?" : "Cancel this graph and delete it with its jobs?"}
          act={() => request("DELETE", path)}
          done={() => route(at("/graphs"))}
        />
      </div>
      {graph.reason !== null && <p class="alert note">It has stopped: {graph.reason}.</p>}
      <dl class="facts">
        <Fact name="Nodes done">{done(graph)}</Fact>
        <Fact name="Submitted">
          <Time at={graph.submitted_at} absolute />
        </Fact>
        {graph.finished_at !== null && (
          <Fact name="Finished">
            <Time at={graph.finished_at} absolute />
          </Fact>
        )}
        <Fact name="Took">
          <Duration from={graph.submitted_at} to={graph.finished_at} />
        </Fact>
        {graph.deadline_at !== null && (
          <Fact name="Deadline">
            <Time at={graph.deadline_at} absolute />
          </Fact>
        )}
        {graph.submitted_by !== null && <Fact name="Submitted by">{graph.submitted_by}</Fact>}
      </dl>
      <Picture nodes={nodes} />
      <h2>Nodes</h2>
      <DataTable label="Nodes" columns={["Status", "Node", "Task", "After", "Finished", "Note", ended && !config.read_only && "Action"]}>
        {nodes.map((node) => (
          <tr key={node.name}>
            <td>
              <Badge status={node.status} asked={false} />
            </td>
            <td>
              <NodeLink node={node} />
            </td>
            <td>
              <To path={`/tasks/${segment(node.task_name)}`}>{node.task_name}</To>
            </td>
            <td class="note">
              {node.waits_for_any && node.after.length > 1 && "any of "}
              {node.after.map(({ node: name, on_failure }) => (on_failure === "fail" ? name : `${name} (else ${on_failure})`)).join(", ")}
            </td>
            <td>{node.finished_at !== null && <Time at={node.finished_at} />}</td>
            <td class="note">
              {node.items !== null && <Items items={node.items} />}
              {node.error !== null && <span class="problem">{node.error}</span>}
            </td>
            {ended && !config.read_only && (
              <td class="note">
                <Action
                  label="Run again from here"
                  name={`Run again from here: ${node.name}`}
                  kind="plain"
                  act={() => send<GraphRecord>("POST", `${path}/$retry`, new Map([["from", node.name]]))}
                  done={refresh}
                />
              </td>
            )}
          </tr>
        ))}
      </DataTable>
    </>
  );
}

const Fact = ({ name, children }: { name: string; children: JSX.Element | string }): JSX.Element => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

/** How far the items of a node are, in words. */
function Items({ items }: { items: GraphItemCounts }): JSX.Element {
  const words = [
    `${items.completed} of ${items.total ?? "?"} items completed`,
    items.open > 0 && `${items.open} pending or running`,
    items.failed > 0 && `${items.failed} failed`,
    items.canceled > 0 && `${items.canceled} canceled`,
  ];
  return <span>{words.filter((word) => word !== false).join(", ")} </span>;
}

const NodeLink = ({ node }: { node: GraphNodeRecord }): JSX.Element =>
  node.job_id === null ? (
    <span class="title">{node.name}</span>
  ) : (
    <To path={`/jobs/${node.job_id}`} class="title">
      {node.name}
    </To>
  );

/** The graph, drawn. The table below says the same in words, and has the links for the keyboard. */
function Picture({ nodes }: { nodes: readonly GraphNodeRecord[] }): JSX.Element | null {
  const { route } = useLocation();
  const shape = JSON.stringify(nodes.map(({ name, after }) => [name, after.map(({ node }) => node)]));
  const isDrawn = nodes.length > 1 && nodes.length <= MAX_DRAWN;
  const drawn = useMemo(() => layout(isDrawn ? nodes.map(({ name, after }) => ({ name, after: after.map(({ node }) => node) })) : []), [shape]);
  if (!isDrawn) return null;
  const { places, width, height } = drawn;
  const place = (name: string): Place => places.get(name) ?? { x: 0, y: 0 };
  const edges = nodes.flatMap(({ name, after }) => after.map(({ node, on_failure }) => ({ from: node, to: name, on_failure })));
  return (
    <div class="graph" tabIndex={0} role="img" aria-label={`${nodes.length} nodes: ${nodes.map(({ name, status }) => `${name} ${status}`).join(", ")}`}>
      <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true">
        {edges.map(({ from, to, on_failure }) => (
          <path key={`${from} ${to}`} class={on_failure} d={line(place(from), place(to))} />
        ))}
        {nodes.map(({ name, status, task_name, job_id }) => {
          const { x, y } = place(name);
          const open = job_id === null ? {} : { onClick: () => route(at(`/jobs/${job_id}`)) };
          return (
            <g key={name} class={job_id === null ? status : `${status} linked`} {...open}>
              <title>{`${name}: ${status}`}</title>
              <rect x={x} y={y} width={NODE.width} height={NODE.height} rx={6} />
              <text x={x + 10} y={y + 18}>
                {fitted(name)}
              </text>
              <text class="task" x={x + 10} y={y + 35}>
                {fitted(task_name === name ? status : `${task_name}`, 24)}
              </text>
            </g>
          );
        })}
      </svg>
    </div>
  );
}
