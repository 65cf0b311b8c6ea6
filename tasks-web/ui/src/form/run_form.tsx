/** The form that runs a task: its fields, the same as JSON, and how it is sent. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Refused, messageOf, segment } from "../api/http.ts";
import { at, config } from "../api/config.ts";
import type { TaskInfo } from "../api/schema.d.ts";
import { type Json, type Members, isMembers, namesIn } from "../json/value.ts";
import { JsonError, parse } from "../json/parse.ts";
import { pretty } from "../json/write.ts";
import { Alert, Copy } from "../parts/basics.tsx";
import { curl, python, rust } from "./copy_as.ts";
import { type Draft, type FormError, begin, fromJson, isBlank, secretAgain, toJson } from "./draft.ts";
import { ObjectFields, idOf } from "./field.tsx";
import { type Shape, shapeOf } from "./shape.ts";
import { errorsOf, useVerdict } from "./verdict.ts";

export interface Sent {
  /** How it is sent: at once, or as a job. */
  how: "execute" | "submit";
  params: Members;
  /** Beside `params`, for jobs. */
  options: Members;
  idempotencyKey: string;
}

interface Props {
  task: TaskInfo;
  /** What the form begins with: the parameters of an earlier job. */
  params?: Json | undefined;
  send: (sent: Sent) => Promise<void>;
}

/** The parts of the form's state that outlive a reload of the page; secrets do not. */
const draftKey = (task: string): string => `tasks.draft.${at("")}.${config.key ?? ""}.${task}`;

export function RunForm({ task, params, send }: Props): JSX.Element {
  const shape = useMemo(() => {
    const schema = task.input_schema as unknown as Json;
    return shapeOf(schema, isMembers(schema) ? schema : new Map());
  }, [task]);
  const empty: Draft = shape.kind === "object" ? begin(shape) : { kind: "object", members: new Map(), rest: [] };
  const [draft, setDraft] = useState<Draft>(() => {
    const kept = params ?? stored(task.name);
    return kept === undefined ? empty : withoutMasks(shape, fromJson(shape, kept));
  });
  const [view, setView] = useState<"form" | "json">("form");
  const [text, setText] = useState("");
  const [syntax, setSyntax] = useState<string>();
  const [refused, setRefused] = useState<{ text: string; errors: readonly FormError[]; message: string }>();
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [options, setOptions] = useState({ delay: "", priority: "", queue: "", key: "" });

  const local: FormError[] = [];
  const value = toJson(shape, draft, local, "");
  const json = isMembers(value) ? value : new Map();
  const current = pretty(json);
  const verdict = useVerdict(`${config.tasks}/${segment(task.name)}/$validate`, local.length === 0 ? json : undefined, current);
  const asked = refused?.text === current ? refused.errors : verdict;
  const found = local.length > 0 ? local : asked;
  // What is wrong with a field that is still empty is said once a person wants to send it.
  const errors = tried ? found : found.filter((error) => !isBlank(draft, namesIn(error.pointer)));

  const change = (next: Draft): void => {
    setDraft(next);
    setSyntax(undefined);
    keep(task.name, shape, next);
  };
  const edit = (entered: string): void => {
    setText(entered);
    try {
      const parsed = entered.trim() === "" ? new Map() : parse(entered);
      if (!isMembers(parsed)) throw new JsonError("parameters are an object: `{…}`", entered, 0);
      change(fromJson(shape, parsed));
    } catch (error) {
      setSyntax(messageOf(error));
    }
  };
  const asText = (shown: Json | undefined): string => (isMembers(shown) && shown.size > 0 ? pretty(shown) : "{\n}");
  const clear = (): void => {
    change(empty);
    setText(asText(toJson(shape, empty, [])));
    setTried(false);
    setRefused(undefined);
  };
  const show = (next: "form" | "json"): void => {
    if (next === view) return;
    if (syntax !== undefined) {
      // What cannot be read would be lost.
      document.getElementById("form-errors")?.focus();
      return;
    }
    if (next === "json") setText(asText(json));
    setSyntax(undefined);
    setView(next);
  };
  const submit = async (how: "execute" | "submit"): Promise<void> => {
    setTried(true);
    setRefused(undefined);
    if (local.length > 0 || syntax !== undefined) {
      document.getElementById("form-errors")?.focus();
      return;
    }
    setBusy(true);
    try {
      await send({ how, params: json, options: optionsOf(options), idempotencyKey: options.key.trim() });
    } catch (error) {
      const found = errorsOf(error);
      setRefused({ text: current, errors: found ?? [], message: messageOf(error) });
      if (!(error instanceof Refused)) console.error(error);
      window.setTimeout(() => document.getElementById("form-errors")?.focus(), 0);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form
      class="run"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit("execute");
      }}
    >
      <div class="tabs" role="group" aria-label="How parameters are entered">
        {(["form", "json"] as const).map((name) => (
          <button type="button" aria-pressed={view === name} key={name} onClick={() => show(name)}>
            {name === "form" ? "Form" : "JSON"}
          </button>
        ))}
      </div>
      {view === "form" ? (
        draft.kind === "object" && shape.kind === "object" ? (
          <ObjectFields shape={shape} draft={draft} change={change} id={idOf("")} described="" pointer="" errors={errors} />
        ) : (
          <Alert kind="note">These parameters do not fit the fields of the form: see JSON.</Alert>
        )
      ) : (
        <textarea
          class="code"
          aria-label="Parameters as JSON"
          autocomplete="off"
          rows={Math.min(30, Math.max(6, text.split("\n").length + 1))}
          spellcheck={false}
          value={text}
          onInput={(event) => edit(event.currentTarget.value)}
        />
      )}
      <div id="form-errors" tabIndex={-1}>
        {syntax !== undefined && <Alert>{syntax}</Alert>}
        {(errors.length > 0 || refused?.text === current) && (
          <Alert>
            <p>{refused?.text === current ? refused.message : "The parameters do not fit yet:"}</p>
            <ul>
              {errors.slice(0, 20).map((error) => (
                <li key={error.pointer + error.detail}>
                  <a href={`#${idOf(error.pointer)}`} onClick={(event) => focus(event, error.pointer)}>
                    {error.pointer.slice(1) || "params"}
                  </a>
                  : {error.detail}
                </li>
              ))}
            </ul>
          </Alert>
        )}
      </div>
      {config.jobs !== null && !config.read_only && <Options options={options} change={setOptions} />}
      <div class="buttons">
        {config.read_only ? (
          <span class="quiet">Your key may look, and run nothing.</span>
        ) : (
          <button type="submit" class="primary" disabled={busy}>
            Execute
          </button>
        )}
        {config.jobs !== null && !config.read_only && (
          <button type="button" disabled={busy} onClick={() => void submit("submit")}>
            Submit as a job
          </button>
        )}
        <button type="button" class="plain" onClick={clear}>
          Clear
        </button>
        <CopyAs task={task.name} shape={shape} params={json} />
      </div>
    </form>
  );
}

