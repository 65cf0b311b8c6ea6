/** JSON as a tree that opens where a person looks. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type Json, Num, isMembers } from "../json/value.ts";
import { pretty } from "../json/write.ts";
import { Copy } from "./basics.tsx";
import { DataTable } from "./data_table.tsx";

/** How many entries are shown before a person asks for more. */
const SHOWN = 100;
/** Texts longer than this are cut until a person opens them. */
const LONG = 400;

/** A table where it is a list of objects, else a tree. */
export function JsonView({ value, label }: { value: Json; label: string }): JSX.Element {
  const columns = columnsOf(value);
  return (
    <section class="json" aria-label={label}>
      <div class="corner">
        <Copy text={() => pretty(value)} />
      </div>
      {columns && Array.isArray(value) ? <Table rows={value} columns={columns} /> : <Node value={value} depth={0} />}
    </section>
  );
}

function columnsOf(value: Json): string[] | undefined {
  if (!Array.isArray(value) || value.length < 2 || !value.every(isMembers)) return undefined;
  const names = new Set(value.flatMap((row) => [...row.keys()]));
  return names.size > 0 && names.size <= 12 ? [...names] : undefined;
}

function Table({ rows, columns }: { rows: Json[]; columns: string[] }): JSX.Element {
  const [shown, setShown] = useState(SHOWN);
  const more = rows.length > shown && <More left={rows.length - shown} more={() => setShown(shown + SHOWN)} />;
  return (
    <DataTable label="Table" columns={columns} isList={false} after={more}>
      {rows.slice(0, shown).map((row, index) => (
        <tr key={index}>
          {columns.map((name) => (
            <td key={name}>{isMembers(row) && row.has(name) && <Node value={row.get(name) ?? null} depth={2} />}</td>
          ))}
        </tr>
      ))}
    </DataTable>
  );
}

const More = ({ left, more }: { left: number; more: () => void }): JSX.Element => (
  <button type="button" class="plain" onClick={more}>
    {left} more
  </button>
);

function Node({ value, depth }: { value: Json; depth: number }): JSX.Element {
  if (value === null) return <span class="json-word">null</span>;
  if (typeof value === "boolean") return <span class="json-word">{String(value)}</span>;
  if (value instanceof Num) return <span class="json-number">{value.text}</span>;
  if (typeof value === "string") return <Text text={value} />;
  const entries: [string, Json][] = isMembers(value) ? [...value] : value.map((item, index) => [String(index), item]);
  const [open, close] = isMembers(value) ? "{}" : "[]";
  if (entries.length === 0) return <span class="quiet">{`${open}${close}`}</span>;
  return <Branch entries={entries} brackets={`${open}…${close}`} depth={depth} />;
}

function Branch({ entries, brackets, depth }: { entries: [string, Json][]; brackets: string; depth: number }): JSX.Element {
  const [open, setOpen] = useState(depth < 2 && entries.length <= SHOWN);
  const [shown, setShown] = useState(SHOWN);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span class="quiet">
          {brackets} {entries.length}
        </span>
      </summary>
      {open && (
        <ul>
          {entries.slice(0, shown).map(([name, item]) => (
            <li key={name}>
              <span class="json-name">{name}</span>: <Node value={item} depth={depth + 1} />
            </li>
          ))}
        </ul>
      )}
      {open && entries.length > shown && <More left={entries.length - shown} more={() => setShown(shown + SHOWN)} />}
    </details>
  );
}

function Text({ text }: { text: string }): JSX.Element {
  const [whole, setWhole] = useState(text.length <= LONG);
  return (
    <span class="json-text">
      {whole ? text : `${text.slice(0, LONG)}…`}
      {!whole && (
        <button type="button" class="plain" onClick={() => setWhole(true)}>
          all {text.length} characters
        </button>
      )}
    </span>
  );
}
