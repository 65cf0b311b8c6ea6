/** One task: what it is, and the form that runs it. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { at, config } from "../api/config.ts";
import { type Answer, Refused, get, query, request, segment, send } from "../api/http.ts";
import type { JobRecord, TaskInfo, TaskPause } from "../api/schema.d.ts";
import { type Json, Num, isMembers } from "../json/value.ts";
import { RunForm, type Sent } from "../form/run_form.tsx";
import { Action, Alert, Loaded, Tags, To, useParameter } from "../parts/basics.tsx";
import { JsonView } from "../parts/json_view.tsx";
import { useLive } from "../parts/live.ts";
import { PauseForm, PauseState } from "../parts/pause.tsx";
import { milliseconds } from "../parts/time.tsx";

interface Outcome {
  result: Json;
  error: Json;
  took: number;
}

export function Task({ name }: { name: string }): JSX.Element {
  const path = `${config.tasks}/${segment(name)}`;
  const [from] = useParameter("from");
  const live = useLive(`task ${name} ${from}`, async () => {
    const earlier = from !== "" && config.jobs !== null ? get<JobRecord>(`${config.jobs}/${segment(from)}`) : undefined;
    const [task, job] = await Promise.all([get<TaskInfo>(path), earlier]);
    return { task, job };
  });
  return <Loaded live={live}>{({ task, job }) => <Shown key={`${name} ${from}`} task={task} job={job} path={path} />}</Loaded>;
}

function Shown({ task, job, path }: { task: TaskInfo; job: JobRecord | undefined; path: string }): JSX.Element {
  const { route } = useLocation();
  const [outcome, setOutcome] = useState<Outcome>();
  const run = async (sent: Sent): Promise<void> => {
    setOutcome(undefined);
    if (sent.how === "submit") {
      const headers: Record<string, string> = sent.idempotencyKey === "" ? {} : { "idempotency-key": sent.idempotencyKey };
      const again: [string, Json][] = job === undefined ? [] : [["rerun_of", job.id]];
      const record = await send<JobRecord>("POST", `${path}/$submit`, new Map<string, Json>([["params", sent.params], ...sent.options, ...again]), headers);
      route(at(`/jobs/${record.id}`));
      return;
    }
    const began = performance.now();
    let answer: Answer;
    try {
      // A task takes as long as it takes.
      answer = await request("POST", `${path}/$execute`, new Map([["params", sent.params]]), {}, null);
    } catch (refusal) {
      const failure = refusal instanceof Refused ? refusal.problem.error : undefined;
      if (!failure) throw refusal;
      const error = new Map<string, Json>([
        ["type", failure.type],
        ["code", failure.code],
        ["message", failure.message],
        ["details", (failure.details ?? null) as Json],
        ["traceback", failure.traceback],
      ]);
      setOutcome({ result: null, error, took: performance.now() - began });
      return;
    }
    const took = performance.now() - began;
    const read = (member: string): Json => (isMembers(answer.json) ? (answer.json.get(member) ?? null) : null);
    setOutcome({ result: read("result"), error: read("error"), took });
  };
  return (
    <>
      <p class="crumbs">
        <To path="/tasks">Tasks</To>
      </p>
      <h1>{task.name}</h1>
      <Tags tags={task.tags} />
      {task.hints && <p class="quiet">{hintWords(task.hints)}</p>}
      <p class="docs">{task.docstring}</p>
      <pre class="signature">
        <code>
          {task.name}
          {task.signature}
        </code>
      </pre>
      {config.jobs !== null && (
        <p>
          <To path={`/jobs${query({ task: task.name })}`}>Jobs of this task</To>
        </p>
      )}
      {config.jobs !== null && <JobsPaused jobs={config.jobs} task={task.name} />}
      {job && (
        <Alert kind="note">
          The parameters are those of <To path={`/jobs/${job.id}`}>job {job.id}</To>
          {job.truncated.includes("params") ? ", which are not all known here." : "."}
        </Alert>
      )}
      <RunForm task={task} params={job?.params as Json | undefined} send={run} />
      {outcome && <OutcomeView outcome={outcome} />}
      {task.error_codes && task.error_codes.length > 0 && (
        <section>
          <h2>Codes of its errors</h2>
          <dl class="codes">
            {task.error_codes.map((code) => (
              <div key={code.code}>
                <dt>
                  <code>{code.code}</code>
                </dt>
                <dd>{code.description}</dd>
              </div>
            ))}
          </dl>
        </section>
      )}
    </>
  );
}

/** What the task says of itself, in words. */
function hintWords(hints: NonNullable<TaskInfo["hints"]>): string {
  const words = [
    hints.read_only ? "Changes nothing" : hints.destructive ? "May delete or overwrite" : "Deletes and overwrites nothing",
    !hints.read_only && hints.idempotent && "a second run with the same parameters changes nothing more",
    hints.open_world ? "may reach other services" : "reaches nothing outside of this service",
  ];
  return `${words.filter(Boolean).join("; ")}.`;
}

/** Whether the jobs of the task are paused, and how to change that. Keys that are limited do not learn of it. */
function JobsPaused({ jobs, task }: { jobs: string; task: string }): JSX.Element | null {
  const [asking, setAsking] = useState(false);
  const live = useLive("paused tasks", () => get<TaskPause[]>(`${jobs}/$tasks/$paused`));
  if (live.data === undefined) return null;
  const path = `${jobs}/$tasks/${segment(task)}`;
  const paused = live.data.find((one) => one.task === task)?.paused ?? null;
  const done = (): void => {
    setAsking(false);
    live.refresh();
  };
  if (asking) return <PauseForm what="task" name={task} path={`${path}/$pause`} done={done} cancel={() => setAsking(false)} />;
  if (paused === null) {
    return config.read_only ? null : (
      <p>
        <button type="button" class="plain" onClick={() => setAsking(true)}>
          Pause its jobs…
        </button>
      </p>
    );
  }
  return (
    <p class="alert note">
      Its jobs are <PauseState paused={paused} />{" "}
      {!config.read_only && <Action label={`Resume ${task}`} act={() => send<TaskPause>("POST", `${path}/$resume`)} done={done} />}
    </p>
  );
}

function OutcomeView({ outcome }: { outcome: Outcome }): JSX.Element {
  const { error, result } = outcome;
  return (
    <section class="outcome" aria-live="polite">
      <h2>
        {error === null ? "Result" : "Failed"} <span class="quiet">{milliseconds(outcome.took)}</span>
      </h2>
      {error === null ? <JsonView value={result} label="Result" /> : <FailureView error={error} />}
    </section>
  );
}

export function FailureView({ error }: { error: Json }): JSX.Element {
  const text = (name: string): string | undefined => {
    const value = isMembers(error) ? error.get(name) : undefined;
    return typeof value === "string" ? value : value instanceof Num ? value.text : undefined;
  };
  const details = isMembers(error) ? error.get("details") : undefined;
  return (
    <Alert>
      <p>
        <strong>{text("message") ?? "It failed."}</strong>
      </p>
      <p class="quiet">
        {text("type")} {text("code") !== undefined && <code>{text("code")}</code>}
      </p>
      {details !== undefined && details !== null && <JsonView value={details} label="Details" />}
      {text("traceback") !== undefined && (
        <details>
          <summary>Traceback</summary>
          <pre>{text("traceback")}</pre>
        </details>
      )}
    </Alert>
  );
}
