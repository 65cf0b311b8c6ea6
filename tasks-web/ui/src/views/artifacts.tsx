/** Artifacts: stored results and files. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { at, config } from "../api/config.ts";
import { Refused, get, messageOf, problemOf, query, request, segment } from "../api/http.ts";
import type { ArtifactNode, ArtifactOut } from "../api/schema.d.ts";
import { upload } from "../api/upload.ts";
import { parse } from "../json/parse.ts";
import type { Json } from "../json/value.ts";
import { Action, Alert, Filter, Loaded, NoPage, Tags, To, counted, useParameter } from "../parts/basics.tsx";
import { DataTable } from "../parts/data_table.tsx";
import { JsonView } from "../parts/json_view.tsx";
import { useLive } from "../parts/live.ts";
import { Time } from "../parts/time.tsx";

const SIZE = 50;

interface Page {
  items: ArtifactOut[];
  total: number;
  pages: number;
}

export const nameOf = (artifact: Pick<ArtifactOut, "file_name" | "id">): string => artifact.file_name ?? artifact.id;

const BYTES = new Intl.NumberFormat(undefined, { notation: "compact", style: "unit", unit: "byte", unitDisplay: "narrow" });

export function Artifacts(): JSX.Element {
  const [page, setPage] = useParameter("page");
  const number = Math.max(1, Number.parseInt(page, 10) || 1);
  const [tag, setTag] = useParameter("tag");
  const [search, setSearch] = useParameter("search");
  const parameters = query({ page: number, size: SIZE, tag, search });
  const [stored, setStored] = useState<ArtifactOut>();
  const isFiltered = tag !== "" || search !== "";
  const live = useLive(`artifacts ${parameters}`, () => get<Page>(`${config.artifacts}${parameters}`));
  return (
    <>
      <h1>Artifacts</h1>
      <div class="filters">
        <Filter label="Text in name, tags or metadata" value={search} set={setSearch} minLength={3} />
        <Filter label="Tag" value={tag} set={setTag} />
        {!config.read_only && (
          <Upload
            done={(artifact) => {
              setStored(artifact);
              live.refresh();
            }}
          />
        )}
      </div>
      {stored !== undefined && (
        <Alert kind="note">
          <To path={`/artifacts/${stored.id}`}>{nameOf(stored)}</To> is stored.
        </Alert>
      )}
      <Loaded live={live}>
        {(list) =>
          list.total === 0 ? (
            <p class="empty">{isFiltered ? "No artifact fits the filter." : "Nothing is stored yet."}</p>
          ) : number > list.pages ? (
            <NoPage page={number} pages={list.pages} />
          ) : (
            <>
              <ArtifactTable artifacts={list.items} />
              <nav class="pages" aria-label="Pages">
                <button type="button" disabled={number <= 1} onClick={() => setPage(String(number - 1))}>
                  Back
                </button>
                <span>
                  page {number} of {Math.max(1, list.pages)}, {counted(list.total, "artifact")}
                </span>
                <button type="button" disabled={number >= list.pages} onClick={() => setPage(String(number + 1))}>
                  Next
                </button>
              </nav>
            </>
          )
        }
      </Loaded>
    </>
  );
}

function ArtifactTable({ artifacts }: { artifacts: readonly ArtifactOut[] }): JSX.Element {
  return (
    <DataTable label="Artifacts" columns={["Name", "Type", "Size", "Level", "Created", "Tags"]}>
      {artifacts.map((artifact) => (
        <tr key={artifact.id}>
          <td>
            <To path={`/artifacts/${artifact.id}`} class="title">
              {nameOf(artifact)}
            </To>
          </td>
          <td>{artifact.content_type ?? "–"}</td>
          <td class="number">{artifact.size === null ? "–" : BYTES.format(artifact.size)}</td>
          <td class="number">{artifact.level}</td>
          <td>
            <Time at={artifact.created_at} />
          </td>
          <td>
            <Tags tags={artifact.tags} />
          </td>
        </tr>
      ))}
    </DataTable>
  );
}

function Upload({ done }: { done: (artifact: ArtifactOut) => void }): JSX.Element {
  const [state, setState] = useState("");
  const send = async (files: FileList | null): Promise<void> => {
    const file = files?.[0];
    if (!file) return;
    setState("Uploading…");
    try {
      const artifact = await upload(file);
      setState("");
      done(artifact);
    } catch (error) {
      setState(messageOf(error));
    }
  };
  return (
    <label class="button">
      Upload a file
      <input type="file" class="hidden" onChange={(event) => {
          const field = event.currentTarget;
          // So that the same file can be chosen again.
          void send(field.files).finally(() => (field.value = ""));
        }} />
      {state !== "" && <span role="status"> {state}</span>}
    </label>
  );
}

export function Artifact({ id }: { id: string }): JSX.Element {
  const path = `${config.artifacts}/${segment(id)}`;
  const { route } = useLocation();
  const live = useLive(`artifact ${id}`, async () => {
    const [artifact, tree] = await Promise.all([get<ArtifactOut>(path), get<ArtifactNode>(`${path}/$tree`)]);
    return { artifact, tree };
  });
  return (
    <>
      <p class="crumbs">
        <To path="/artifacts">Artifacts</To>
      </p>
      <Loaded live={live}>
        {({ artifact, tree }) => (
          <>
            <h1>{nameOf(artifact)}</h1>
            <p class="quiet">
              <code>{artifact.id}</code>
            </p>
            <Tags tags={artifact.tags} />
            <div class="buttons">
              <a
                class="button"
                href={`${config.prefix}${path}/$download`}
                download={artifact.content_type === null && artifact.file_name === null ? `${artifact.id}.json` : nameOf(artifact)}
              >
                Download
              </a>
              <Action
                label="Delete"
                kind="danger"
                confirm="Delete this artifact and all below it?"
                act={() => request("DELETE", path)}
                done={() => route(at("/artifacts"))}
              />
            </div>
            <dl class="facts">
              <div>
                <dt>Created</dt>
                <dd>
                  <Time at={artifact.created_at} absolute />
                </dd>
              </div>
              <div>
                <dt>Type</dt>
                <dd>{artifact.content_type ?? "JSON"}</dd>
              </div>
              <div>
                <dt>Size</dt>
                <dd>{artifact.size === null ? "–" : BYTES.format(artifact.size)}</dd>
              </div>
              {artifact.parent_id !== null && (
                <div>
                  <dt>Parent</dt>
                  <dd>
                    <To path={`/artifacts/${artifact.parent_id}`}>{artifact.parent_id}</To>
                  </dd>
                </div>
              )}
            </dl>
            {tree.children !== null && tree.children !== undefined && tree.children.length > 0 && (
              <>
                <h2>Below it</h2>
                <Tree nodes={tree.children as ArtifactNode[]} />
              </>
            )}
            <h2>Content</h2>
            <Preview artifact={artifact} path={path} />
            <h2>Metadata</h2>
            <JsonView value={artifact.metadata as unknown as Json} label="Metadata" />
          </>
        )}
      </Loaded>
    </>
  );
}

function Tree({ nodes }: { nodes: readonly ArtifactNode[] }): JSX.Element {
  return (
    <ul class="tree">
      {nodes.map((node) => (
        <li key={node.id}>
          <To path={`/artifacts/${node.id}`}>{nameOf(node)}</To> <span class="quiet">{node.level_label}</span>
          {node.children && node.children.length > 0 && <Tree nodes={node.children as ArtifactNode[]} />}
        </li>
      ))}
    </ul>
  );
}

/** Images that a browser draws without running anything. */
const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/svg+xml"]);
/** Larger content is not drawn, in bytes. */
const MAX_PREVIEW = 1_000_000;

