/** Schedules: what runs when. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { at, config } from "../api/config.ts";
import { Refused, get, messageOf, query, request, segment, send } from "../api/http.ts";
import type { JobRecord, ScheduleRecord } from "../api/schema.d.ts";
import { JsonError, parse } from "../json/parse.ts";
import { type Json, type Members, isMembers } from "../json/value.ts";
import { compact } from "../json/write.ts";
import { Action, Alert, Loaded, To } from "../parts/basics.tsx";
import { DataTable } from "../parts/data_table.tsx";
import { JsonView } from "../parts/json_view.tsx";
import { useLive } from "../parts/live.ts";
import { Time } from "../parts/time.tsx";
import { changesOf } from "./schedule_changes.ts";

const INTERVAL = 5000;

/** When it runs, as it was declared. */
export function when(schedule: ScheduleRecord): string {
  if (schedule.cron !== null) return `${schedule.cron} (${schedule.timezone})`;
  if (schedule.interval !== null) return `every ${schedule.interval} s`;
  return schedule.run_at === null ? "never" : "once";
}

/** In words where there are some, with the pattern if there is one, and what was declared on hover. */
const When = ({ schedule }: { schedule: ScheduleRecord }): JSX.Element =>
  schedule.recurrence === null ? (
    <code>{when(schedule)}</code>
  ) : (
    <>
      <span title={when(schedule)}>{schedule.recurrence}</span> {schedule.cron !== null && <code class="quiet">{schedule.cron}</code>}
    </>
  );

export function Schedules(): JSX.Element {
  const live = useLive("schedules", () => get<ScheduleRecord[]>(config.schedules ?? ""), INTERVAL);
  return (
    <>
      <h1>Schedules</h1>
      <Loaded live={live}>
        {(schedules) => (
          <>
            {schedules.length === 0 ? (
              <p class="empty">There is no schedule yet.</p>
            ) : (
              <DataTable label="Schedules" columns={["Name", "Task", "When", "Next run", "Last run", "State"]}>
                {schedules.map((schedule) => (
                  <tr key={schedule.name}>
                    <td>
                      <To path={`/schedules/${segment(schedule.name)}`} class="title">
                        {schedule.name}
                      </To>
                    </td>
                    <td>
                      <To path={`/tasks/${segment(schedule.task_name)}`}>{schedule.task_name}</To>
                    </td>
                    <td>
                      <When schedule={schedule} />
                    </td>
                    <td>{schedule.paused ? "–" : <Time at={schedule.next_runs[0]} />}</td>
                    <td>
                      <Time at={schedule.last_run_at} />
                    </td>
                    <td>{schedule.paused ? <span class="badge canceled">paused</span> : <span class="badge completed">active</span>}</td>
                  </tr>
                ))}
              </DataTable>
            )}
            {!config.read_only && (
              <details class="options">
                <summary>New schedule</summary>
                <Editor changed={live.refresh} />
              </details>
            )}
          </>
        )}
      </Loaded>
    </>
  );
}

