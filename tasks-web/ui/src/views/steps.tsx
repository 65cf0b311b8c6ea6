/** The durable steps of a job, and what it waits for. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { config } from "../api/config.ts";
import { get, request, segment } from "../api/http.ts";
import type { JobStep } from "../api/schema.d.ts";
import { parse } from "../json/parse.ts";
import { Action, Loaded } from "../parts/basics.tsx";
import { DataTable } from "../parts/data_table.tsx";
import { POLL_INTERVAL } from "../parts/events.ts";
import { useLive } from "../parts/live.ts";
import { Duration, Time } from "../parts/time.tsx";

/** `turn` changes with every start and end of an attempt. */
export function Steps({ path, turn, ended }: { path: string; turn: string; ended: boolean }): JSX.Element | null {
  const live = useLive(`steps ${path} ${turn}`, () => get<JobStep[]>(`${path}/$steps`), ended ? 0 : POLL_INTERVAL);
  // Most jobs have none.
  if (live.data === undefined || live.data.length === 0) return null;
  return (
    <section>
      <h2>Steps</h2>
      <Loaded live={live}>
        {(steps) => (
          <>
            <DataTable label="Steps" columns={["Step", "Came to", "Attempt", "Started", "Took", "Result"]}>
              {steps.map((step) => (
                <tr key={step.name}>
                  <td>
                    <code>{step.name}</code>
                  </td>
                  <td>
                    <span class={`badge ${step.status === "waiting" ? "pending" : step.status}`}>{step.status}</span>
                  </td>
                  <td class="number">{step.attempt}</td>
                  <td>
                    <Time at={step.started_at} absolute />
                  </td>
                  <td class="number">
                    <Duration from={step.started_at} to={step.finished_at} />
                  </td>
                  <td class="note">
                    <Outcome step={step} />
                  </td>
                </tr>
              ))}
            </DataTable>
            {!ended && <Events path={path} steps={steps} refresh={live.refresh} />}
          </>
        )}
      </Loaded>
    </section>
  );
}

function Outcome({ step }: { step: JobStep }): JSX.Element {
  if (step.error !== null) return <>{step.error}</>;
  if (step.status === "waiting")
    return (
      <>
        {step.event === null ? "sleeps until " : "waits until "}
        <Time at={step.waits_until} absolute />
      </>
    );
  return <>{step.kind === "sleep" || step.result_bytes === null ? "" : `${step.result_bytes} bytes`}</>;
}

/** A form for each event that the job waits for. */
function Events({ path, steps, refresh }: { path: string; steps: readonly JobStep[]; refresh: () => void }): JSX.Element | null {
  const events = new Set(steps.filter((step) => step.status === "waiting").flatMap((step) => step.event ?? []));
  if (events.size === 0 || config.read_only) return null;
  return (
    <>
      {[...events].map((event) => (
        <SendEvent key={event} path={path} event={event} refresh={refresh} />
      ))}
    </>
  );
}

function SendEvent({ path, event, refresh }: { path: string; event: string; refresh: () => void }): JSX.Element {
  const [text, setText] = useState("");
  const send = async (): Promise<void> => {
    const body = text.trim() === "" ? null : parse(text);
    await request("POST", `${path}/$event/${segment(event)}`, body);
    setText("");
  };
  return (
    <div class="buttons">
      <label>
        Event <code>{event}</code>, as JSON{" "}
        <input type="text" value={text} placeholder="null" onInput={(input) => setText(input.currentTarget.value)} />
      </label>
      <Action label="Send" act={send} done={refresh} />
    </div>
  );
}
