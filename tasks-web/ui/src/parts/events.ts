/** What the service tells by itself: server-sent events, while the page is seen. */

import { useEffect, useRef, useState } from "preact/hooks";
import { config } from "../api/config.ts";
import { plain } from "../api/http.ts";
import { parse } from "../json/parse.ts";
import { connection, paused } from "./live.ts";
import { canAgree, takeSlot } from "./slots.ts";

/** The longest wait after refusals, in milliseconds. */
const MAX_WAIT = 30_000;

/** Without a place for a stream: how often to look for a place, in milliseconds, and how often views read meanwhile. */
export const POLL_INTERVAL = 3000;
const SLOT_INTERVAL = 10_000;

/** Whether the service tells of changes now; `refused` when it answered that it will not, `polled` when other windows have all the streams. */
export type Told = "waiting" | "open" | "lost" | "refused" | "polled";

/**
 * Listens at a path, unless it is `null`, while the page is seen and nobody has paused it. A browser has six connections for all of its tabs: those
 * that are hidden keep none, and of those that are seen some read now and then instead. `hear` gets the name of each event and its data, `failed`
 * is called whenever the stream ends, and when it goes on after that: what was heard before may be out of date. Who is told `polled` reads by itself.
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
    let over = false;
    let timer = 0;
    let source: EventSource | undefined;
    let free: (() => void) | undefined;
    const listen = (event: MessageEvent): void => {
      failures.current = 0;
      handlers.current.hear(event.type, plain(parse(String(event.data))));
    };
    const open = (url: string): void => {
      const opening = new EventSource(url);
      source = opening;
      for (const name of ["message", ...names]) opening.addEventListener(name, listen);
      let lost = false;
      opening.onopen = () => {
        // The service says nothing of what it said last, and that may have changed and changed back meanwhile.
        if (lost) handlers.current.failed();
        lost = false;
        connection.value = "connected";
        setTold("open");
      };
      opening.onerror = () => {
        lost = true;
        const refused = opening.readyState === EventSource.CLOSED;
        setTold(refused ? "refused" : "lost");
        handlers.current.failed();
        if (!refused) return;
        free?.();
        // After a refusal, a browser does not come back by itself.
        const wait = Math.min(MAX_WAIT, 1000 * 2 ** failures.current++);
        timer = window.setTimeout(() => setOpened((count) => count + 1), wait);
      };
    };
    const wait = async (): Promise<void> => {
      // A place that this window has just given back may look taken at first. Where a browser refuses locks, it is as if windows could not agree.
      free = await takeSlot()
        .then((slot) => slot ?? takeSlot())
        .catch(() => () => {});
      if (over) free?.();
      else if (free !== undefined) open(config.prefix + path);
      else {
        setTold("polled");
        timer = window.setTimeout(() => void wait(), SLOT_INTERVAL);
      }
    };
    if (canAgree()) void wait();
    else open(config.prefix + path);
    return () => {
      over = true;
      window.clearTimeout(timer);
      source?.close();
      free?.();
    };
  }, [path, visible, paused.value, opened]);
  return told;
}
