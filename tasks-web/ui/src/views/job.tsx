/** One job, as it changes. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { at, config } from "../api/config.ts";
import { Refused, get, problemOf, query, request, segment, send } from "../api/http.ts";
import type { JobAttempt, JobLineage, JobLog, JobRecord, JobStep } from "../api/schema.d.ts";
import { parse } from "../json/parse.ts";
import { type Json, isMembers, same } from "../json/value.ts";
import { compact } from "../json/write.ts";
import { Action, Alert, Badge, Copy, Loaded, To } from "../parts/basics.tsx";
import { DataTable } from "../parts/data_table.tsx";
import { POLL_INTERVAL, type Told, useEvents } from "../parts/events.ts";
import { JsonView } from "../parts/json_view.tsx";
import { type Live, useLive } from "../parts/live.ts";
import { Duration, Time } from "../parts/time.tsx";
import { type HeardSteps, NO_STEPS, withStep } from "./heard_steps.ts";
import { ProgressBar, ranFrom } from "./jobs.tsx";
import { Steps } from "./steps.tsx";
import { FailureView } from "./task.tsx";

const ENDED = new Set(["completed", "failed", "canceled"]);
/** How often a job is looked at that has ended, in milliseconds: it can be retried, changed or deleted, and has no stream. */
const ENDED_INTERVAL = 5000;
/** How often to look which jobs have come from it, in milliseconds. */
const LINEAGE_INTERVAL = 10_000;

/** Changes with every start and end of an attempt: attempts that crash or are retried by hand begin to count again. */
const turnOf = (job: JobRecord): string => `${job.attempt} ${job.crashes} ${job.status} ${job.started_at} ${job.finished_at}`;

export function Job({ id }: { id: string }): JSX.Element {
  const path = `${config.jobs}/${segment(id)}`;
  const [every, setEvery] = useState(0);
  const read = useLive(`job ${id}`, () => get<JobRecord>(path), every);
  const { job: changed, steps, told } = useChanges(path, read);
  const live = { ...read, data: changed ?? read.data };
  const isGone = read.status === 404;
  const isEnded = ENDED.has(live.data?.status ?? "");
  useEffect(() => setEvery(isGone ? 0 : isEnded ? ENDED_INTERVAL : told === "polled" ? POLL_INTERVAL : 0), [isEnded, isGone, told]);
  if (isGone && live.data !== undefined) return <Gone job={live.data} />;
  return <Loaded live={live}>{(job) => <Shown job={job} path={path} steps={steps} told={told} refresh={read.refresh} />}</Loaded>;
}

/** What is still known of a job that is not there any more. */
const Gone = ({ job }: { job: JobRecord }): JSX.Element => (
  <>
    <p class="crumbs">
      <To path="/jobs">Jobs</To>
    </p>
    <h1>{job.task_name ?? "closure"}</h1>
    <p class="quiet">
      <code>{job.id}</code>
    </p>
    <Alert kind="note">This job was deleted.</Alert>
    <Facts job={job} />
  </>
);

interface Changes {
  job: JobRecord | undefined;
  steps: HeardSteps;
  told: Told;
}

/** The job and its steps as the service tells of their changes, while it has not ended. */
function useChanges(path: string, read: Live<JobRecord>): Changes {
  const [heard, setHeard] = useState<{ job: JobRecord; at: number }>();
  const [steps, setSteps] = useState(NO_STEPS);
  const known = heard !== undefined && heard.job.id === read.data?.id && heard.at >= read.asked ? heard.job : undefined;
  const ended = ENDED.has((known ?? read.data)?.status ?? "");
  const over = read.data === undefined || ended || read.status === 404;
  const hear = (name: string, data: unknown): void => {
    const now = performance.now();
    if (name === "deleted") read.refresh();
    else if (name === "step") setSteps((before) => withStep(before, path, data as JobStep, now));
    else setHeard({ job: data as JobRecord, at: now });
  };
  const told = useEvents(over ? null : `${path}/$stream`, ["deleted", "step"], hear, read.refresh);
  return { job: known, steps, told };
}

interface ShownProps {
  job: JobRecord;
  path: string;
  steps: HeardSteps;
  told: Told;
  refresh: () => void;
}

