/** Data that is kept fresh while a person looks at it. */

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { Refused, Unreachable, messageOf } from "../api/http.ts";

/** Whether views are kept fresh; a person may pause that. */
export const paused = signal(false);

/** Whether the service answered the last time it was asked. */
export const connection = signal<"connected" | "offline">("connected");

export interface Live<T> {
  /** What was read last, which stays while something is wrong. */
  data: T | undefined;
  /** When that was asked for, by `performance.now()`: what was heard since then is newer. */
  asked: number;
  error: string | undefined;
  /** The status of the problem, if the service has answered. */
  status: number | undefined;
  refresh: () => void;
}

/** The longest wait after failures, in milliseconds. */
const MAX_WAIT = 30_000;

/**
 * Loads now, and again every `interval` milliseconds while the page is seen and nobody has paused it. `key` says what is loaded: when it
 * changes, what was read before is dropped.
 */
export function useLive<T>(key: string, load: () => Promise<T>, interval = 0): Live<T> {
  const [state, setState] = useState<{ key: string; data?: T; asked?: number; error?: string; status?: number }>({ key });
  const again = useRef(() => {});
  const loader = useRef(load);
  loader.current = load;
  const every = useRef(interval);
  every.current = interval;
  const wait = useRef(() => {});
  useEffect(() => {
    let over = false;
    let timer = 0;
    let failures = 0;
    let turn = 0;
    const plan = (): void => {
      window.clearTimeout(timer);
      if (over || every.current === 0) return;
      const pause = failures === 0 ? every.current : Math.min(MAX_WAIT, every.current * 2 ** failures);
      timer = window.setTimeout(() => (document.hidden || paused.value ? plan() : void run()), pause);
    };
    const run = async (): Promise<void> => {
      const mine = ++turn;
      const asked = performance.now();
      window.clearTimeout(timer);
      try {
        const data = await loader.current();
        if (over || mine !== turn) return;
        failures = 0;
        connection.value = "connected";
        setState({ key, data, asked });
      } catch (error) {
        if (over || mine !== turn) return;
        failures++;
        const status = error instanceof Refused ? error.problem.status : undefined;
        const isAway = error instanceof Unreachable || error instanceof TypeError || error instanceof DOMException;
        connection.value = isAway ? "offline" : "connected";
        setState((before) => ({
          key,
          ...(before.key === key && before.data !== undefined ? { data: before.data, asked: before.asked ?? 0 } : {}),
          error: messageOf(error),
          ...(status === undefined ? {} : { status }),
        }));
      }
      plan();
    };
    const seen = (): void => {
      if (!document.hidden && !paused.value && every.current > 0) void run();
    };
    again.current = () => void run();
    wait.current = plan;
    document.addEventListener("visibilitychange", seen);
    void run();
    return () => {
      over = true;
      window.clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [key]);
  useEffect(() => wait.current(), [interval]);
  const current = state.key === key ? state : { key };
  return {
    data: current.data,
    asked: current.asked ?? 0,
    error: current.error,
    status: current.status,
    refresh: () => again.current(),
  };
}
