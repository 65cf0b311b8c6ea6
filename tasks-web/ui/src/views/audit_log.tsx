/** Who has changed what. */

import type { JSX } from "preact";
import { config } from "../api/config.ts";
import { get, query } from "../api/http.ts";
import type { AuditEntry } from "../api/schema.d.ts";
import { Filter, Loaded, To, useParameter } from "../parts/basics.tsx";
import { DataTable } from "../parts/data_table.tsx";
import { useLive } from "../parts/live.ts";
import { Time } from "../parts/time.tsx";

/** How many entries the service gives at once. */
const SIZE = 100;
const INTERVAL = 10_000;

export function AuditLog(): JSX.Element {
  const [key, setKey] = useParameter("key");
  const [operation, setOperation] = useParameter("operation");
  // Where the page begins: the id of the entry before it.
  const [before, setBefore] = useParameter("page");
  const parameters = query({ key, operation, before });
  const live = useLive(`audit ${parameters}`, () => get<AuditEntry[]>(`${config.audit_log}${parameters}`), before === "" ? INTERVAL : 0);
  const filtered = key + operation !== "";
  return (
    <>
      <h1>Audit log</h1>
      {live.status === 403 ? (
        <p class="empty">Your key is limited to tasks with some tags, and the audit log is not of those alone.</p>
      ) : (
        <>
          <div class="filters">
            <Filter label="Key" value={key} set={setKey} />
            <Filter label="Operation" value={operation} set={setOperation} />
          </div>
          <Loaded live={live}>
            {(entries) =>
              entries.length === 0 ? (
                <p class="empty">{filtered ? "No change fits the filter." : "Nothing has been changed yet through the API or this dashboard."}</p>
              ) : (
                <>
                  <Table entries={entries} />
                  <nav class="pages" aria-label="Pages">
                    <button type="button" disabled={before === ""} onClick={() => setBefore("")}>
                      Newest
                    </button>
                    <button type="button" disabled={entries.length < SIZE} onClick={() => setBefore(entries.at(-1)?.id ?? "")}>
                      Older
                    </button>
                  </nav>
                </>
              )
            }
          </Loaded>
        </>
      )}
    </>
  );
}

function Table({ entries }: { entries: readonly AuditEntry[] }): JSX.Element {
  return (
    <DataTable label="Changes" columns={["When", "Key", "From", "Operation", "Path", "Request"]}>
      {entries.map((entry) => (
        <tr key={entry.id}>
          <td>
            <Time at={entry.at} absolute />
          </td>
          <td>{entry.key ?? "–"}</td>
          <td>{entry.address}</td>
          <td>
            <code>{entry.operation}</code>
          </td>
          <td class="note">
            <Path path={entry.path} />
          </td>
          <td class="note">{entry.request_id}</td>
        </tr>
      ))}
    </DataTable>
  );
}

/** The path of a request, as a link to the view of what it was about. */
function Path({ path }: { path: string }): JSX.Element {
  const views: [string | null, string][] = [
    [config.jobs, "/jobs"],
    [config.schedules, "/schedules"],
    [config.artifacts, "/artifacts"],
  ];
  for (const [prefix, view] of views) {
    const name = prefix !== null && path.startsWith(`${prefix}/`) ? path.slice(prefix.length + 1).split("/")[0] : "";
    if (name && !name.startsWith("$")) return <To path={`${view}/${name}`}>{path}</To>;
  }
  return <>{path}</>;
}
