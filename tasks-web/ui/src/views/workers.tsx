/** The processes that run jobs. */

import type { JSX } from "preact";
import { config } from "../api/config.ts";
import { get } from "../api/http.ts";
import type { WorkerRecord } from "../api/schema.d.ts";
import { Alert, Loaded } from "../parts/basics.tsx";
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
        <Loaded live={live}>{(workers) => <Table workers={workers} />}</Loaded>
      )}
    </>
  );
}

function Table({ workers }: { workers: readonly WorkerRecord[] }): JSX.Element {
  if (workers.length === 0) return <Alert kind="note">No process runs jobs: those that are submitted wait.</Alert>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Workers">
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col">Started</th>
            <th scope="col">Running</th>
            <th scope="col">Queues</th>
            <th scope="col">Tasks</th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <tr key={worker.id}>
              <th scope="row">
                {worker.host} ({worker.process})
              </th>
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
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
