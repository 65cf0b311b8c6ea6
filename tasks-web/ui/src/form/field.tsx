/** One field of a form, of any shape. */

import type { JSX, TargetedEvent } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { type Json, namesIn, pointerTo } from "../json/value.ts";
import { compact } from "../json/write.ts";
import { ArtifactPicker } from "./artifact_field.tsx";
import { type Draft, type FormError, type Item, UNSET, begin, fromJson, newItem } from "./draft.ts";
import type { Shape } from "./shape.ts";

export interface FieldProps {
  shape: Shape;
  draft: Draft;
  change: (draft: Draft) => void;
  /** Where the value is in `params`. */
  pointer: string;
  label: string;
  required: boolean;
  errors: readonly FormError[];
  /** Its id, where that of its pointer is taken. */
  id?: string;
}

/** The id of the element of a field, for labels and for links to errors. */
export const idOf = (pointer: string): string => `field${pointer.replaceAll(/[^a-zA-Z0-9/_-]/g, (letter) => `.${letter.charCodeAt(0)}.`)}`;

/** The errors of a field itself: the pointers of those within it go further. */
function own(errors: readonly FormError[], pointer: string, draft: Draft): FormError[] {
  const inside = (error: FormError): boolean => error.pointer === pointer;
  // What is inside of something that is not shown in fields belongs to it.
  const below = (error: FormError): boolean => error.pointer.startsWith(`${pointer}/`) && !isNested(draft);
  return errors.filter((error) => inside(error) || below(error));
}

const isNested = (draft: Draft): boolean => draft.kind === "object" || draft.kind === "list" || draft.kind === "choice";

const shownDefault = (value: Json): string => (value === "" ? '""' : typeof value === "string" ? value : compact(value));

export function Field(props: FieldProps): JSX.Element {
  const { shape, draft, change, pointer, label, required } = props;
  const errors = own(props.errors, pointer, draft);
  const id = props.id ?? idOf(pointer);
  const described = [shape.description && `${id}-about`, errors.length > 0 && `${id}-errors`].filter(Boolean).join(" ");
  const group = isNested(draft);
  const Label = group ? "span" : "label";
  return (
    <div class={`field ${errors.length > 0 ? "wrong" : ""}`} {...(group ? { role: "group", "aria-labelledby": `${id}-label` } : {})}>
      <div class="field-head">
        <Label id={`${id}-label`} {...(group ? {} : { htmlFor: id })} class="label">
          {label}
          {required && <span class="needed"> needed</span>}
        </Label>
        <States {...props} />
      </div>
      {shape.description !== undefined && (
        <p class="about" id={`${id}-about`}>
          {shape.description}
        </p>
      )}
      <Input {...props} id={id} described={described} />
      {errors.length > 0 && (
        <ul class="errors" id={`${id}-errors`}>
          {errors.map((error) => (
            <li key={error.detail}>
              {error.pointer !== pointer && <code>{error.pointer.slice(pointer.length)} </code>}
              {error.detail}
            </li>
          ))}
        </ul>
      )}
      {draft.kind !== "unset" && draft.kind !== "null" && shape.examples.length > 0 && !shape.secret && (
        <p class="examples">
          {shape.examples.slice(0, 5).map((example) => (
            <button type="button" class="plain" key={compact(example)} onClick={() => change(fromJson(shape, example))}>
              use {shownDefault(example).slice(0, 40)}
            </button>
          ))}
        </p>
      )}
    </div>
  );
}

/** Whether a value is sent: not sent, null, or a value. */
function States({ shape, draft, change, required, label }: FieldProps): JSX.Element | null {
  const entered = useRef<Draft>(undefined);
  if (draft.kind !== "unset" && draft.kind !== "null") entered.current = draft;
  if (required && !shape.nullable && draft.kind !== "unset") return null;
  const now = draft.kind === "unset" ? "unset" : draft.kind === "null" ? "null" : "value";
  const choose = (state: string): void => {
    if (state === now) return;
    change(state === "unset" ? UNSET : state === "null" ? { kind: "null" } : (entered.current ?? begin(shape)));
  };
  const states = [
    ...(required ? [] : [["unset", shape.fallback === undefined || shape.secret ? "not sent" : "default"]]),
    ...(shape.nullable ? [["null", "null"]] : []),
    ["value", "value"],
  ];
  return (
    <span class="states" role="group" aria-label={`${label}: what is sent`}>
      {states.map(([state, name]) => (
        <button
          type="button"
          key={state}
          aria-pressed={state === now}
          class={state === now ? "chosen" : ""}
          onClick={() => choose(state ?? "value")}
        >
          {name}
        </button>
      ))}
    </span>
  );
}

