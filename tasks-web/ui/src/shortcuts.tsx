/** Keys that lead somewhere, and the list of them. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { at } from "./api/config.ts";
import { store, stored } from "./parts/stored.ts";

const isOpen = signal(false);

export const openShortcuts = (): void => {
  isOpen.value = true;
};

const KEY = "tasks.shortcuts";

/** Whether keys without Ctrl do something: whoever speaks to the computer can turn that off (WCAG 2.2, 2.1.4). */
const single = signal(stored(KEY) !== "off");

/** How long the second key of two may take, in milliseconds. */
const PAIR = 1500;

export interface View {
  path: string;
  name: string;
  /** After `g`, it leads to this view. */
  key: string;
}

/** Whether what is typed is meant for a field. */
const isTyped = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName) || target.closest("dialog") !== null);

export function Shortcuts({ views }: { views: readonly View[] }): JSX.Element | null {
  const { route } = useLocation();
  useEffect(() => {
    let began = 0;
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyped(event.target) || !single.value) return;
      const pair = performance.now() - began < PAIR;
      began = 0;
      const view = views.find(({ key }) => key === event.key);
      if (pair && view) route(at(view.path));
      else if (event.key === "g") began = performance.now();
      else if (event.key === "?") isOpen.value = true;
      else if (event.key === "/") document.querySelector<HTMLElement>("main .filters input, main input[type=search]")?.focus();
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
  return isOpen.value ? <Help views={views} /> : null;
}

function Help({ views }: { views: readonly View[] }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const rows: [string[], string][] = [
    [["Ctrl", "K"], "Find a view, a task, a schedule, or a job or an artifact by its id"],
    [["/"], "Go to the first filter"],
    ...views.map((view): [string[], string] => [["g", view.key], view.name]),
    [["?"], "This list"],
  ];
  const turn = (on: boolean): void => {
    single.value = on;
    store(KEY, on ? "on" : "off");
  };
  return (
    <dialog ref={dialog} class="palette help" aria-label="Keys" closedby="any" onClose={() => (isOpen.value = false)}>
      <h2>Keys</h2>
      <dl>
        {rows.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label>
        <input type="checkbox" checked={single.value} onChange={(event) => turn(event.currentTarget.checked)} /> Keys without Ctrl do something
      </label>
      <p>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </p>
    </dialog>
  );
}
