/** Finds any task, job or schedule: Ctrl K, or Cmd K. */

import { signal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { at, config } from "./api/config.ts";
import { get, segment } from "./api/http.ts";
import type { ScheduleRecord, TaskInfo } from "./api/schema.d.ts";

const isOpen = signal(false);

export const openPalette = (): void => {
  isOpen.value = true;
};

interface Target {
  path: string;
  name: string;
  kind: string;
}

/** The shape of the id of a job, a ULID. */
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i;
const SHOWN = 12;
const STEPS: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };

export function Palette(): JSX.Element | null {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        if (isOpen.value) document.querySelector<HTMLDialogElement>("dialog.palette")?.close();
        else isOpen.value = true;
      }
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
  return isOpen.value ? <Dialog /> : null;
}

function Dialog(): JSX.Element {
  const { route } = useLocation();
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const [targets, setTargets] = useState<Target[]>([]);
  useEffect(() => {
    dialog.current?.showModal();
    const tasks = get<TaskInfo[]>(config.tasks).then((all) =>
      all.map(({ name }) => ({ path: `/tasks/${segment(name)}`, name, kind: "task" })),
    );
    const schedules =
      config.schedules === null
        ? Promise.resolve([])
        : get<ScheduleRecord[]>(config.schedules).then((all) =>
            all.map(({ name }) => ({ path: `/schedules/${segment(name)}`, name, kind: "schedule" })),
          );
    // What cannot be read is not found; the views say why.
    void Promise.allSettled([tasks, schedules]).then((read) =>
      setTargets(read.flatMap((one) => (one.status === "fulfilled" ? one.value : []))),
    );
  }, []);
  const close = (): void => dialog.current?.close();
  const wanted = text.trim().toLowerCase();
  const found = [
    ...(ULID.test(wanted) && config.jobs !== null ? [{ path: `/jobs/${wanted.toUpperCase()}`, name: wanted.toUpperCase(), kind: "job" }] : []),
    ...(ULID.test(wanted) && config.artifacts !== null
      ? [{ path: `/artifacts/${wanted.toUpperCase()}`, name: wanted.toUpperCase(), kind: "artifact" }]
      : []),
    ...targets.filter((target) => target.name.toLowerCase().includes(wanted)),
  ].slice(0, SHOWN);
  const go = (target: Target | undefined): void => {
    if (!target) return;
    close();
    route(at(target.path));
  };
  const press = (event: TargetedKeyboardEvent<HTMLInputElement>): void => {
    const step = STEPS[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setChosen((now) => Math.min(Math.max(0, now + step), Math.max(0, found.length - 1)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(found[chosen]);
    }
  };
  return (
    <dialog ref={dialog} class="palette" aria-label="Find" closedby="any" onClose={() => (isOpen.value = false)}>
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-found"
        aria-activedescendant={found.length > 0 ? `palette-${chosen}` : ""}
        aria-label="Task, schedule or id of a job"
        placeholder="Task, schedule or id of a job"
        autocomplete="off"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={press}
      />
      <ul id="palette-found" role="listbox" aria-label="Found">
        {found.map((target, index) => (
          <li
            key={target.kind + target.name}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === chosen}
            onMouseDown={(event) => {
              event.preventDefault();
              go(target);
            }}
          >
            {target.name} <span class="quiet">{target.kind}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="quiet">Nothing is called that.</p>}
      <button type="button" class="plain" onClick={close}>
        Close
      </button>
    </dialog>
  );
}