type InputProps = FieldProps & { id: string; described: string };

function Input(props: InputProps): JSX.Element | null {
  const { shape, draft, change, id, described } = props;
  const about = described === "" ? {} : { "aria-describedby": described };
  switch (draft.kind) {
    case "unset":
      if (shape.fallback === undefined || shape.secret) return <span id={id} class="quiet" tabIndex={-1} />;
      return (
        <span id={id} class="ghost" tabIndex={-1}>
          {shownDefault(shape.fallback)}
        </span>
      );
    case "null":
      return <span id={id} class="ghost" tabIndex={-1}>null</span>;
    case "fixed":
      return (
        <output id={id} class="ghost">
          {shape.kind === "fixed" ? shownDefault(shape.value) : ""}
        </output>
      );
    case "boolean":
      return (
        <span class="check">
          <input
            id={id}
            type="checkbox"
            checked={draft.value}
            {...about}
            onChange={(event) => change({ kind: "boolean", value: event.currentTarget.checked })}
          />
          <span aria-hidden="true">{String(draft.value)}</span>
        </span>
      );
    case "text":
      return <TextInput {...props} text={draft.text} />;
    case "option":
      return <Options {...props} index={draft.index} />;
    case "raw":
      return (
        <textarea
          id={id}
          class="code"
          rows={Math.min(14, Math.max(3, draft.text.split("\n").length))}
          spellcheck={false}
          value={draft.text}
          placeholder="JSON"
          {...about}
          onInput={(event) => change({ kind: "raw", text: event.currentTarget.value })}
        />
      );
    case "choice":
      return <Choice {...props} draft={draft} />;
    case "list":
      return <Items {...props} draft={draft} />;
    case "object":
      return <ObjectFields {...props} draft={draft} />;
  }
}

function TextInput({ shape, change, id, described, text, required, label }: InputProps & { text: string }): JSX.Element {
  // What a field is does not change while somebody types in it.
  const [began] = useState(text.length > 80);
  const broken = useRef(false);
  broken.current ||= text.includes("\n");
  const enter = (event: TargetedEvent<HTMLInputElement | HTMLTextAreaElement>): void =>
    change({ kind: "text", text: event.currentTarget.value });
  const common = {
    id,
    value: text,
    spellcheck: false,
    "aria-required": required,
    ...(described === "" ? {} : { "aria-describedby": described }),
    onInput: enter,
  };
  if (shape.secret) return <input type="password" autocomplete="new-password" {...common} />;
  if (shape.kind === "number") {
    return <input type="text" inputMode={shape.integer ? "numeric" : "decimal"} autocomplete="off" class="number" {...common} />;
  }
  const long = shape.kind === "text" && (shape.long || began || broken.current);
  if (long) return <textarea rows={Math.min(14, Math.max(3, text.split("\n").length + 1))} {...common} />;
  const format = shape.kind === "text" ? shape.format : undefined;
  return (
    <span class="with-picker">
      <input type="text" autocomplete="off" placeholder={PLACEHOLDERS[format ?? ""] ?? ""} {...common} />
      {shape.kind === "artifact" && <ArtifactPicker label={label} value={text} pick={(id) => change({ kind: "text", text: id })} />}
      {(format === "date" || format === "date-time" || format === "time") && <Picker format={format} change={change} labelled={id} />}
    </span>
  );
}

const PLACEHOLDERS: Record<string, string> = {
  date: "2026-01-31",
  "date-time": "2026-01-31T12:00:00Z",
  time: "12:00:00Z",
  uuid: "00000000-0000-0000-0000-000000000000",
  email: "name@example.org",
  uri: "https://example.org/",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
};

