/** How the service does: what jobs came to lately, how long they took, what fails. */

import type { ComponentChildren, JSX } from "preact";
import { config } from "../api/config.ts";
import { get, query } from "../api/http.ts";
import type { JobFailureGroup, JobFailures, JobHistory, JobHistoryPoint, JobLatency, JobStats, WorkerRecord } from "../api/schema.d.ts";
import { Alert, Loaded, To, counted, useParameter } from "../parts/basics.tsx";
import { bars, ceiling, line } from "../parts/chart.ts";
import { now } from "../parts/clock.ts";
import { DataTable } from "../parts/data_table.tsx";
import { type Live, useLive } from "../parts/live.ts";
import { Time, milliseconds } from "../parts/time.tsx";

/** How often figures are read again, in milliseconds. */
const INTERVAL = 10_000;
/** How often it is read again how many jobs wait and run. */
const NOW_INTERVAL = 2000;

const SPANS = [
  { name: "hour", hours: 1 },
  { name: "day", hours: 24 },
  { name: "week", hours: 168 },
];

/** What a job ends as, from the bottom of a bar on. */
const OUTCOMES = ["completed", "canceled", "failed"] as const;

const WIDTH = 720;
const HEIGHT = 160;

/** When the last hours begin. */
const since = (hours: number): string => new Date(now() - hours * 3_600_000).toISOString();

export function Overview(): JSX.Element {
  const [chosen, setSpan] = useParameter("span");
  const span = SPANS.find((one) => one.name === chosen) ?? { name: "hour", hours: 1 };
  const history = useLive(`history ${span.name}`, () => get<JobHistory>(`${config.jobs}/$history${query({ from: since(span.hours) })}`), INTERVAL);
  const failures = useLive(`failures ${span.name}`, () => get<JobFailures>(`${config.jobs}/$failures${query({ from: since(span.hours) })}`), INTERVAL);
  return (
    <>
      <h1>Overview</h1>
      <Now />
      <div class="filters">
        <div class="tabs" role="group" aria-label="Span of time">
          {SPANS.map(({ name }) => (
            <button type="button" key={name} aria-pressed={span.name === name} onClick={() => setSpan(name === "hour" ? "" : name)}>
              last {name}
            </button>
          ))}
        </div>
      </div>
      <Loaded live={history}>{(found) => <History history={found} span={span.name} />}</Loaded>
      <h2>Failures</h2>
      <Loaded live={failures}>{(found) => <Failures found={found} span={span.name} />}</Loaded>
    </>
  );
}

/** Whether a key may not see something, because it is not about its tasks alone. */
const isHidden = <T,>(live: Live<T>): boolean => live.status === 403;

function Now(): JSX.Element | null {
  const stats = useLive("stats", () => get<JobStats>(`${config.jobs}/$stats`), NOW_INTERVAL);
  const workers = useLive("workers", () => get<WorkerRecord[]>(`${config.jobs}/$workers`), INTERVAL);
  if (isHidden(stats) && isHidden(workers)) return null;
  return (
    <>
      {workers.data?.length === 0 && <Alert kind="note">No process runs jobs: those that are submitted wait.</Alert>}
      <dl class="facts">
        <Fact name="Running now">{stats.data === undefined ? "–" : <To path="/jobs?status=running">{stats.data.running}</To>}</Fact>
        <Fact name="Pending now">{stats.data === undefined ? "–" : <To path="/jobs?status=pending">{stats.data.pending}</To>}</Fact>
        <Fact name="Workers alive">{workers.data === undefined ? "–" : <To path="/workers">{workers.data.length}</To>}</Fact>
      </dl>
    </>
  );
}

const Fact = ({ name, children }: { name: string; children: ComponentChildren }): JSX.Element => (
  <div>
    <dt>{name}</dt>
    <dd class="figure">{children}</dd>
  </div>
);

function History({ history, span }: { history: JobHistory; span: string }): JSX.Element {
  const { total, points } = history;
  const ended = total.completed + total.failed + total.canceled;
  if (ended + total.submitted + total.retried + total.crashed === 0) {
    return <p class="empty">No job was submitted or has ended in the last {span}.</p>;
  }
  return (
    <>
      <dl class="facts">
        <Fact name="Submitted">{total.submitted}</Fact>
        <Fact name="Completed">{total.completed}</Fact>
        <Fact name="Failed">{total.failed}</Fact>
        <Fact name="Canceled">{total.canceled}</Fact>
        <Fact name="Attempts retried">{total.retried}</Fact>
        <Fact name="Crashes">{total.crashed}</Fact>
      </dl>
      <h2>Jobs per minute</h2>
      <Outcomes history={history} />
      <div class="pair">
        <Latency name="Run time" points={points} total={total.run} of={(point) => point.run} history={history} />
        <Latency name="Waiting time" points={points} total={total.wait} of={(point) => point.wait} history={history} />
      </div>
      <details class="options">
        <summary>These figures as a table</summary>
        <Figures history={history} />
      </details>
    </>
  );
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** A time on an axis, by the clock of the person. */
function tick(at: string, history: JobHistory): string {
  const isLong = new Date(history.to).getTime() - new Date(history.from).getTime() > 90_000_000;
  return (isLong ? DAY : CLOCK).format(new Date(at));
}

function Axis({ history }: { history: JobHistory }): JSX.Element {
  return (
    <div class="axis" aria-hidden="true">
      <span>{tick(history.from, history)}</span>
      <span>{tick(history.to, history)}</span>
    </div>
  );
}

function Outcomes({ history }: { history: JobHistory }): JSX.Element {
  const minutes = history.step / 60;
  const rates = history.points.map((point) => Object.fromEntries(OUTCOMES.map((name) => [name, point[name] / minutes])));
  const highest = Math.max(0, ...rates.map((rate) => OUTCOMES.reduce((sum, name) => sum + (rate[name] ?? 0), 0)));
  const top = ceiling(highest);
  const said = OUTCOMES.map((name) => `${history.total[name]} ${name}`).join(", ");
  return (
    <figure class="chart">
      <figcaption>
        {OUTCOMES.map((name) => (
          <span key={name} class={`key ${name}`}>
            {name}
          </span>
        ))}
        <span class="quiet">up to {top} per minute</span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`Jobs that ended: ${said}, at most ${highest.toFixed(1)} in a minute`}>
        {bars(rates, OUTCOMES, top, WIDTH, HEIGHT).map((bar, index) => (
          <g key={index}>
            {bar.segments.map((segment) => (
              <rect key={segment.name} class={segment.name} x={bar.x} width={bar.width} y={segment.y} height={segment.height} />
            ))}
          </g>
        ))}
      </svg>
      <Axis history={history} />
    </figure>
  );
}

