/** Pauses of queues and of tasks. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { messageOf, send } from "../api/http.ts";
import type { Pause } from "../api/schema.d.ts";
import type { Members } from "../json/value.ts";
import { Alert } from "./basics.tsx";
import { Time } from "./time.tsx";

/** How long a reason may be, in characters. */
const MAX_REASON = 500;

/** Whether it is paused, since when, by whom and why. */
export function PauseState({ paused }: { paused: Pause | null }): JSX.Element {
  if (paused === null) return <span class="badge completed">active</span>;
  const { at, by, reason } = paused;
  return (
    <>
      <span class="badge canceled">paused</span> since <Time at={at} absolute />
      {by !== null && ` by ${by}`}
      {reason !== null && `: ${reason}`}
    </>
  );
}

/** Asks for the reason before a queue or a task is paused. */
export function PauseForm({
  what,
  name,
  path,
  done,
  cancel,
}: {
  what: "queue" | "task";
  name: string;
  path: string;
  done: () => void;
  cancel: () => void;
}): JSX.Element {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const pause = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      const body: Members = new Map();
      if (reason.trim() !== "") body.set("reason", reason.trim());
      await send("POST", path, body);
      done();
    } catch (failed) {
      setError(messageOf(failed));
      setBusy(false);
    }
  };
  return (
    <form
      class="run"
      aria-label={`Pause ${name}`}
      onSubmit={(event) => {
        event.preventDefault();
        void pause();
      }}
    >
      <p>
        No job of the {what} <strong>{name}</strong> begins until it is resumed. Jobs that run go on.
      </p>
      <label class="option">
        <span class="label">Reason</span>
        <input type="text" maxLength={MAX_REASON} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <div class="buttons">
        <button type="submit" class="primary" disabled={busy}>
          Pause the {what}
        </button>
        <button type="button" class="plain" onClick={cancel}>
          Leave it
        </button>
      </div>
      {error !== undefined && <Alert>{error}</Alert>}
    </form>
  );
}
