/** What the service tells by itself: server-sent events, while the page is seen. */

import { useEffect, useRef, useState } from "preact/hooks";
import { config } from "../api/config.ts";
import { plain } from "../api/http.ts";
import { parse } from "../json/parse.ts";
import { connection, paused } from "./live.ts";

/** The longest wait after refusals, in milliseconds. */
const MAX_WAIT = 30_000;

/** Whether the service tells of changes now; `refused` when it answered that it will not. */
export type Told = "waiting" | "open" | "lost" | "refused";

/**
 * Listens at a path, unless it is `null`, while the page is seen and nobody has paused it. A browser has six connections for all of its tabs: those
 * that are hidden keep none. `hear` gets the name of each event and its data, `failed` is called
 * whenever the stream ends, and when it goes on after that: what was heard before may be out of date.
 */
export function useEvents(path: string | null, names: readonly string[], hear: (name: string, data: unknown) => void, failed: () => void): Told {
  const [told, setTold] = useState<Told>("waiting");
  const [visible, setVisible] = useState(!document.hidden);
  const [opened, setOpened] = useState(0);
  const failures = useRef(0);
  const handlers = useRef({ hear, failed });
  handlers.current = { hear, failed };
  useEffect(() => {
    const seen = (): void => setVisible(!document.hidden);
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, []);
  useEffect(() => setTold("waiting"), [path]);
  useEffect(() => {
    if (path === null || !visible || paused.value) return;
    let timer = 0;
    const source = new EventSource(config.prefix + path);
    const listen = (event: MessageEvent): void => {
      failures.current = 0;
      handlers.current.hear(event.type, plain(parse(String(event.data))));
    };
    for (const name of ["message", ...names]) source.addEventListener(name, listen);
    let lost = false;
    source.onopen = () => {
      // The service says nothing of what it said last, and that may have changed and changed back meanwhile.
      if (lost) handlers.current.failed();
      lost = false;
      connection.value = "connected";
      setTold("open");
    };
    source.onerror = () => {
      lost = true;
      const refused = source.readyState === EventSource.CLOSED;
      setTold(refused ? "refused" : "lost");
      handlers.current.failed();
      if (!refused) return;
      // After a refusal, a browser does not come back by itself.
      const wait = Math.min(MAX_WAIT, 1000 * 2 ** failures.current++);
      timer = window.setTimeout(() => setOpened((count) => count + 1), wait);
    };
    return () => {
      window.clearTimeout(timer);
      source.close();
    };
  }, [path, visible, paused.value, opened]);
  return told;
}