/** Writes a date or a time into the text beside it, in UTC. */
function Picker({ format, change, labelled }: { format: string; change: (draft: Draft) => void; labelled: string }): JSX.Element {
  const type = format === "date-time" ? "datetime-local" : format === "time" ? "time" : "date";
  const pick = (event: TargetedEvent<HTMLInputElement>): void => {
    const value = event.currentTarget.value;
    if (value === "") return;
    const text = format === "date-time" ? new Date(value).toISOString() : format === "time" ? `${value.length === 5 ? `${value}:00` : value}Z` : value;
    change({ kind: "text", text });
  };
  return <input type={type} step="1" class="picker" aria-label="Pick" aria-controls={labelled} onChange={pick} />;
}

function Options({ shape, change, id, described, index }: InputProps & { index: number }): JSX.Element | null {
  if (shape.kind !== "options") return null;
  return (
    <select
      id={id}
      value={String(index)}
      {...(described === "" ? {} : { "aria-describedby": described })}
      onChange={(event) => change({ kind: "option", index: Number(event.currentTarget.value) })}
    >
      {index < 0 && <option value="-1">Choose…</option>}
      {shape.values.map((option, position) => (
        <option key={option.title} value={String(position)}>
          {option.title}
        </option>
      ))}
    </select>
  );
}

function Choice({ shape, draft, change, id, pointer, errors, label }: InputProps & { draft: Draft & { kind: "choice" } }): JSX.Element | null {
  const inner = useMemo(
    () => (shape.kind === "choice" && draft.chosen >= 0 ? shape.variants[draft.chosen]?.shape() : undefined),
    [shape, draft.chosen],
  );
  if (shape.kind !== "choice") return null;
  const choose = (chosen: number): void => {
    const variant = shape.variants[chosen];
    if (!variant) return;
    const kept = draft.drafts.get(chosen) ?? begin(variant.shape());
    change({ kind: "choice", chosen, drafts: new Map([...draft.drafts, [chosen, kept]]) });
  };
  const set = (entered: Draft): void => change({ ...draft, drafts: new Map([...draft.drafts, [draft.chosen, entered]]) });
  return (
    <div class="nested">
      <select id={id} value={String(draft.chosen)} aria-label={`${label}: variant`} onChange={(event) => choose(Number(event.currentTarget.value))}>
        {draft.chosen < 0 && <option value="-1">Choose a variant…</option>}
        {shape.variants.map((variant, position) => (
          <option key={position} value={String(position)}>
            {variant.title}
          </option>
        ))}
      </select>
      {inner && (
        <Inner shape={inner} draft={draft.drafts.get(draft.chosen) ?? begin(inner)} change={set} pointer={pointer} errors={errors.filter((error) => error.pointer !== pointer)} label={label} id={`${id}-inner`} />
      )}
    </div>
  );
}

/** What is within a variant: an object's fields stand by themselves, without a label of their own. */
function Inner(props: Omit<FieldProps, "required">): JSX.Element | null {
  if (props.shape.kind === "fixed") return null;
  const same = { ...props, required: true };
  if (props.shape.kind === "object" && props.draft.kind === "object") {
    return <ObjectFields {...same} draft={props.draft} id={props.id ?? `${idOf(props.pointer)}-inner`} described="" />;
  }
  return <Field {...same} label={props.shape.title ?? "value"} pointer={props.pointer} />;
}