function Preview({ artifact, path }: { artifact: ArtifactOut; path: string }): JSX.Element {
  const type = artifact.content_type?.split(";")[0]?.trim().toLowerCase();
  if (type === undefined) return <JsonView value={artifact.data as unknown as Json} label="Content" />;
  if ((artifact.size ?? 0) > MAX_PREVIEW) return <p class="quiet">It is too large to be shown here.</p>;
  if (IMAGES.has(type)) return <img class="preview" src={`${config.prefix}${path}/$download`} alt={nameOf(artifact)} />;
  if (type.startsWith("text/") || type.endsWith("json") || type === "application/xml") return <TextPreview type={type} path={path} />;
  return <p class="quiet">There is no preview of {type}.</p>;
}

function TextPreview({ type, path }: { type: string; path: string }): JSX.Element {
  const live = useLive(`preview ${path}`, async () => {
    const response = await fetch(`${config.prefix}${path}/$download`, { credentials: "same-origin" });
    if (!response.ok) throw new Refused(problemOf(response, path, await response.text()));
    return response.text();
  });
  return (
    <Loaded live={live}>
      {(text) => {
        if (type.endsWith("json")) {
          try {
            return <JsonView value={parse(text)} label="Content" />;
          } catch {
            return <Plain text={text} />;
          }
        }
        return type === "text/csv" ? <Csv text={text} /> : <Plain text={text} />;
      }}
    </Loaded>
  );
}

const Plain = ({ text }: { text: string }): JSX.Element => <pre class="preview">{text}</pre>;

/** How many lines of a table are shown. */
const MAX_ROWS = 200;

function Csv({ text }: { text: string }): JSX.Element {
  const rows = csvRows(text, MAX_ROWS + 1);
  const [head, ...body] = rows;
  if (!head) return <Alert kind="note">It is empty.</Alert>;
  const left = rows.length > MAX_ROWS && <p class="quiet">The first {MAX_ROWS} lines.</p>;
  return (
    <DataTable label="Table" columns={head} isList={false} after={left}>
      {body.map((row, number) => (
        <tr key={number}>
          {row.map((cell, index) => (
            <td key={index}>{cell}</td>
          ))}
        </tr>
      ))}
    </DataTable>
  );
}

/** The first rows of CSV (RFC 4180). */
export function csvRows(text: string, limit: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  for (let at = 0; at < text.length && rows.length < limit; ) {
    cell.lastIndex = at;
    const found = cell.exec(text);
    if (!found || found[0] === "") break;
    row.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? "");
    at = cell.lastIndex;
    if (found[3] !== ",") {
      rows.push(row);
      row = [];
    }
  }
  if (row.length > 0) rows.push(row);
  return rows;
}
