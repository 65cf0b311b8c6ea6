/** What the service says of itself in the page: where its endpoints are, as the browser reaches them. */

export interface Config {
  title: string;
  version: string;
  /** Before every path: of a proxy that serves the service below a path. */
  prefix: string;
  /** The path of the dashboard itself. */
  dashboard: string;
  tasks: string;
  jobs: string | null;
  schedules: string | null;
  graphs: string | null;
  artifacts: string | null;
  audit_log: string | null;
  keys: string | null;
  health: string | null;
  system: string | null;
  docs: string | null;
  /** The name of the key that a person has logged in with. */
  key: string | null;
  /** Whether the key may only look. */
  read_only: boolean;
}

const written = document.querySelector<HTMLMetaElement>('meta[name="tasks-dashboard"]')?.content ?? "";

export const config: Config = JSON.parse(written) as Config;

/** The path of a view. */
export const at = (path: string): string => config.prefix + config.dashboard + path;