function CopyAs({ task, shape, params }: { task: string; shape: Shape; params: Members }): JSX.Element {
  const shown = withoutSecrets(shape, params);
  return (
    <span class="copy-as" role="group" aria-label="Copy as">
      <span class="quiet">Copy as: </span>
      <Copy label="curl" text={curl(task, shown)} />
      <Copy label="Rust" text={rust(task, shown)} />
      <Copy label="Python" text={python(task, shown)} />
    </span>
  );
}

interface OptionTexts {
  delay: string;
  priority: string;
  queue: string;
  key: string;
}

function Options({ options, change }: { options: OptionTexts; change: (options: OptionTexts) => void }): JSX.Element {
  const field = (name: keyof OptionTexts, label: string, placeholder: string): JSX.Element => (
    <label class="option">
      <span class="label">{label}</span>
      <input
        type="text"
        autocomplete="off"
        value={options[name]}
        placeholder={placeholder}
        onInput={(event) => change({ ...options, [name]: event.currentTarget.value })}
        onKeyDown={(event) => {
          // It would execute the task at once: these are for a job.
          if (event.key === "Enter") event.preventDefault();
        }}
      />
    </label>
  );
  return (
    <details class="options">
      <summary>Options of the job</summary>
      <div class="row">
        {field("delay", "Delay", "5m")}
        {field("priority", "Priority", "0")}
        {field("queue", "Queue", "default")}
        {field("key", "Idempotency key", "none")}
      </div>
    </details>
  );
}

/** Digits alone are a number of seconds; anything else is for the service to read. */
const wholeOrText = (text: string): Json => (/^\d+$/.test(text) ? parse(String(BigInt(text))) : text);

function optionsOf(texts: OptionTexts): Members {
  const options: Members = new Map();
  if (texts.delay.trim() !== "") options.set("delay", wholeOrText(texts.delay.trim()));
  if (texts.priority.trim() !== "") {
    const priority = texts.priority.trim();
    // A text that is no number is for the service to refuse.
    options.set("priority", /^-?\d+$/.test(priority) ? parse(String(Number(priority))) : priority);
  }
  if (texts.queue.trim() !== "") options.set("queue", texts.queue.trim());
  return options;
}

function focus(event: Event, pointer: string): void {
  // The field of a value that is not shown is the nearest one around it.
  for (let at = pointer; ; at = at.slice(0, at.lastIndexOf("/"))) {
    const element = document.getElementById(idOf(at));
    if (element) {
      event.preventDefault();
      element.focus();
      element.scrollIntoView({ block: "center" });
      return;
    }
    if (at === "") return;
  }
}

/** Parameters without those whose fields are for secrets. */
function withoutSecrets(shape: Shape, params: Members): Members {
  if (shape.kind !== "object") return params;
  const secret = new Set(shape.properties.filter((one) => one.shape().secret).map((one) => one.name));
  return new Map([...params].map(([name, value]) => [name, secret.has(name) ? "…" : value]));
}

/** What a record shows in place of a secret is nothing to send: it has to be entered again. */
function withoutMasks(shape: Shape, draft: Draft): Draft {
  if (shape.kind !== "object" || draft.kind !== "object") return draft;
  const members = new Map(draft.members);
  for (const { name, shape: of } of shape.properties) {
    const made = of();
    if (made.secret && members.has(name)) members.set(name, secretAgain(made));
  }
  return { ...draft, members };
}

function keep(task: string, shape: Shape, draft: Draft): void {
  try {
    const value = toJson(shape, draft, []);
    if (!isMembers(value) || shape.kind !== "object") return;
    const secret = new Set(shape.properties.filter((one) => one.shape().secret).map((one) => one.name));
    sessionStorage.setItem(draftKey(task), pretty(new Map([...value].filter(([name]) => !secret.has(name)))));
  } catch {
    // There is no place for it, or the browser does not permit it: the form works without.
  }
}

function stored(task: string): Json | undefined {
  try {
    const text = sessionStorage.getItem(draftKey(task));
    return text === null ? undefined : parse(text);
  } catch {
    return undefined;
  }
}
