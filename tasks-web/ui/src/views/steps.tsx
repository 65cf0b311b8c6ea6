/** The durable steps of a job, and what it waits for. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { at, config } from "../api/config.ts";
import { get, send } from "../api/http.ts";
import type { JobRecord, JobStep, StepStatus } from "../api/schema.d.ts";
import { Action, Loaded, To } from "../parts/basics.tsx";
import { useNow } from "../parts/clock.ts";
import { DataTable } from "../parts/data_table.tsx";
import { POLL_INTERVAL } from "../parts/events.ts";
import { useLive } from "../parts/live.ts";
import { Duration, Time, milliseconds } from "../parts/time.tsx";
import { type HeardSteps, newest } from "./heard_steps.ts";
import { SendEvents } from "./send_event.tsx";
import { type Bar, instant, isKept, spanOf, timeline } from "./timeline.ts";

interface StepsProps {
  job: JobRecord;
  path: string;
  /** Changes with every start and end of an attempt. */
  turn: string;
  ended: boolean;
  /** What the job's stream has told of, and whether it tells of all steps now: then they are not read again meanwhile. */
  heard: HeardSteps;
  isTold: boolean;
}

export function Steps({ job, path, turn, ended, heard, isTold }: StepsProps): JSX.Element | null {
  const read = useLive(`steps ${path}`, () => get<JobStep[]>(`${path}/$steps`), ended || isTold ? 0 : POLL_INTERVAL);
  const seen = useRef(turn);
  useEffect(() => {
    if (seen.current !== turn) read.refresh();
    seen.current = turn;
  }, [turn]);
  const live = { ...read, data: newest(read.data ?? [], read.asked, heard, path) };
  // Most jobs have none.
  if (live.data.length === 0) return null;
  return (
    <section>
      <h2>Steps</h2>
      <Loaded live={live}>
        {(steps) => (
          <>
            <Table steps={steps} job={job} path={path} ended={ended} />
            {!ended && <Events job={job} path={path} steps={steps} refresh={live.refresh} />}
          </>
        )}
      </Loaded>
    </section>
  );
}

function Table({ steps, job, path, ended }: { steps: readonly JobStep[]; job: JobRecord; path: string; ended: boolean }): JSX.Element {
  // What waited when the job ended has waited until then.
  const endedAt = ended ? job.finished_at : null;
  const time = useNow(endedAt === null && steps.some((step) => step.finished_at === null));
  const spans = steps.map((step) => spanOf(step, endedAt === null ? time : instant(endedAt)));
  const { bars, from, to, isStretched } = timeline(spans);
  // A closure is not there any more when it has ended.
  const canFork = ended && job.task_name !== null && !config.read_only;
  return (
    <>
      <DataTable label="Steps" columns={["Step", "Came to", "Attempt", "Started", "Took", "Result", canFork && "Action"]}>
        {steps.map((step, index) => {
          const [span, bar] = [spans[index], bars[index]];
          return (
            <tr key={step.name}>
              <td class="lane">
                <code>{step.name}</code>
                {span && bar && <Lane status={step.status} bar={bar} from={span.from - from} to={span.to - from} />}
              </td>
              <td>
                <span class={`badge ${step.status === "waiting" ? "pending" : step.status}`}>{step.status}</span>
              </td>
              <td class="number">{isKept(step) ? <span title="Its result was kept from the job that this one runs again: its code did not run here.">kept</span> : step.attempt}</td>
              <td>
                <Time at={step.started_at} absolute />
              </td>
              <td class="number">
                <Duration from={step.started_at} to={step.finished_at ?? endedAt} />
              </td>
              <td class="note">
                <Outcome step={step} />
              </td>
              {canFork && (
                <td class="note">
                  <Fork path={path} step={step.name} />
                </td>
              )}
            </tr>
          );
        })}
      </DataTable>
      {to > from && (
        <p class="quiet">
          The bars are on one timeline of {milliseconds(to - from)}.{isStretched && " Short times are drawn longer than they are."}
        </p>
      )}
    </>
  );
}

/** The bar of a step; `from` and `to` are since the first step began. */
function Lane({ status, bar, from, to }: { status: StepStatus; bar: Bar; from: number; to: number }): JSX.Element {
  return (
    <svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img">
      <title>{`from ${milliseconds(from)} to ${milliseconds(to)} after the first step began`}</title>
      <rect class={status} x={bar.x} width={bar.width} y={0} height={10} />
    </svg>
  );
}

/** Runs the job again from a step, and goes to the new job. */
function Fork({ path, step }: { path: string; step: string }): JSX.Element {
  const { route } = useLocation();
  const fork = async (): Promise<void> => {
    const job = await send<JobRecord>("POST", `${path}/$fork`, new Map([["from_step", step]]));
    route(at(`/jobs/${job.id}`));
  };
  return <Action label="Run again from here" name={`Run again from here: ${step}`} kind="plain" act={fork} />;
}

function Outcome({ step }: { step: JobStep }): JSX.Element {
  if (step.child_id !== null)
    return (
      <>
        job{" "}
        <To path={`/jobs/${step.child_id}`}>
          <code>{step.child_id}</code>
        </To>
        {step.error !== null && `: ${step.error}`}
      </>
    );
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
function Events({ job, path, steps, refresh }: { job: JobRecord; path: string; steps: readonly JobStep[]; refresh: () => void }): JSX.Element | null {
  const events = new Set(steps.filter((step) => step.status === "waiting").flatMap((step) => step.event ?? []));
  if (events.size === 0 || config.read_only) return null;
  return <SendEvents job={job} path={path} events={[...events]} refresh={refresh} />;
}