function Shown({ job, path, steps, told, refresh }: ShownProps): JSX.Element {
  const { route } = useLocation();
  const ended = ENDED.has(job.status);
  const act = (verb: string): (() => Promise<unknown>) => () => send<JobRecord>("POST", `${path}/${verb}`);
  return (
    <>
      <p class="crumbs">
        <To path="/jobs">Jobs</To>
      </p>
      <h1>
        {job.task_name ?? "closure"} <Badge status={job.status} asked={job.cancel_requested_at !== null} />
      </h1>
      <p class="quiet">
        <code>{job.id}</code> <Copy text={job.id} /> {(told === "lost" || told === "refused") && <span role="status">Reconnecting…</span>}
      </p>
      {job.description !== null && <p>{job.description}</p>}
      <div class="buttons">
        {!ended && <Action label="Cancel" act={act("$cancel")} done={refresh} />}
        {(job.status === "failed" || job.status === "canceled") && <Action label="Retry" act={act("$retry")} done={refresh} />}
        {job.task_name !== null && !config.read_only && (
          <To path={`/tasks/${segment(job.task_name)}${query({ from: job.id })}`} class="button">
            Run again…
          </To>
        )}
        <Action
          label="Delete"
          kind="danger"
          confirm={ended ? "Delete this job, its result and its log?" : "Cancel this job and delete it?"}
          act={() => request("DELETE", path)}
          done={() => route(at("/jobs"))}
        />
      </div>
      <Waiting job={job} />
      {job.progress && !ended && <ProgressBar progress={job.progress} />}
      <Facts job={job} />
      <Lineage job={job} path={path} />
      {job.error !== null && (
        <section>
          <h2>Error</h2>
          <FailureView
            error={
              new Map<string, Json>([
                ["message", job.error],
                ["code", job.error_code],
                ["details", (job.error_details ?? null) as Json],
                ["traceback", job.error_traceback],
              ])
            }
          />
        </section>
      )}
      <section>
        <h2>Parameters</h2>
        {job.truncated.includes("params") ? (
          <p class="quiet">This process does not have the task, so it does not know which of them are secret.</p>
        ) : (
          <JsonView value={job.params as unknown as Json} label="Parameters" />
        )}
      </section>
      <Steps job={job} path={path} turn={turnOf(job)} ended={ended} heard={steps} isTold={told === "open"} />
      <Attempts path={path} job={job} />
      {job.status === "completed" && <Result path={path} turn={turnOf(job)} />}
      <Log path={path} ended={ended} turn={turnOf(job)} />
    </>
  );
}

/** Where a person can do something about it. */
const PLACES: Record<string, { path: string; name: string }> = {
  "queue-paused": { path: "/queues", name: "To the queues" },
  "queue-limit": { path: "/queues", name: "To the queues" },
  "no-worker-for-task": { path: "/workers", name: "To the workers" },
  "no-worker-for-queue": { path: "/workers", name: "To the workers" },
  "no-worker-for-both": { path: "/workers", name: "To the workers" },
};

/** Reasons that are about the jobs of its task. */
const OF_TASK: ReadonlySet<string> = new Set(["task-limit", "key-limit"]);

/** Why it does not run, while it is pending. */
function Waiting({ job }: { job: JobRecord }): JSX.Element | null {
  if (job.status !== "pending" || job.pending_reason === null) return null;
  const code = job.pending_code ?? "";
  const running = `/jobs${query({ status: "running", ...(OF_TASK.has(code) ? { task: job.task_name } : { queue: job.queue }) })}`;
  const place = PLACES[code] ?? (OF_TASK.has(code) || code === "workers-busy" || code === "next" ? { path: running, name: "To the jobs that run" } : undefined);
  return (
    <p class="alert note">
      It does not run: {job.pending_reason}. {place && <To path={place.path}>{place.name}</To>}
    </p>
  );
}