const seconds = (value: number | null): string => (value === null ? "–" : milliseconds(value * 1000));

interface LatencyProps {
  name: string;
  points: readonly JobHistoryPoint[];
  total: JobLatency;
  of: (point: JobHistoryPoint) => JobLatency;
  history: JobHistory;
}

function Latency({ name, points, total, of, history }: LatencyProps): JSX.Element {
  const [p50, p95] = [points.map((point) => of(point).p50), points.map((point) => of(point).p95)];
  const top = ceiling(Math.max(0, ...p95.map((value) => value ?? 0)));
  return (
    <section>
      <h2>{name}</h2>
      <figure class="chart">
        <figcaption>
          <span class="key p50">half within {seconds(total.p50)}</span>
          <span class="key p95">95 of 100 within {seconds(total.p95)}</span>
          <span class="quiet">up to {seconds(top)}</span>
        </figcaption>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${name}: half within ${seconds(total.p50)}, 95 of 100 within ${seconds(total.p95)}`}>
          <path class="p95" d={line(p95, top, WIDTH, HEIGHT)} />
          <path class="p50" d={line(p50, top, WIDTH, HEIGHT)} />
        </svg>
        <Axis history={history} />
      </figure>
    </section>
  );
}

const FIGURES = ["From", "Submitted", "Completed", "Failed", "Canceled", "Retried", "Crashed", "Run, half", "Run, 95 of 100", "Wait, half", "Wait, 95 of 100"];

function Figures({ history }: { history: JobHistory }): JSX.Element {
  const rows = history.points.filter((point) => point.submitted + point.completed + point.failed + point.canceled + point.retried + point.crashed > 0);
  return (
    <DataTable label="Figures" columns={FIGURES}>
      {rows.map((point) => (
        <tr key={point.at}>
          <th scope="row">
            <Time at={point.at} absolute />
          </th>
          {[
            point.submitted,
            point.completed,
            point.failed,
            point.canceled,
            point.retried,
            point.crashed,
            seconds(point.run.p50),
            seconds(point.run.p95),
            seconds(point.wait.p50),
            seconds(point.wait.p95),
          ].map((value, index) => (
            <td class="number" key={index}>
              {value}
            </td>
          ))}
        </tr>
      ))}
    </DataTable>
  );
}

/** The list of the jobs that failed so. */
function jobsOf(group: JobFailureGroup): string {
  const { task_name: task, error_type, error_code, error_location } = group;
  const error = { error_code, error_location };
  const without = Object.entries(error).filter(([, value]) => value === null);
  return `/jobs${query({ status: "failed", task, error_type, ...error, without: without.map(([name]) => name).join(",") })}`;
}

function Failures({ found, span }: { found: JobFailures; span: string }): JSX.Element {
  if (found.groups.length === 0) return <p class="empty">Nothing has failed in the last {span}.</p>;
  return (
    <>
      <DataTable label="Failures" columns={["Task", "Error", "Attempts", "Failed jobs", "First", "Latest"]}>
        {found.groups.map((group) => (
          <tr key={`${group.task_name} ${group.error_type} ${group.error_code} ${group.error_location}`}>
            <td>
              <To path={jobsOf(group)} class="title">
                {group.task_name ?? "closure"}
              </To>
            </td>
            <td class="note">
              {group.error_code !== null && <code>{group.error_code} </code>}
              <span class="problem">{group.error.slice(0, 300)}</span>
              {group.error_location !== null && (
                <div>
                  <code class="quiet">{group.error_location}</code>
                </div>
              )}
            </td>
            <td class="number">{group.attempts}</td>
            <td class="number" title={`Such attempts had ${counted(group.jobs, "job")}, of which ${group.failed_jobs} failed for good.`}>
              {group.failed_jobs} of {group.jobs}
            </td>
            <td>
              <Time at={group.first_at} />
            </td>
            <td>
              <To path={`/jobs/${group.job_id}`}>
                <Time at={group.last_at} />
              </To>
            </td>
          </tr>
        ))}
      </DataTable>
      {found.left_out > 0 && (
        <p class="quiet">{found.left_out === 1 ? "1 more kind of failure is not shown." : `${found.left_out} more kinds of failures are not shown.`}</p>
      )}
      <p class="quiet">
        Since <Time at={found.from} absolute />
      </p>
    </>
  );
}
