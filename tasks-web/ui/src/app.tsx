/** The frame of all views: navigation, search, theme, the state of the connection. */

import type { JSX } from "preact";
import { useEffect, useErrorBoundary, useRef } from "preact/hooks";
import { LocationProvider, Route, Router, useLocation } from "preact-iso";
import { at, config } from "./api/config.ts";
import { Palette, openPalette } from "./palette.tsx";
import { Alert, To } from "./parts/basics.tsx";
import { connection, paused } from "./parts/live.ts";
import { nextTheme, theme } from "./parts/theme.ts";
import { Shortcuts, openShortcuts } from "./shortcuts.tsx";
import { Artifact, Artifacts } from "./views/artifacts.tsx";
import { AuditLog } from "./views/audit_log.tsx";
import { Graph } from "./views/graph.tsx";
import { Graphs } from "./views/graphs.tsx";
import { Job } from "./views/job.tsx";
import { Jobs } from "./views/jobs.tsx";
import { Overview } from "./views/overview.tsx";
import { Queues } from "./views/queues.tsx";
import { Schedule, Schedules } from "./views/schedules.tsx";
import { Service } from "./views/service.tsx";
import { Task } from "./views/task.tsx";
import { Tasks } from "./views/tasks.tsx";
import { Workers } from "./views/workers.tsx";

const VIEWS = [
  { path: "", name: "Overview", key: "o", on: config.jobs !== null },
  { path: "/tasks", name: "Tasks", key: "t", on: true },
  { path: "/jobs", name: "Jobs", key: "j", on: config.jobs !== null },
  { path: "/graphs", name: "Graphs", key: "g", on: config.graphs !== null },
  { path: "/queues", name: "Queues", key: "q", on: config.jobs !== null },
  { path: "/workers", name: "Workers", key: "w", on: config.jobs !== null },
  { path: "/schedules", name: "Schedules", key: "s", on: config.schedules !== null },
  { path: "/artifacts", name: "Artifacts", key: "a", on: config.artifacts !== null },
  { path: "/audit-log", name: "Audit log", key: "l", on: config.audit_log !== null },
  { path: "/service", name: "Service", key: "v", on: true },
].filter((view) => view.on);

/** Whether a view, or a part of it, is at a path. */
const isAt = (path: string, view: string): boolean => (view === "" ? path.replace(/\/$/, "") === at("") : path.startsWith(at(view)));

/** Links that are views: others are the browser's. */
const SCOPE = new RegExp(`^${at("").replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?:[/?#]|$)`);

export function App(): JSX.Element {
  return (
    <LocationProvider scope={SCOPE}>
      <a class="skip" href="#main">
        To the content
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        <Views />
      </main>
      <Palette views={VIEWS} />
      <Shortcuts views={VIEWS} />
    </LocationProvider>
  );
}

function Header(): JSX.Element {
  const { path } = useLocation();
  return (
    <header>
      <To path="" class="brand">
        {config.title}
      </To>
      <nav aria-label="Views">
        {VIEWS.map((view) => (
          <a href={at(view.path)} key={view.path} {...(isAt(path, view.path) ? { "aria-current": "page" as const } : {})}>
            {view.name}
          </a>
        ))}
      </nav>
      <div class="tools">
        {connection.value === "offline" && (
          <span class="badge failed" role="status">
            no answer
          </span>
        )}
        <button type="button" class="plain" aria-pressed={paused.value} title="Whether lists are kept fresh" onClick={() => (paused.value = !paused.value)}>
          {paused.value ? "Paused" : "Live"}
        </button>
        <button type="button" class="plain" onClick={openPalette}>
          Find <kbd>Ctrl K</kbd>
        </button>
        <button type="button" class="plain" aria-label="Keys" title="Keys" onClick={openShortcuts}>
          <kbd>?</kbd>
        </button>
        <button type="button" class="plain" onClick={nextTheme}>
          {`Theme: ${theme.value}`}
        </button>
        {config.key !== null && (
          <form method="post" action={`${config.prefix}/$logout`}>
            <button type="submit" class="plain">
              Log out
            </button>
          </form>
        )}
      </div>
    </header>
  );
}

/** A path as people read it; nothing for one that is not encoded as it should be. */
function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function Views(): JSX.Element {
  const { path } = useLocation();
  const [broken, recover] = useErrorBoundary((error) => console.error(error));
  const first = useRef(true);
  useEffect(() => {
    recover();
    const shown = path.slice(at("").length + 1);
    const name = decoded(shown) ?? shown;
    document.title = `${name === "" ? "Overview" : name} · ${config.title}`;
    if (!first.current) document.getElementById("main")?.focus({ preventScroll: true });
    first.current = false;
  }, [path]);
  if (broken !== undefined) return <Alert>This cannot be shown: {broken instanceof Error ? broken.message : String(broken)}</Alert>;
  // The router fails at such a path.
  if (decoded(path) === undefined) return <Missing />;
  return (
    <Router>
      <Route path={at("")} component={config.jobs === null ? Home : Overview} />
      <Route path={at("/tasks")} component={Tasks} />
      <Route path={at("/tasks/:name")} component={Task} />
      <Route path={at("/jobs")} component={Jobs} />
      <Route path={at("/jobs/:id")} component={Job} />
      <Route path={at("/graphs")} component={Graphs} />
      <Route path={at("/graphs/:id")} component={Graph} />
      <Route path={at("/queues")} component={Queues} />
      <Route path={at("/workers")} component={Workers} />
      <Route path={at("/schedules")} component={Schedules} />
      <Route path={at("/schedules/:name")} component={Schedule} />
      <Route path={at("/artifacts")} component={Artifacts} />
      <Route path={at("/artifacts/:id")} component={Artifact} />
      <Route path={at("/audit-log")} component={AuditLog} />
      <Route path={at("/service")} component={Service} />
      <Route default component={Missing} />
    </Router>
  );
}

function Home(): null {
  const { route } = useLocation();
  useEffect(() => route(at("/tasks"), true), []);
  return null;
}

const Missing = (): JSX.Element => (
  <>
    <h1>There is nothing here</h1>
    <p>
      <To path="/tasks">To the tasks</To>
    </p>
  </>
);
