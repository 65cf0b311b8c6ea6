/** The processes that run jobs. */

import type { JSX } from "preact";
import { config } from "../api/config.ts";
import { get, request, segment } from "../api/http.ts";
import type { WorkerRecord } from "../api/schema.d.ts";
import { Action, Alert, Loaded } from "../parts/basics.tsx";
import { DataTable } from "../parts/data_table.tsx";
import { useLive } from "../parts/live.ts";
import { Time } from "../parts/time.tsx";

const INTERVAL = 5000;

export function Workers(): JSX.Element {
  const live = useLive("workers", () => get<WorkerRecord[]>(`${config.jobs}/$workers`), INTERVAL);
  return (
    <>
      <h1>Workers</h1>
      {live.status === 403 ? (
        <p class="empty">Your key is limited to tasks with some tags, and workers are not of those alone.</p>
      ) : (
        <Loaded live={live}>{(workers) => <Table workers={workers} changed={live.refresh} />}</Loaded>
      )}
    </>
  );
}

function Table({ workers, changed }: { workers: readonly WorkerRecord[]; changed: () => void }): JSX.Element {
  if (workers.length === 0) return <Alert kind="note">No process runs jobs: those that are submitted wait.</Alert>;
  return (
    <DataTable label="Workers" columns={["Process", "Version", "Started", "Running", "Queues", "Tasks", !config.read_only && "Action"]}>
      {workers.map((worker) => (
        <tr key={worker.id}>
          <th scope="row">
            {worker.host} ({worker.process})
          </th>
          <td>{worker.version ?? "–"}</td>
          <td>
            <Time at={worker.started_at} />
          </td>
          <td class="number">{worker.running}</td>
          <td class="note">{worker.queues.join(", ")}</td>
          <td class="note">
            <details>
              <summary>{worker.tasks.length}</summary>
              {worker.tasks.join(", ")}
            </details>
          </td>
          {!config.read_only && (
            <td>
              <Action
                label="Expire"
                kind="danger"
                confirm={`Take it for dead? Its ${worker.running} running jobs are given to other workers, which counts as a crash of each.`}
                act={() => request("POST", `${config.jobs}/$workers/${segment(worker.id)}/$expire`)}
                done={changed}
              />
            </td>
          )}
        </tr>
      ))}
    </DataTable>
  );
}
