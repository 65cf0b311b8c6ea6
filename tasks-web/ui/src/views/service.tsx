/** The service itself: its health, its versions, its parts. */

import type { JSX } from "preact";
import { config } from "../api/config.ts";
import { Refused, get } from "../api/http.ts";
import type { ApiKeyInfo, Health, SystemInfo } from "../api/schema.d.ts";
import { Loaded, Tags } from "../parts/basics.tsx";
import { DataTable } from "../parts/data_table.tsx";
import { useLive } from "../parts/live.ts";

const INTERVAL = 10_000;

/** The health; an unhealthy service answers it with the status of an error. */
async function health(): Promise<Health> {
  const response = await fetch(config.prefix + (config.health ?? ""), { credentials: "same-origin", signal: AbortSignal.timeout(10_000) });
  const body = (await response.json()) as Health;
  if (typeof body.status !== "string") throw new Error(`the health cannot be read: ${response.status}`);
  return body;
}

const COLOURS: Record<string, string> = { healthy: "completed", degraded: "running", unhealthy: "failed" };

export function Service(): JSX.Element {
  return (
    <>
      <h1>{config.title}</h1>
      <p class="quiet">
        version {config.version}
        {config.key !== null && <> · you are logged in with the key {config.key}</>}
      </p>
      {config.docs !== null && (
        <p>
          <a href={config.prefix + config.docs} data-native>
            API documentation
          </a>
        </p>
      )}
      {config.health !== null && <HealthView />}
      {config.system !== null && <System />}
      {config.keys !== null && <Keys />}
    </>
  );
}

function HealthView(): JSX.Element {
  const live = useLive("health", health, INTERVAL);
  return (
    <section>
      <h2>Health</h2>
      <Loaded live={live}>
        {(report) => (
          <>
            <p>
              <span class={`badge ${COLOURS[report.status] ?? ""}`}>{report.status}</span>
            </p>
            <dl class="facts wide">
              {Object.entries(report.checks).map(([name, check]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>
                    <span class={`badge ${COLOURS[check.state] ?? ""}`}>{check.state}</span> {check.message}
                  </dd>
                </div>
              ))}
            </dl>
          </>
        )}
      </Loaded>
    </section>
  );
}

/** Null where the key of this session is limited. */
async function keys(): Promise<ApiKeyInfo[] | null> {
  try {
    return await get<ApiKeyInfo[]>(config.keys ?? "");
  } catch (error) {
    if (error instanceof Refused && error.problem.status === 403) return null;
    throw error;
  }
}

function Keys(): JSX.Element {
  const live = useLive("keys", keys);
  return (
    <section>
      <h2>API keys</h2>
      <Loaded live={live}>
        {(all) =>
          all === null ? (
            <p class="quiet">Your key does not reach this.</p>
          ) : (
            <DataTable label="API keys" columns={["Name", "Tasks", "Changes"]}>
              {all.map((key) => (
                <tr key={key.name}>
                  <th scope="row">{key.name}</th>
                  <td>{key.tags === null ? "all" : <Tags tags={key.tags} />}</td>
                  <td>{key.read_only ? "nothing: it only looks" : "everything it reaches"}</td>
                </tr>
              ))}
            </DataTable>
          )
        }
      </Loaded>
    </section>
  );
}

function System(): JSX.Element {
  const live = useLive("system", async () => {
    try {
      return await get<SystemInfo>(config.system ?? "");
    } catch (error) {
      if (error instanceof Refused && error.problem.status === 403) return null;
      throw error;
    }
  });
  return (
    <section>
      <h2>System</h2>
      <Loaded live={live}>
        {(system) =>
          system === null ? (
            <p class="quiet">Your key does not reach this.</p>
          ) : (
            <dl class="facts">
              <div>
                <dt>Host</dt>
                <dd>{system.hostname}</dd>
              </div>
              <div>
                <dt>Platform</dt>
                <dd>{system.platform}</dd>
              </div>
              <div>
                <dt>Time zone</dt>
                <dd>{system.timezone}</dd>
              </div>
              {Object.entries(system.versions).map(([name, version]) => (
                <div key={name}>
                  <dt>Version of {name}</dt>
                  <dd>{version}</dd>
                </div>
              ))}
              <div>
                <dt>Parts</dt>
                <dd>
                  {Object.entries(system.capabilities)
                    .filter(([, on]) => on)
                    .map(([name]) => name)
                    .join(", ")}
                </dd>
              </div>
            </dl>
          )
        }
      </Loaded>
    </section>
  );
}
