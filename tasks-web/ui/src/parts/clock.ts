/** What time it is, by the service: a browser's clock may be wrong. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { corrected } from "./offset.ts";

let offset = 0;

/** Now, in milliseconds since 1970. */
export const now = (): number => Date.now() + offset;

/** What an answer says of the time; `sent` is when it was asked for, by `performance.now()`. */
export function heardTime(headers: Headers, sent: number): void {
  const date = headers.get("date");
  // What a cache has kept is from another time.
  if (date === null || headers.has("age")) return;
  const received = Date.now();
  offset = corrected(offset, Date.parse(date), received - (performance.now() - sent), received);
}

/** Changes every second while the page is seen and something shows the time. */
const tick = signal(0);
let users = 0;
let timer = 0;

function run(): void {
  window.clearInterval(timer);
  if (users === 0 || document.hidden) return;
  tick.value++;
  timer = window.setInterval(() => tick.value++, 1000);
}

document.addEventListener("visibilitychange", run);

/** Now, again and again; without `ticks`, as it is once. */
export function useNow(ticks = true): number {
  if (ticks) void tick.value;
  useEffect(() => {
    if (!ticks) return;
    if (users++ === 0) run();
    return () => {
      if (--users === 0) window.clearInterval(timer);
    };
  }, [ticks]);
  return now();
}
