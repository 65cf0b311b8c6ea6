/** The queues that jobs wait in, which can be paused. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { config } from "../api/config.ts";
import { get, messageOf, query, segment, send } from "../api/http.ts";
import type { QueueRecord } from "../api/schema.d.ts";
import type { Members } from "../json/value.ts";
import { Action, Alert, Loaded, To } from "../parts/basics.tsx";
import { DataTable } from "../parts/data_table.tsx";
import { useLive } from "../parts/live.ts";
import { Time } from "../parts/time.tsx";

const INTERVAL = 5000;
/** How long a reason may be, in characters. */
const MAX_REASON = 500;

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
                {pausing !== undefined && <PauseForm key={pausing} queue={pausing} done={done} cancel={() => setPausing(undefined)} />}
                <Table queues={queues} pause={setPausing} changed={live.refresh} />
              </>
            )
          }
        </Loaded>
      )}
    </>
  );
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
          <td class="number">{queue.concurrency === null ? "–" : `${queue.concurrency} per worker`}</td>
          <td class="note">
            <State queue={queue} />
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

function State({ queue }: { queue: QueueRecord }): JSX.Element {
  if (queue.paused === null) return <span class="badge completed">active</span>;
  const { at, by, reason } = queue.paused;
  return (
    <>
      <span class="badge canceled">paused</span> since <Time at={at} absolute />
      {by !== null && ` by ${by}`}
      {reason !== null && `: ${reason}`}
    </>
  );
}

/** Asks for the reason before a queue is paused. */
function PauseForm({ queue, done, cancel }: { queue: string; done: () => void; cancel: () => void }): JSX.Element {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const pause = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      const body: Members = new Map();
      if (reason.trim() !== "") body.set("reason", reason.trim());
      await send<QueueRecord>("POST", path(queue, "$pause"), body);
      done();
    } catch (failed) {
      setError(messageOf(failed));
      setBusy(false);
    }
  };
  return (
    <form
      class="run"
      aria-label={`Pause ${queue}`}
      onSubmit={(event) => {
        event.preventDefault();
        void pause();
      }}
    >
      <p>
        No job of the queue <strong>{queue}</strong> begins until it is resumed. Jobs that run go on.
      </p>
      <label class="option">
        <span class="label">Reason</span>
        <input type="text" maxLength={MAX_REASON} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <div class="buttons">
        <button type="submit" class="primary" disabled={busy}>
          Pause the queue
        </button>
        <button type="button" class="plain" onClick={cancel}>
          Leave it
        </button>
      </div>
      {error !== undefined && <Alert>{error}</Alert>}
    </form>
  );
}
