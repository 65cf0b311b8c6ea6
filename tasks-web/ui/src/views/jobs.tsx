/** Jobs, newest first. */

import type { JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { config } from "../api/config.ts";
import { get, query } from "../api/http.ts";
import type { JobRecord, JobStats, JobStatus } from "../api/schema.d.ts";
import { Badge, Filter, Loaded, NoPage, To, type Unapplied, counted, useParameter, useTold, useUnapplied } from "../parts/basics.tsx";
import { DataTable } from "../parts/data_table.tsx";
import { POLL_INTERVAL, useEvents } from "../parts/events.ts";
import { type Live, useLive } from "../parts/live.ts";
import { toInstant, toLocal } from "../parts/local_time.ts";
import { Duration, Time } from "../parts/time.tsx";
import { Bulk } from "./bulk.tsx";

const STATUSES: JobStatus[] = ["pending", "running", "completed", "failed", "canceled"];
const SIZE = 50;
/** How often a list is read again whose stream is refused, in milliseconds. */
const INTERVAL = 2000;

interface Page {
  items: JobRecord[];
  total: number;
  pages: number;
}

/** A page of the list, and how many jobs there are: as the service tells of it, and where it does not, read now and then. */
function useList(parameters: string): [Live<Page>, JobStats | undefined] {
  const [heard, setHeard] = useState<{ parameters: string; page: Page; at: number }>();
  const [counts, setCounts] = useState<{ stats: JobStats; at: number }>();
  const [every, setEvery] = useState(INTERVAL);
  const read = useLive(`jobs ${parameters}`, () => get<Page>(`${config.jobs}${parameters}`), every);
  const stats = useLive("stats", () => get<JobStats>(`${config.jobs}/$stats`), every);
  const hear = (name: string, data: unknown): void => {
    const at = performance.now();
    if (name === "stats") setCounts({ stats: data as JobStats, at });
    else setHeard({ parameters, page: data as Page, at });
  };
  const told = useEvents(`${config.jobs}/$stream${parameters}`, ["stats"], hear, () => {
    read.refresh();
    stats.refresh();
  });
  useEffect(() => setEvery(told === "open" ? 0 : told === "polled" ? POLL_INTERVAL : INTERVAL), [told]);
  const known = heard !== undefined && heard.parameters === parameters && heard.at >= read.asked ? heard.page : undefined;
  const live = known === undefined ? read : { ...read, data: known, ...(told === "open" ? { error: undefined, status: undefined } : {}) };
  return [live, counts !== undefined && counts.at >= stats.asked ? counts.stats : stats.data];
}

export function Jobs(): JSX.Element {
  const [status, setStatus] = useParameter("status");
  const [task, setTask] = useParameter("task");
  const [queue, setQueue] = useParameter("queue");
  const [errorType] = useParameter("error_type");
  const [code, setCode] = useParameter("error_code");
  const [location] = useParameter("error_location");
  const [withoutNames] = useParameter("without");
  const [tag, setTag] = useParameter("tag");
  const [schedule, setSchedule] = useParameter("schedule");
  const [search, setSearch] = useParameter("search");
  const [after, setAfter] = useParameter("after");
  const [before, setBefore] = useParameter("before");
  const [page, setPage] = useParameter("page");
  const [unapplied, tell] = useUnapplied();
  const without = withoutNames.split(",").filter((name) => (name === "error_code" && code === "") || (name === "error_location" && location === ""));
  const isAlike = errorType + location !== "" || without.length > 0;
  const error = { error_type: errorType, error_code: code, error_location: location };
  const number = Math.max(1, Number.parseInt(page, 10) || 1);
  const wanted = { status_filter: status, task, queue, ...error, tag, schedule, search };
  const times = { submitted_after: toInstant(after), submitted_before: toInstant(before) };
  const parameters = query({ ...wanted, ...times, page: number, size: SIZE }, without);
  const [live, stats] = useList(parameters);
  return (
    <>
      <h1>Jobs</h1>
      <div class="filters">
        <div class="tabs" role="group" aria-label="Status">
          <button type="button" aria-pressed={status === ""} onClick={() => setStatus("")}>
            all
          </button>
          {STATUSES.map((name) => (
            <button type="button" key={name} aria-pressed={status === name} onClick={() => setStatus(name)}>
              {name} {stats && <span class="count">{stats[name]}</span>}
            </button>
          ))}
        </div>
        <Filter label="Task" value={task} set={setTask} unapplied={tell} />
        <Filter label="Queue" value={queue} set={setQueue} unapplied={tell} />
        <Filter label="Code of the error" value={code} set={setCode} unapplied={tell} />
        <Filter label="Tag of the task" value={tag} set={setTag} unapplied={tell} />
        {config.schedules !== null && <Filter label="Schedule" value={schedule} set={setSchedule} unapplied={tell} />}
        <Filter label="Text in parameters or error" value={search} set={setSearch} minLength={3} unapplied={tell} />
        <Moment label="Submitted after" value={after} set={setAfter} unapplied={tell} />
        <Moment label="Submitted before" value={before} set={setBefore} unapplied={tell} />
      </div>
      {isAlike && (
        <p class="quiet">
          {errorType === "" ? "Jobs that failed" : <>Jobs that failed with <code>{errorType}</code></>}
          {location !== "" && <> at <code>{location}</code></>}
          {without.includes("error_code") && ", without a code"}
          {without.includes("error_location") && ", nobody knows where"}.{" "}
          <To path={`/jobs${query({ status, task, queue, error_code: code, tag, schedule, search, after, before })}`}>Whatever the error</To>
        </p>
      )}
      {search + after + before === "" ? (
        <Bulk filter={{ status, task, queue, ...error, tag, schedule, without }} unapplied={unapplied} />
      ) : (
        <p class="quiet">What is done to all jobs at once takes no text and no times: clear those filters first.</p>
      )}
      <Loaded live={live}>
        {(list) =>
          list.total === 0 ? (
            <p class="empty">
              {status + task + queue + code + tag + schedule + search + after + before === "" && !isAlike ? "No job has been submitted yet: run a task as a job." : "No job fits the filter."}
            </p>
          ) : number > list.pages ? (
            <NoPage page={number} pages={list.pages} />
          ) : (
            <>
              <JobTable jobs={list.items} />
              <Pages page={number} pages={list.pages} total={list.total} go={(to) => setPage(String(to))} />
            </>
          )
        }
      </Loaded>
    </>
  );
}

/** A time by the person's own clock; its value is an instant, which is the same for everybody who has the address. */
function Moment({ label, value, set, unapplied }: { label: string; value: string; set: (value: string) => void; unapplied: Unapplied }): JSX.Element {
  const [isPart, setPart] = useState(false);
  const error = useId();
  const field = useRef<HTMLInputElement>(null);
  const local = toLocal(value);
  useTold(label, isPart, unapplied);
  // It is written only when the filter changes, so that a part of a time stays while the list is read again.
  useEffect(() => {
    if (field.current && field.current.value !== local) field.current.value = local;
  }, [local]);
  // Of a part of a time, a browser says only that it is none: the field has no value then, as if it were empty.
  const look = (event: { currentTarget: HTMLInputElement }): void => {
    const { value: entered, validity } = event.currentTarget;
    const instant = toInstant(entered);
    const isTime = !validity.badInput && (entered === "" || instant !== "");
    setPart(!isTime);
    if (isTime && entered !== local) set(instant);
  };
  return (
    <span class="moment">
      <label class="moment">
        {label}{" "}
        <input
          ref={field}
          type="datetime-local"
          max="9999-12-31T23:59"
          aria-invalid={isPart}
          {...(isPart ? { "aria-describedby": error } : {})}
          onKeyUp={look}
          onBlur={look}
          onChange={look}
        />
      </label>
      {isPart && (
        <span id={error} class="problem" role="status">
          Not applied: it is only a part of a time.
        </span>
      )}
    </span>
  );
}

/** When its attempt began; while it waits for another one, nothing runs. */
export const ranFrom = (job: JobRecord): string | null => (job.status === "pending" ? null : job.started_at);

export function JobTable({ jobs }: { jobs: readonly JobRecord[] }): JSX.Element {
  return (
    <DataTable label="Jobs" columns={["Status", "Task", "Submitted", "Took", "Attempt", "Queue", "Note"]}>
      {jobs.map((job) => (
        <tr key={job.id}>
          <td>
            <Badge status={job.status} asked={job.cancel_requested_at !== null} />
          </td>
          <td>
            <To path={`/jobs/${job.id}`} class="title">
              {job.task_name ?? "closure"}
            </To>
          </td>
          <td>
            <Time at={job.submitted_at} />
          </td>
          <td class="number">
            <Duration from={ranFrom(job)} to={job.finished_at} />
          </td>
          <td class="number">
            {job.attempt} of {job.max_attempts}
          </td>
          <td>{job.queue}</td>
          <td class="note">
            <Note job={job} />
          </td>
        </tr>
      ))}
    </DataTable>
  );
}

function Note({ job }: { job: JobRecord }): JSX.Element | null {
  if (job.status === "running" && job.progress) return <ProgressBar progress={job.progress} />;
  const isTimed = job.pending_code === null || job.pending_code === "scheduled" || job.pending_code === "retry";
  if (job.status === "pending" && job.pending_reason !== null && !isTimed) return <span>{job.pending_reason}</span>;
  if (job.status === "pending" && job.next_attempt_at !== null) {
    return (
      <span>
        due <Time at={job.next_attempt_at} />
      </span>
    );
  }
  return job.error === null ? null : <span class="problem">{job.error}</span>;
}

export function ProgressBar({ progress }: { progress: NonNullable<JobRecord["progress"]> }): JSX.Element {
  return (
    <span class="progress">
      {progress.total === null ? (
        <progress aria-label="Progress" />
      ) : (
        <progress aria-label="Progress" max={progress.total} value={progress.current} />
      )}
      <span>
        {progress.current}
        {progress.total !== null && ` of ${progress.total}`} {progress.message}
      </span>
    </span>
  );
}

function Pages({ page, pages, total, go }: { page: number; pages: number; total: number; go: (page: number) => void }): JSX.Element {
  return (
    <nav class="pages" aria-label="Pages">
      <button type="button" disabled={page <= 1} onClick={() => go(page - 1)}>
        Newer
      </button>
      <span>
        page {page} of {Math.max(pages, 1)}, {counted(total, "job")}
      </span>
      <button type="button" disabled={page >= pages} onClick={() => go(page + 1)}>
        Older
      </button>
    </nav>
  );
}
