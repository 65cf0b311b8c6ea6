/** Graphs of jobs, newest first. */

import type { JSX } from "preact";
import { config } from "../api/config.ts";
import { get, query } from "../api/http.ts";
import type { GraphRecord, GraphStatus } from "../api/schema.d.ts";
import { Badge, Loaded, To, useParameter } from "../parts/basics.tsx";
import { DataTable } from "../parts/data_table.tsx";
import { useLive } from "../parts/live.ts";
import { Duration, Time } from "../parts/time.tsx";

const STATUSES: GraphStatus[] = ["running", "completed", "failed", "canceled"];
/** How often the list is read, in milliseconds. */
const INTERVAL = 2000;
/** How many the service lists at once. */
const SIZE = 100;

export function Graphs(): JSX.Element {
  const [status, setStatus] = useParameter("status");
  // Where the page begins: the id of the graph before it.
  const [before, setBefore] = useParameter("page");
  const parameters = query({ status_filter: status, before });
  const live = useLive(`graphs ${parameters}`, () => get<GraphRecord[]>(`${config.graphs}${parameters}`), before === "" ? INTERVAL : 0);
  return (
    <>
      <h1>Graphs</h1>
      <div class="filters">
        <div class="tabs" role="group" aria-label="Status">
          <button type="button" aria-pressed={status === ""} onClick={() => setStatus("")}>
            all
          </button>
          {STATUSES.map((name) => (
            <button type="button" key={name} aria-pressed={status === name} onClick={() => setStatus(name)}>
              {name}
            </button>
          ))}
        </div>
      </div>
      <Loaded live={live}>
        {(graphs) =>
          graphs.length === 0 ? (
            <>
              <p class="empty">{status + before === "" ? "No graph of jobs has been submitted yet." : "No graph fits the filter."}</p>
              {before !== "" && <To path={`/graphs${query({ status })}`}>To the newest</To>}
            </>
          ) : (
            <>
              <DataTable label="Graphs" columns={["Status", "Graph", "Nodes done", "Submitted", "Took", "Submitted by"]}>
                {graphs.map((graph) => (
                  <tr key={graph.id}>
                    <td>
                      <Badge status={graph.status} asked={graph.status === "running" && graph.reason !== null} />
                    </td>
                    <td class="note">
                      <To path={`/graphs/${graph.id}`} class="title">
                        {graph.description ?? graph.id}
                      </To>
                    </td>
                    <td class="number">{done(graph)}</td>
                    <td>
                      <Time at={graph.submitted_at} />
                    </td>
                    <td class="number">
                      <Duration from={graph.submitted_at} to={graph.finished_at} />
                    </td>
                    <td>{graph.submitted_by}</td>
                  </tr>
                ))}
              </DataTable>
              <nav class="pages" aria-label="Pages">
                <button type="button" disabled={before === ""} onClick={() => setBefore("")}>
                  Newest
                </button>
                <button type="button" disabled={graphs.length < SIZE} onClick={() => setBefore(graphs[graphs.length - 1]?.id ?? "")}>
                  Older
                </button>
              </nav>
            </>
          )
        }
      </Loaded>
    </>
  );
}

/** How many nodes have ended, of how many. */
export function done({ counts }: GraphRecord): string {
  const over = counts.completed + counts.failed + counts.canceled + counts.skipped;
  return `${over} of ${over + counts.open + counts.waiting}`;
}
