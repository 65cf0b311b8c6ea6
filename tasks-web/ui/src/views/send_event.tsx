/** A form that sends an event to a job: with fields where the task says what such an event has, and else as JSON. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { config } from "../api/config.ts";
import { get, request, segment } from "../api/http.ts";
import type { JobRecord, TaskInfo } from "../api/schema.d.ts";
import { type FormError, begin, toJson } from "../form/draft.ts";
import { Field } from "../form/field.tsx";
import { shapeOf } from "../form/shape.ts";
import { parse } from "../json/parse.ts";
import { type Json, isMembers } from "../json/value.ts";
import { Action } from "../parts/basics.tsx";
import { useLive } from "../parts/live.ts";

interface EventProps {
  /** Of the job. */
  path: string;
  event: string;
  refresh: () => void;
}

const post = (path: string, event: string, payload: Json): Promise<unknown> => request("POST", `${path}/$event/${segment(event)}`, payload);

/** A form for each of these events. */
export function SendEvents({ job, path, events, refresh }: { job: JobRecord; path: string; events: readonly string[]; refresh: () => void }): JSX.Element {
  const task = job.task_name;
  // A closure has no description, and a task may be gone: then the events are those of any type.
  const info = useLive(`task ${task}`, async () => (task === null ? null : await get<TaskInfo>(`${config.tasks}/${segment(task)}`)));
  if (info.data === undefined && info.error === undefined) return <></>;
  return (
    <>
      {events.map((event) => {
        const declared = info.data?.events?.find(({ name }) => name === event);
        const props = { path, event, refresh };
        return declared ? <Declared key={event} {...props} schema={declared.payload_schema as Json} /> : <Undeclared key={event} {...props} />;
      })}
    </>
  );
}

function Declared({ path, event, refresh, schema }: EventProps & { schema: Json }): JSX.Element {
  const shape = useMemo(() => shapeOf(schema, isMembers(schema) ? schema : new Map()), [schema]);
  const [draft, setDraft] = useState(() => begin(shape));
  const [errors, setErrors] = useState<readonly FormError[]>([]);
  const pointer = `/event/${event}`;
  const act = async (): Promise<void> => {
    const found: FormError[] = [];
    const payload = toJson(shape, draft, found, pointer);
    setErrors(found);
    if (found.length > 0) throw new Error("The event does not fit yet.");
    await post(path, event, payload ?? null);
  };
  return (
    <div class="run">
      <Field shape={shape} draft={draft} change={setDraft} pointer={pointer} label={`Event ${event}`} required errors={errors} />
      <div class="buttons">
        <Action label="Send" name={`Send ${event}`} act={act} done={refresh} />
      </div>
    </div>
  );
}

function Undeclared({ path, event, refresh }: EventProps): JSX.Element {
  const [text, setText] = useState("");
  const act = async (): Promise<void> => {
    await post(path, event, text.trim() === "" ? null : parse(text));
    setText("");
  };
  return (
    <div class="buttons">
      <label>
        Event <code>{event}</code>, as JSON{" "}
        <input type="text" value={text} placeholder="null" onInput={(input) => setText(input.currentTarget.value)} />
      </label>
      <Action label="Send" act={act} done={refresh} />
    </div>
  );
}
