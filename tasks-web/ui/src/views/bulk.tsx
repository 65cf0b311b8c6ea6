/** What is done to all jobs that fit a filter: asked for here, done by the service, and undone within a while. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { config } from "../api/config.ts";
import { get, messageOf, segment, send } from "../api/http.ts";
import type { JobCount, JobOperation } from "../api/schema.d.ts";
import type { Json, Members } from "../json/value.ts";
import { Action, Alert, counted } from "../parts/basics.tsx";
import { useLive } from "../parts/live.ts";

/** How often operations are looked at while one is open, and while none is, in milliseconds. */
const OPEN_INTERVAL = 1000;
const INTERVAL = 10_000;

const isOpen = (one: JobOperation): boolean => one.state === "waiting" || one.state === "running";

export interface JobFilter {
  status: string;
  task: string;
  queue: string;
  error_type: string;
  error_code: string;
  error_location: string;
  tag: string;
  schedule: string;
  /** What counts although it is empty. */
  without: readonly string[];
}

type Verb = JobOperation["action"];

const VERBS: { action: Verb; label: string; past: string; statuses: string[] }[] = [
  { action: "cancel", label: "Cancel", past: "canceled", statuses: ["", "pending", "running"] },
  { action: "retry", label: "Retry", past: "queued again", statuses: ["failed", "canceled"] },
  { action: "delete", label: "Delete", past: "deleted", statuses: ["", "pending", "running", "completed", "failed", "canceled"] },
];

const verb = (action: Verb): (typeof VERBS)[number] | undefined => VERBS.find((one) => one.action === action);
const jobs = (count: number, more: boolean): string => more ? `more than ${count} jobs` : counted(count, "job");

function body(action: Verb, filter: JobFilter): Members {
  const { without, ...members } = filter;
  const wanted: Members = new Map(Object.entries(members).filter(([name, value]) => value !== "" || without.includes(name)) as [string, Json][]);
  return new Map<string, Json>([
    ["action", action],
    ["filter", wanted],
  ]);
}

/** The buttons, and the question that each asks first. Where some fields do not count yet, it is not sure which jobs a person means. */
export function Bulk({ filter, unapplied }: { filter: JobFilter; unapplied: readonly string[] }): JSX.Element | null {
  const [asked, setAsked] = useState<{ action: Verb; count: JobCount }>();
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const live = useLive("operations", () => get<JobOperation[]>(`${config.jobs}/$operations`), busy ? OPEN_INTERVAL : INTERVAL);
  useEffect(() => setBusy((live.data ?? []).some(isOpen)), [live.data]);
  const [started, setStarted] = useState<readonly string[]>([]);
  const key = JSON.stringify(filter);
  const [askedFor, setAskedFor] = useState(key);
  const isUnsure = unapplied.length > 0;
  // Another filter is another question.
  const question = askedFor === key && !isUnsure ? asked : undefined;
  const ask = async (action: Verb): Promise<void> => {
    setError(undefined);
    try {
      const count = await send<JobCount>("POST", `${config.jobs}/$bulk/$count`, body(action, filter));
      setAskedFor(key);
      setAsked({ action, count });
    } catch (failed) {
      setError(messageOf(failed));
    }
  };
  const start = async (action: Verb): Promise<void> => {
    const operation = await send<JobOperation>("POST", `${config.jobs}/$bulk`, body(action, filter));
    setStarted((before) => [...before, operation.id]);
    setAsked(undefined);
    live.refresh();
  };
  const shown = (live.data ?? []).filter((one) => isOpen(one) || started.includes(one.id));
  return (
    <>
      {!config.read_only && (
        <div class="buttons" role="group" aria-label="All jobs that fit the filter">
          {VERBS.filter((one) => one.statuses.includes(filter.status)).map((one) => (
            <button
              type="button"
              key={one.action}
              class={one.action === "delete" ? "danger" : ""}
              disabled={isUnsure}
              {...(isUnsure ? { "aria-describedby": "bulk-unsure" } : {})}
              onClick={() => void ask(one.action)}
            >
              {one.label} all…
            </button>
          ))}
          {isUnsure && (
            <span id="bulk-unsure" class="quiet" role="status">
              Not applied yet: {unapplied.join(", ")}. Press Enter in that field, or clear it.
            </span>
          )}
        </div>
      )}
      {error !== undefined && <Alert>{error}</Alert>}
      {question !== undefined &&
        (question.count.jobs === 0 ? (
          <Alert kind="note">No job that fits the filter can be {verb(question.action)?.past}.</Alert>
        ) : (
          <Alert kind="note">
            <p>
              {verb(question.action)?.label} {jobs(question.count.jobs, question.count.more)} that fit the filter? It begins after 10 seconds, until when it can be undone.
            </p>
            <div class="buttons">
              <Action label={`${verb(question.action)?.label} them`} kind="danger" act={() => start(question.action)} />
              <button type="button" class="plain" onClick={() => setAsked(undefined)}>
                Leave them
              </button>
            </div>
          </Alert>
        ))}
      {shown.map((operation) => (
        <Bar
          key={operation.id}
          operation={operation}
          changed={live.refresh}
          dismiss={() => setStarted((before) => before.filter((id) => id !== operation.id))}
        />
      ))}
    </>
  );
}

/** How far an operation is. */
function Bar({ operation, changed, dismiss }: { operation: JobOperation; changed: () => void; dismiss: () => void }): JSX.Element {
  const past = verb(operation.action)?.past ?? operation.action;
  const cancel = (): Promise<unknown> => send<JobOperation>("POST", `${config.jobs}/$operations/${segment(operation.id)}/$cancel`);
  const by = operation.requested_by === null ? "" : ` It was asked for by ${operation.requested_by}.`;
  const all = jobs(operation.total, operation.more);
  const isOver = operation.state === "done" || operation.state === "canceled";
  return (
    <Alert kind="note">
      <p>
        {operation.state === "waiting" && `${all} will be ${past} soon.${by}`}
        {operation.state === "running" && `${operation.done} of ${all} ${past}.${by}`}
        {operation.state === "done" && `${jobs(operation.done, false)} ${past}.${operation.passed_over > 0 ? ` ${operation.passed_over} could not be.` : ""}`}
        {operation.state === "canceled" && (operation.done === 0 ? "Undone: no job was changed." : `Stopped: ${jobs(operation.done, false)} ${past} before.`)}
      </p>
      {isOver ? (
        <button type="button" class="plain" onClick={dismiss}>
          Close
        </button>
      ) : (
        <Action label={operation.state === "waiting" ? "Undo" : "Stop"} act={cancel} done={changed} />
      )}
    </Alert>
  );
}
