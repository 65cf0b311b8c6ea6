/** The queues that jobs wait in, which can be paused, and the tasks that are. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { config } from "../api/config.ts";
import { get, query, segment, send } from "../api/http.ts";
import type { QueueRecord, TaskPause } from "../api/schema.d.ts";
import { Action, Loaded, To } from "../parts/basics.tsx";
import { DataTable } from "../parts/data_table.tsx";
import { useLive } from "../parts/live.ts";
import { PauseForm, PauseState } from "../parts/pause.tsx";

const INTERVAL = 5000;

const path = (queue: string, action: string): string => `${config.jobs}/$queues/${segment(queue)}/${action}`;

export function Queues(): JSX.Element {
  const live = useLive("queues", () => get<QueueRecord[]>(`${config.jobs}/$queues`), INTERVAL);
  const [pausing, setPausing] = useState<string>();
  const done = (): void => {
    setPausing(undefined);
    live.refresh();
  };
  return (
    <>
      <h1>Queues</h1>
      {live.status === 403 ? (
        <p class="empty">Your key is limited to tasks with some tags, and queues are not of those alone.</p>
      ) : (
        <Loaded live={live}>
          {(queues) =>
            queues.length === 0 ? (
              <p class="empty">No worker serves a queue, and no job waits in one.</p>
            ) : (
              <>
                {pausing !== undefined && (
                  <PauseForm key={pausing} what="queue" name={pausing} path={path(pausing, "$pause")} done={done} cancel={() => setPausing(undefined)} />
                )}
                <Table queues={queues} pause={setPausing} changed={live.refresh} />
                <PausedTasks />
              </>
            )
          }
        </Loaded>
      )}
    </>
  );
}

/** How many of its jobs run at once, in words. */
export function limits(queue: QueueRecord): string {
  const said = [
    queue.concurrency !== null && `${queue.concurrency} per worker`,
    queue.global_concurrency !== null && `${queue.global_concurrency} in all`,
    queue.rate !== null && queue.rate,
  ];
  return said.filter((words) => words !== false).join(", ") || "–";
}

function Table({
  queues,
  pause,
  changed,
}: {
  queues: readonly QueueRecord[];
  pause: (queue: string) => void;
  changed: () => void;
}): JSX.Element {
  return (
    <DataTable label="Queues" columns={["Queue", "Pending", "Running", "Workers", "At once", "State", !config.read_only && "Action"]}>
      {queues.map((queue) => (
        <tr key={queue.name}>
          <th scope="row">{queue.name}</th>
          <td class="number">
            <To path={`/jobs${query({ status: "pending", queue: queue.name })}`}>
              {queue.pending}
              {queue.more_pending && "+"}
            </To>
          </td>
          <td class="number">
            <To path={`/jobs${query({ status: "running", queue: queue.name })}`}>{queue.running}</To>
          </td>
          <td class="number">{queue.workers}</td>
          <td class="number">{limits(queue)}</td>
          <td class="note">
            <PauseState paused={queue.paused} />
          </td>
          {!config.read_only && (
            <td>
              {queue.paused === null ? (
                <button type="button" aria-label={`Pause ${queue.name}`} onClick={() => pause(queue.name)}>
                  Pause…
                </button>
              ) : (
                <Action label={`Resume ${queue.name}`} act={() => send<QueueRecord>("POST", path(queue.name, "$resume"))} done={changed} />
              )}
            </td>
          )}
        </tr>
      ))}
    </DataTable>
  );
}

/** The tasks whose jobs do not begin, whatever queue they wait in. */
function PausedTasks(): JSX.Element | null {
  const live = useLive("paused tasks", () => get<TaskPause[]>(`${config.jobs}/$tasks/$paused`), INTERVAL);
  if (live.data === undefined || live.data.length === 0) return null;
  return (
    <section>
      <h2>Paused tasks</h2>
      <DataTable label="Paused tasks" columns={["Task", "State", !config.read_only && "Action"]}>
        {live.data.map((task) => (
          <tr key={task.task}>
            <th scope="row">
              <To path={`/tasks/${segment(task.task)}`}>{task.task}</To>
            </th>
            <td class="note">
              <PauseState paused={task.paused} />
            </td>
            {!config.read_only && (
              <td>
                <Action label={`Resume ${task.task}`} act={() => send<TaskPause>("POST", `${config.jobs}/$tasks/${segment(task.task)}/$resume`)} done={live.refresh} />
              </td>
            )}
          </tr>
        ))}
      </DataTable>
    </section>
  );
}
