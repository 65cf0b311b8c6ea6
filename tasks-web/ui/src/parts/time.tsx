/** Times and durations. */

import type { JSX } from "preact";
import { now, useNow } from "./clock.ts";

const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const STEPS: [number, Intl.RelativeTimeFormatUnit][] = [
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
  [1, "second"],
];

function relative(at: Date): string {
  const seconds = Math.round((at.getTime() - now()) / 1000);
  for (const [size, unit] of STEPS) {
    if (Math.abs(seconds) >= size) return RELATIVE.format(Math.trunc(seconds / size), unit);
  }
  return "now";
}

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** How long ago, as time goes by, with the local time and UTC on hover. */
export function Time({ at, absolute = false }: { at: string | null | undefined; absolute?: boolean }): JSX.Element {
  useNow(Boolean(at) && !absolute);
  if (!at) return <span class="quiet">–</span>;
  const date = new Date(at);
  const local = LOCAL.format(date);
  return (
    <time dateTime={at} title={`${local} (${at})`}>
      {absolute ? local : relative(date)}
    </time>
  );
}

/** From one time to another, or to now, as time goes by; never negative. */
export function Duration({ from, to }: { from: string | null; to: string | null }): JSX.Element {
  const time = useNow(from !== null && to === null);
  if (from === null) return <>–</>;
  const end = to === null ? time : new Date(to).getTime();
  return <>{milliseconds(Math.max(0, end - new Date(from).getTime()))}</>;
}

export function milliseconds(time: number): string {
  if (time < 1000) return `${Math.round(time)} ms`;
  const seconds = time / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
