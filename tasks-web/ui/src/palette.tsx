/** Finds any view, task or schedule by its name, and a job or an artifact by its id: Ctrl K, or Cmd K. */

import { signal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { at, config } from "./api/config.ts";
import { Refused, get, segment } from "./api/http.ts";
import type { ScheduleRecord, TaskInfo } from "./api/schema.d.ts";
import type { View } from "./shortcuts.tsx";

const isOpen = signal(false);

export const openPalette = (): void => {
  isOpen.value = true;
};

interface Target {
  path: string;
  name: string;
  kind: string;
  /** Where it is read, if it is not known whether it is there. */
  record?: string;
}

/** The shape of the id of a job or an artifact, a ULID. */
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i;
const SHOWN = 12;
const STEPS: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };

export function Palette({ views }: { views: readonly View[] }): JSX.Element | null {
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
  return isOpen.value ? <Dialog views={views} /> : null;
}

function Dialog({ views }: { views: readonly View[] }): JSX.Element {
  const { route } = useLocation();
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const [targets, setTargets] = useState<Target[]>([]);
  const [missing, setMissing] = useState<string>();
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
  const id = wanted.toUpperCase();
  const byId: Target[] = [];
  if (ULID.test(id) && config.jobs !== null) byId.push({ path: `/jobs/${id}`, name: id, kind: "job", record: `${config.jobs}/${id}` });
  if (ULID.test(id) && config.graphs !== null) byId.push({ path: `/graphs/${id}`, name: id, kind: "graph", record: `${config.graphs}/${id}` });
  if (ULID.test(id) && config.artifacts !== null) byId.push({ path: `/artifacts/${id}`, name: id, kind: "artifact", record: `${config.artifacts}/${id}` });
  const fits = ({ name }: Target): boolean => name.toLowerCase().includes(wanted);
  const places = views.map(({ path, name }): Target => ({ path, name, kind: "view" })).filter(fits);
  // A view whose name a person begins to write is first; without a text, tasks are.
  const begins = ({ name }: Target): boolean => wanted !== "" && name.toLowerCase().startsWith(wanted);
  const found = [...byId, ...places.filter(begins), ...targets.filter(fits), ...places.filter((place) => !begins(place))].slice(0, SHOWN);
  const go = async (target: Target | undefined): Promise<void> => {
    if (!target) return;
    setMissing(undefined);
    if (target.record !== undefined) {
      try {
        await get(target.record);
      } catch (error) {
        // Of anything else the view itself tells.
        if (error instanceof Refused && error.problem.status === 404) {
          setMissing(`There is no ${target.kind} ${target.name}.`);
          return;
        }
      }
      if (!dialog.current?.open) return;
    }
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
      void go(found[chosen]);
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
        aria-label="View, task, schedule, or id of a job or an artifact"
        placeholder="View, task, schedule, or id of a job or an artifact"
        autocomplete="off"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
          setMissing(undefined);
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
              void go(target);
            }}
          >
            {target.name} <span class="quiet">{target.kind}</span>
          </li>
        ))}
      </ul>
      {missing !== undefined && (
        <p class="problem" role="alert">
          {missing}
        </p>
      )}
      {found.length === 0 && <p class="quiet">Nothing is called that.</p>}
      <button type="button" class="plain" onClick={close}>
        Close
      </button>
    </dialog>
  );
}