export function Schedule({ name }: { name: string }): JSX.Element {
  const path = `${config.schedules}/${segment(name)}`;
  const live = useLive(`schedule ${name}`, () => get<ScheduleRecord>(path), INTERVAL);
  const { route } = useLocation();
  const act = (verb: string): (() => Promise<unknown>) => () => send<ScheduleRecord>("POST", `${path}/${verb}`);
  return (
    <>
      <p class="crumbs">
        <To path="/schedules">Schedules</To>
      </p>
      <Loaded live={live}>
        {(schedule) => (
          <>
            <h1>
              {schedule.name} {schedule.paused && <span class="badge canceled">paused</span>}
            </h1>
            {schedule.description !== null && <p>{schedule.description}</p>}
            <div class="buttons">
              <Action
                label="Run now"
                act={async () => {
                  const job = await send<JobRecord>("POST", `${path}/$run`);
                  route(at(`/jobs/${job.id}`));
                }}
              />
              {schedule.paused ? (
                <Action label="Resume" act={act("$resume")} done={live.refresh} />
              ) : (
                <Action label="Pause" act={act("$pause")} done={live.refresh} />
              )}
              <Action
                label="Delete"
                kind="danger"
                confirm={`Delete the schedule ${schedule.name}? Its jobs stay.`}
                act={() => request("DELETE", path)}
                done={() => route(at("/schedules"))}
              />
            </div>
            {schedule.declared_by !== null && (
              <Alert kind="note">It is declared in the code of {schedule.declared_by}, which stores it again at each start.</Alert>
            )}
            {schedule.pending_reason !== null && <Alert kind="note">Its jobs do not run: {schedule.pending_reason}.</Alert>}
            <dl class="facts">
              <div>
                <dt>Task</dt>
                <dd>
                  <To path={`/tasks/${segment(schedule.task_name)}`}>{schedule.task_name}</To>
                </dd>
              </div>
              <div>
                <dt>When</dt>
                <dd>
                  <When schedule={schedule} />
                </dd>
              </div>
              <div>
                <dt>Last run</dt>
                <dd>
                  {schedule.last_job_id === null ? "–" : <To path={`/jobs/${schedule.last_job_id}`}><Time at={schedule.last_run_at} /></To>}
                </dd>
              </div>
            </dl>
            <h2>Next runs</h2>
            {schedule.paused || schedule.next_runs.length === 0 ? (
              <p class="quiet">None.</p>
            ) : (
              <ol>
                {schedule.next_runs.map((run) => (
                  <li key={run}>
                    <Time at={run} absolute /> (<Time at={run} />)
                  </li>
                ))}
              </ol>
            )}
            <h2>Parameters</h2>
            {schedule.truncated.includes("params") ? (
              <p class="quiet">This process does not have the task, so it does not know which of its parameters are secret.</p>
            ) : (
              <JsonView value={schedule.params as unknown as Json} label="Parameters" />
            )}
            <p>
              <To path={`/jobs${query({ schedule: schedule.name })}`}>Jobs of this schedule</To> ·{" "}
              <To path={`/jobs${query({ task: schedule.task_name })}`}>Jobs of its task</To>
            </p>
            {!config.read_only && (
              <details class="options">
                <summary>Change</summary>
                <Editor schedule={schedule} changed={live.refresh} />
              </details>
            )}
          </>
        )}
      </Loaded>
    </>
  );
}

const kindOf = (one: ScheduleRecord): "cron" | "interval" | "run_at" => (one.cron !== null ? "cron" : one.interval !== null ? "interval" : "run_at");

interface Entered {
  name: string;
  task: string;
  kind: string;
  pattern: string;
  timezone: string;
  description: string;
  params: string;
}

/** What the form has at first. */
const entriesOf = (schedule: ScheduleRecord | undefined): Entered => ({
  name: schedule?.name ?? "",
  task: schedule?.task_name ?? "",
  kind: schedule ? kindOf(schedule) : "cron",
  pattern: schedule ? String(schedule[kindOf(schedule)] ?? "") : "",
  timezone: schedule?.timezone ?? "UTC",
  description: schedule?.description ?? "",
  params: schedule ? "" : "{}",
});