function Facts({ job }: { job: JobRecord }): JSX.Element {
  const rows: [string, JSX.Element | string | null][] = [
    ["Submitted", <Time at={job.submitted_at} absolute />],
    ["Scheduled for", job.scheduled_at && <Time at={job.scheduled_at} absolute />],
    ["Started", job.started_at && <Time at={job.started_at} absolute />],
    ["Finished", job.finished_at && <Time at={job.finished_at} absolute />],
    ["Waited", job.started_at && job.attempt === 1 ? <Duration from={job.scheduled_at ?? job.submitted_at} to={job.started_at} /> : null],
    ["Ran for", ranFrom(job) && <Duration from={ranFrom(job)} to={job.finished_at} />],
    ["Next attempt", job.next_attempt_at && <Time at={job.next_attempt_at} absolute />],
    ["Attempt", `${job.attempt} of ${job.max_attempts}`],
    ["Crashes", job.crashes > 0 ? String(job.crashes) : null],
    ["Queue", job.queue],
    ["Priority", String(job.priority)],
    ["Submitted by", job.submitted_by],
    ["Schedule", job.schedule_name && <To path={`/schedules/${segment(job.schedule_name)}`}>{job.schedule_name}</To>],
    ["Artifact", job.artifact_id && <To path={`/artifacts/${job.artifact_id}`}>{job.artifact_id}</To>],
  ];
  return (
    <dl class="facts">
      {rows
        .filter(([, value]) => value !== null)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** The jobs that it comes from, and those that come from it. */
function Lineage({ job, path }: { job: JobRecord; path: string }): JSX.Element | null {
  const live = useLive(`lineage ${path} ${turnOf(job)}`, () => get<JobLineage>(`${path}/$lineage`), LINEAGE_INTERVAL);
  const found = live.data;
  if (found === undefined) return null;
  const links = (ids: readonly string[]): JSX.Element[] =>
    ids.map((id) => (
      <li key={id}>
        <To path={`/jobs/${id}`}>
          <code>{id}</code>
        </To>
      </li>
    ));
  const lists: [string, readonly string[]][] = [
    ["Submitted by the job", found.parent === null ? [] : [found.parent]],
    ["Submitted the jobs", found.children],
    ["Run again as", found.reruns],
  ];
  const shown = lists.filter(([, ids]) => ids.length > 0);
  return (
    <>
      {shown.length + found.graphs.length > 0 && (
        <dl class="facts">
          {found.graphs.length > 0 && (
            <div>
              <dt>Node of the graph</dt>
              <dd>
                <ul class="ids">
                  {found.graphs.map(({ graph_id, node, item }) => (
                    <li key={`${graph_id} ${node} ${item ?? ""}`}>
                      {node}
                      {item !== null && `, item ${item}`} of{" "}
                      <To path={`/graphs/${graph_id}`}>
                        <code>{graph_id}</code>
                      </To>
                    </li>
                  ))}
                </ul>
              </dd>
            </div>
          )}
          {shown.map(([name, ids]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <ul class="ids">{links(ids)}</ul>
              </dd>
            </div>
          ))}
        </dl>
      )}
      {found.rerun_of !== null && <Difference job={job} from={found.rerun_of} />}
    </>
  );
}

function Difference({ job, from }: { job: JobRecord; from: string }): JSX.Element {
  const live = useLive(`job ${from}`, () => get<JobRecord>(`${config.jobs}/${segment(from)}`));
  const now = job.params as unknown as Json;
  return (
    <section>
      <h2>Changed</h2>
      <p>
        It runs <To path={`/jobs/${from}`}>job {from}</To> again.
      </p>
      <Loaded live={live}>
        {(earlier) => {
          if (earlier.truncated.includes("params") || job.truncated.includes("params")) {
            return <p class="quiet">The parameters are not known here.</p>;
          }
          const before = earlier.params as unknown as Json;
          const names = new Set([...(isMembers(before) ? before.keys() : []), ...(isMembers(now) ? now.keys() : [])]);
          const value = (of: Json, name: string): Json | undefined => (isMembers(of) ? of.get(name) : undefined);
          const changed = [...names].filter((name) => !same(value(before, name), value(now, name)));
          if (changed.length === 0) return <p class="quiet">The parameters are the same.</p>;
          const shown = (one: Json | undefined): JSX.Element => (one === undefined ? <span class="quiet">not sent</span> : <code>{compact(one)}</code>);
          return (
            <DataTable label="Changed" columns={["Parameter", "Before", "Now"]}>
              {changed.map((name) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td class="note">{shown(value(before, name))}</td>
                  <td class="note">{shown(value(now, name))}</td>
                </tr>
              ))}
            </DataTable>
          );
        }}
      </Loaded>
    </section>
  );
}

/** How often it was tried, where that is more than once. */
function Attempts({ path, job }: { path: string; job: JobRecord }): JSX.Element | null {
  const live = useLive(`attempts ${path} ${turnOf(job)}`, () => get<JobAttempt[]>(`${path}/$attempts`));
  if (job.attempt + job.crashes === 0) return null;
  return (
    <section>
      <h2>Attempts</h2>
      <Loaded live={live}>
        {(attempts) => (
          <DataTable label="Attempts" columns={["Attempt", "Came to", "Started", "Took", "Worker", "Error"]}>
            {attempts.map((attempt, index) => (
              <tr key={index}>
                <td class="number">{attempt.number}</td>
                <td>
                  <Badge status={attempt.status} />
                </td>
                <td>
                  <Time at={attempt.started_at} absolute />
                </td>
                <td class="number">
                  <Duration from={attempt.started_at} to={attempt.finished_at} />
                </td>
                <td>{attempt.worker ?? "–"}</td>
                <td class="note">
                  {attempt.error_code !== null && <code>{attempt.error_code} </code>}
                  {attempt.error}
                </td>
              </tr>
            ))}
          </DataTable>
        )}
      </Loaded>
    </section>
  );
}

/** Results that are larger are not drawn; they can be downloaded. */
const MAX_SHOWN = 1_000_000;

function Result({ path, turn }: { path: string; turn: string }): JSX.Element {
  const live = useLive(`result ${path} ${turn}`, async () => {
    const response = await fetch(`${config.prefix}${path}/$result`, { credentials: "same-origin" });
    const text = await response.text();
    if (!response.ok) throw new Refused(problemOf(response, path, text));
    if (text.length > MAX_SHOWN) return { size: text.length };
    const envelope = parse(text);
    return { result: isMembers(envelope) ? (envelope.get("result") ?? null) : null };
  });
  return (
    <section>
      <h2>Result</h2>
      <Loaded live={live}>
        {(read) =>
          "result" in read ? (
            <JsonView value={read.result ?? null} label="Result" />
          ) : (
            <p>
              It has {read.size} characters.{" "}
              <a href={`${config.prefix}${path}/$result`} download>
                Download it
              </a>
            </p>
          )
        }
      </Loaded>
    </section>
  );
}

/** How often the log of a job that runs is read, in milliseconds. */
const LOG_INTERVAL = 1000;
/** How many lines the service gives at once. */
const LOG_PAGE = 100;
/** How many lines of a job the service keeps, of all of its attempts together. */
const MAX_LOG_LINES = 1000;

function Log({ path, ended, turn }: { path: string; ended: boolean; turn: string }): JSX.Element | null {
  // Lines do not change: only those after the last one are read.
  const known = useRef<{ path: string; lines: readonly JobLog[] }>({ path, lines: [] });
  const live = useLive(
    `log ${path} ${turn}`,
    async () => {
      if (known.current.path !== path) known.current = { path, lines: [] };
      const log = known.current;
      const last = (): number => log.lines.at(-1)?.number ?? 0;
      for (;;) {
        const read = await get<JobLog[]>(`${path}/$logs${query({ after: last() || "" })}`);
        log.lines = [...log.lines, ...read.filter((line) => line.number > last())];
        if (read.length < LOG_PAGE) return log.lines;
      }
    },
    ended ? 0 : LOG_INTERVAL,
  );
  return (
    <section>
      <h2>Log</h2>
      <Loaded live={live}>
        {(lines) =>
          lines.length === 0 ? (
            <p class="quiet">No line has been written.</p>
          ) : (
            <>
              <ol class="log" tabIndex={0} aria-label="Log">
                {lines.map((line) => (
                  <li key={line.number}>
                    <time class="quiet" dateTime={line.at} title={line.at}>
                      {new Date(line.at).toLocaleTimeString()}
                    </time>{" "}
                    {line.message}
                  </li>
                ))}
              </ol>
              {lines.length >= MAX_LOG_LINES && <p class="quiet">Only the first 1,000 lines are kept.</p>}
            </>
          )
        }
      </Loaded>
    </section>
  );
}
