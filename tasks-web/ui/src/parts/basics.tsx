/** Small pieces that every view is made of. */

import type { ComponentChildren, JSX } from "preact";
import { useCallback, useEffect, useId, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { at, config } from "../api/config.ts";
import type { GraphNodeStatus, JobStatus } from "../api/schema.d.ts";
import { messageOf } from "../api/http.ts";
import type { Live } from "./live.ts";

/** A link to a view. */
export function To({ path, class: name, children }: { path: string; class?: string; children: ComponentChildren }): JSX.Element {
  return (
    <a href={at(path)} class={name ?? ""}>
      {children}
    </a>
  );
}

export function Badge({ status, asked = false }: { status: JobStatus | GraphNodeStatus; asked?: boolean }): JSX.Element {
  return <span class={`badge ${status === "waiting" ? "pending" : status}`}>{asked && status === "running" ? "stopping" : status}</span>;
}

export function Tags({ tags }: { tags: readonly string[] }): JSX.Element {
  return (
    <span class="tags">
      {tags.map((tag) => (
        <span class="tag" key={tag}>
          {tag}
        </span>
      ))}
    </span>
  );
}

export function Alert({ children, kind = "error" }: { children: ComponentChildren; kind?: "error" | "note" }): JSX.Element {
  return (
    <div class={`alert ${kind}`} role={kind === "error" ? "alert" : "status"}>
      {children}
    </div>
  );
}

/** What is shown of data while it is loaded, missing or out of date. */
export function Loaded<T>({ live, children }: { live: Live<T>; children: (data: T) => ComponentChildren }): JSX.Element {
  if (live.data === undefined) {
    if (live.error === undefined) return <p class="quiet" aria-busy="true">Loading…</p>;
    return (
      <Alert>
        <p>{live.error}</p>
        <button type="button" onClick={live.refresh}>
          Try again
        </button>
      </Alert>
    );
  }
  return (
    <>
      {live.error !== undefined && <Alert kind="note">This is what was read last: {live.error}</Alert>}
      {children(live.data)}
    </>
  );
}

/** A button that does something at the service, and says how that went. */
export function Action({
  label,
  name,
  act,
  confirm,
  kind = "",
  done,
}: {
  label: string;
  /** What those hear who do not see where the button is. */
  name?: string;
  act: () => Promise<unknown>;
  confirm?: string;
  kind?: string;
  done?: () => void;
}): JSX.Element | null {
  const [state, setState] = useState<{ busy: boolean; error?: string }>({ busy: false });
  if (config.read_only) return null;
  const click = async (): Promise<void> => {
    if (confirm !== undefined && !window.confirm(confirm)) return;
    setState({ busy: true });
    try {
      await act();
      setState({ busy: false });
      done?.();
    } catch (error) {
      setState({ busy: false, error: messageOf(error) });
    }
  };
  return (
    <span class="action">
      <button type="button" class={kind} aria-label={name} disabled={state.busy} onClick={() => void click()}>
        {label}
      </button>
      {state.error !== undefined && (
        <span class="problem" role="alert">
          {state.error}
        </span>
      )}
    </span>
  );
}

/** Copies a text; where the browser does not permit that, it can be selected. */
export function Copy({ text, label = "Copy" }: { text: string | (() => string); label?: string }): JSX.Element {
  const [said, setSaid] = useState(label);
  const copy = async (): Promise<void> => {
    const written = typeof text === "string" ? text : text();
    try {
      await navigator.clipboard.writeText(written);
    } catch {
      const field = document.createElement("textarea");
      const from = document.activeElement;
      field.value = written;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      if (from instanceof HTMLElement) from.focus();
    }
    setSaid("Copied");
    window.setTimeout(() => setSaid(label), 1500);
  };
  return (
    <button type="button" class="plain" onClick={() => void copy()}>
      {said}
    </button>
  );
}

/** Hears of a field whether what is in it counts. */
export type Unapplied = (label: string, isUnapplied: boolean) => void;

/** The fields with something in them that does not count yet, and what they tell that to. */
export function useUnapplied(): [readonly string[], Unapplied] {
  const [labels, setLabels] = useState<readonly string[]>([]);
  const tell = useCallback((label: string, isUnapplied: boolean): void => {
    setLabels((before) => (before.includes(label) === isUnapplied ? before : isUnapplied ? [...before, label] : before.filter((one) => one !== label)));
  }, []);
  return [labels, tell];
}

/** Tells whether what is in a field counts, for as long as the field is there. */
export function useTold(label: string, isUnapplied: boolean, tell: Unapplied | undefined): void {
  useEffect(() => {
    tell?.(label, isUnapplied);
    return () => tell?.(label, false);
  }, [label, isUnapplied, tell]);
}

interface FilterProps {
  label: string;
  value: string;
  set: (value: string) => void;
  minLength?: number;
  unapplied?: Unapplied;
}

/** A filter that counts when a person is done with it; until then what is typed stays, whatever is read meanwhile. */
export function Filter({ label, value, set, minLength = 0, unapplied }: FilterProps): JSX.Element {
  const [entered, setEntered] = useState(value);
  const [isDone, setDone] = useState(true);
  const error = useId();
  useEffect(() => setEntered(value), [value]);
  const text = entered.trim();
  const isShort = text !== "" && [...text].length < minLength;
  useTold(label, entered !== value && text !== value, unapplied);
  return (
    <span class="filter">
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={entered}
        aria-invalid={isShort && isDone}
        {...(isShort && isDone ? { "aria-describedby": error } : {})}
        onInput={(event) => {
          setEntered(event.currentTarget.value);
          setDone(false);
        }}
        title={minLength > 0 ? `at least ${minLength} characters` : ""}
        onChange={() => {
          setDone(true);
          if (!isShort) set(text);
        }}
      />
      {isShort && isDone && (
        <span id={error} class="problem" role="alert">
          Not applied: enter at least {minLength} characters.
        </span>
      )}
    </span>
  );
}

/** How many there are of something, in words. */
export const counted = (count: number, one: string, more = `${one}s`): string => `${count} ${count === 1 ? one : more}`;

/** Where a list has fewer pages than its address says. */
export function NoPage({ page, pages }: { page: number; pages: number }): JSX.Element {
  const { path, query } = useLocation();
  const last = new URLSearchParams(query as Record<string, string>);
  last.set("page", String(Math.max(1, pages)));
  return (
    <p class="empty">
      {`There is no page ${page}.`} <a href={`${path}?${last.toString()}`}>To the last page</a>
    </p>
  );
}

/** A parameter of the view's address, which a person can share. */
export function useParameter(name: string): [string, (value: string) => void] {
  const { path, query, route } = useLocation();
  const set = (value: string): void => {
    const next = new URLSearchParams(query as Record<string, string>);
    if (value === "") next.delete(name);
    else next.set(name, value);
    if (name !== "page") next.delete("page");
    const text = next.toString();
    route(path + (text && `?${text}`), true);
  };
  return [(query as Record<string, string>)[name] ?? "", set];
}