/** Stores a schedule. Without one it is a new one. */
function Editor({ schedule, changed }: { schedule?: ScheduleRecord; changed: () => void }): JSX.Element {
  // What the form was loaded with: it is stored only if nobody has changed that meanwhile.
  const [loaded, setLoaded] = useState(schedule);
  const [entered, setEntered] = useState(() => entriesOf(schedule));
  const [isTouched, setTouched] = useState(false);
  const [newer, setNewer] = useState<ScheduleRecord>();
  const [error, setError] = useState<unknown>();
  const [stored, setStored] = useState(false);
  const { name, task, kind, pattern, timezone, description, params } = entered;
  const load = (record: ScheduleRecord): void => {
    setLoaded(record);
    setEntered(entriesOf(record));
    setTouched(false);
    setNewer(undefined);
    setError(undefined);
  };
  useEffect(() => {
    if (schedule && loaded && !isTouched && changesOf(loaded, schedule).length > 0) load(schedule);
  }, [schedule]);
  const enter =
    (member: keyof Entered) =>
    (value: string): void => {
      setTouched(true);
      setStored(false);
      setEntered((before) => ({ ...before, [member]: value }));
    };
  const bodyOf = (): Members => {
    const body: Members = new Map();
    body.set("task_name", task);
    const before = loaded?.params as unknown as Json;
    const isHidden = loaded !== undefined && (loaded.truncated.includes("params") || compact(before).includes('"***"'));
    if (params.trim() === "" && isHidden) throw new Error("some of the parameters are not known here: enter all of them");
    const sent = params.trim() === "" ? before : parse(params);
    if (!isMembers(sent)) throw new JsonError("parameters are an object: `{…}`", params, 0);
    body.set("params", sent);
    const at = pattern.trim();
    // A number without a unit is one of seconds.
    body.set(kind, kind === "interval" && /^\d+$/.test(at) ? parse(String(BigInt(at))) : at);
    if (kind === "cron") body.set("timezone", timezone);
    if (description !== "") body.set("description", description);
    if (loaded) {
      for (const member of ["queue", "priority", "max_attempts", "timeout"] as const) {
        const value = loaded[member];
        if (value !== null) body.set(member, parse(JSON.stringify(value)));
      }
      body.set("paused", loaded.paused);
      // The service refuses that for another schedule of this name.
      body.set("created_at", loaded.created_at);
    }
    return body;
  };
  const store = async (): Promise<void> => {
    setError(undefined);
    setNewer(undefined);
    setStored(false);
    const path = `${config.schedules}/${segment(name)}`;
    try {
      const body = bodyOf();
      if (loaded) {
        const now = await get<ScheduleRecord>(path);
        if (changesOf(loaded, now).length > 0) {
          setNewer(now);
          return;
        }
      }
      const record = await send<ScheduleRecord>("PUT", path, body, loaded ? {} : { "if-none-match": "*" });
      if (loaded) load(record);
      setStored(true);
      changed();
    } catch (failure) {
      setError(failure);
    }
  };
  const field = (label: string, value: string, set: (value: string) => void, placeholder = "", disabled = false): JSX.Element => (
    <label class="option">
      <span class="label">{label}</span>
      <input type="text" value={value} placeholder={placeholder} disabled={disabled} onInput={(event) => set(event.currentTarget.value)} />
    </label>
  );
  return (
    <form
      class="run"
      onSubmit={(event) => {
        event.preventDefault();
        void store();
      }}
    >
      <div class="row">
        {field("Name", name, enter("name"), "nightly-report", schedule !== undefined)}
        {field("Task", task, enter("task"), "report")}
        <label class="option">
          <span class="label">Runs</span>
          <select value={kind} onChange={(event) => enter("kind")(event.currentTarget.value)}>
            <option value="cron">by a cron pattern</option>
            <option value="interval">at an interval</option>
            <option value="run_at">once</option>
          </select>
        </label>
        {field(
          kind === "cron" ? "Pattern" : kind === "interval" ? "Interval" : "At",
          pattern,
          enter("pattern"),
          kind === "cron" ? "30 2 * * *" : kind === "interval" ? "15m" : "2026-12-24T18:00:00Z",
        )}
        {kind === "cron" && field("Time zone", timezone, enter("timezone"))}
        {field("Description", description, enter("description"))}
      </div>
      <label class="option">
        <span class="label">Parameters (JSON){schedule && "; empty keeps them"}</span>
        <textarea class="code" rows={4} spellcheck={false} value={params} onInput={(event) => enter("params")(event.currentTarget.value)} />
      </label>
      {newer !== undefined && loaded !== undefined && (
        <Alert>
          <p>Nothing was stored, since this schedule was changed meanwhile: {changesOf(loaded, newer).join(", ")}.</p>
          <button type="button" onClick={() => load(newer)}>
            Load it anew
          </button>{" "}
          <span class="quiet">What was typed here is lost then.</span>
        </Alert>
      )}
      {error !== undefined && (
        <Alert>
          <p>{messageOf(error)}</p>
          <ul>
            {(error instanceof Refused ? (error.problem.errors ?? []) : []).map((one) => (
              <li key={one.pointer + one.detail}>
                <code>{one.pointer}</code> {one.detail}
              </li>
            ))}
          </ul>
        </Alert>
      )}
      {stored && <Alert kind="note">It is stored.</Alert>}
      <div class="buttons">
        <button type="submit" class="primary">
          {schedule ? "Store" : "Create"}
        </button>
      </div>
    </form>
  );
}