function Items({ shape, draft, change, id, pointer, errors, label }: InputProps & { draft: Draft & { kind: "list" } }): JSX.Element | null {
  const item = useMemo(() => (shape.kind === "list" ? shape.item() : undefined), [shape]);
  const tuple = useMemo(() => (shape.kind === "tuple" ? shape.items.map((one) => one()) : []), [shape]);
  if (shape.kind !== "list" && shape.kind !== "tuple") return null;
  const fixed = shape.kind === "tuple";
  const set = (items: readonly Item[]): void => change({ kind: "list", items });
  const move = (from: number, to: number): void => {
    const items = [...draft.items];
    const [moved] = items.splice(from, 1);
    if (moved) items.splice(to, 0, moved);
    set(items);
  };
  return (
    <div class="nested" id={id} tabIndex={-1}>
      {draft.items.map((one, index) => {
        const inner = fixed ? tuple[index] : item;
        if (!inner) return null;
        return (
          <div class="item" key={one.key}>
            <Field
              shape={inner}
              draft={one.draft}
              change={(entered) => set(draft.items.map((other) => (other.key === one.key ? { ...other, draft: entered } : other)))}
              pointer={pointerTo(pointer, index)}
              errors={errors}
              required
              label={fixed ? (inner.title ?? `${index}`) : `${label} ${index + 1}`}
            />
            {!fixed && (
              <div class="item-actions">
                <button type="button" class="plain" aria-label={`Move ${index + 1} up`} disabled={index === 0} onClick={() => move(index, index - 1)}>
                  ↑
                </button>
                <button
                  type="button"
                  class="plain"
                  aria-label={`Move ${index + 1} down`}
                  disabled={index === draft.items.length - 1}
                  onClick={() => move(index, index + 1)}
                >
                  ↓
                </button>
                <button type="button" class="plain" aria-label={`Remove ${index + 1}`} onClick={() => set(draft.items.filter((other) => other !== one))}>
                  ✕
                </button>
              </div>
            )}
          </div>
        );
      })}
      {!fixed && item && (
        <button type="button" class="plain add" onClick={() => set([...draft.items, newItem(begin(item))])}>
          Add an item
        </button>
      )}
    </div>
  );
}

/** How deep fields are shown without being asked for. */
const OPEN_DEPTH = 6;

export function ObjectFields({
  shape,
  draft,
  change,
  id,
  pointer,
  errors,
}: Omit<InputProps, "label" | "required"> & { draft: Draft & { kind: "object" } }): JSX.Element | null {
  const properties = useMemo(
    () => (shape.kind === "object" ? shape.properties.map((one) => ({ ...one, made: one.shape() })) : []),
    [shape],
  );
  const rest = useMemo(() => (shape.kind === "object" ? shape.rest?.() : undefined), [shape]);
  const [opened, setOpened] = useState(namesIn(pointer).length < OPEN_DEPTH);
  if (!opened) {
    return (
      <button type="button" id={id} class="plain" onClick={() => setOpened(true)}>
        Show {properties.length} fields
      </button>
    );
  }
  const set = (name: string, entered: Draft): void =>
    change({ ...draft, members: new Map([...draft.members, [name, entered]]) });
  const row = (key: number, changed: Partial<Item>): void =>
    change({ ...draft, rest: draft.rest.map((one) => (one.key === key ? { ...one, ...changed } : one)) });
  return (
    <div class={pointer === "" ? "fields" : "nested"} id={id} tabIndex={-1}>
      {properties.map(({ name, required, made }) => (
        <Field
          key={name}
          shape={made}
          draft={draft.members.get(name) ?? UNSET}
          change={(entered) => set(name, entered)}
          pointer={pointerTo(pointer, name)}
          errors={errors}
          required={required}
          label={name}
        />
      ))}
      {rest &&
        draft.rest.map((one) => (
          <div class="item" key={one.key}>
            <input
              type="text"
              class="name"
              aria-label="Name of the entry"
              placeholder="name"
              value={one.name}
              onInput={(event) => row(one.key, { name: event.currentTarget.value })}
            />
            <Field
              shape={rest}
              draft={one.draft}
              change={(entered) => row(one.key, { draft: entered })}
              pointer={pointerTo(pointer, one.name)}
              errors={errors}
              required
              label={one.name === "" ? "value" : one.name}
            />
            <div class="item-actions">
              <button
                type="button"
                class="plain"
                aria-label={`Remove ${one.name}`}
                onClick={() => change({ ...draft, rest: draft.rest.filter((other) => other !== one) })}
              >
                ✕
              </button>
            </div>
          </div>
        ))}
      {rest && (
        <button type="button" class="plain add" onClick={() => change({ ...draft, rest: [...draft.rest, newItem(begin(rest))] })}>
          Add an entry
        </button>
      )}
      {properties.length === 0 && !rest && <p class="quiet">No parameters.</p>}
    </div>
  );
}

