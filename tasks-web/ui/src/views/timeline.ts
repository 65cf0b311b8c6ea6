/** Where the bars of a timeline are. */

import type { JobStep } from "../api/schema.d.ts";

/** The least share of the width that a time has in which something ran, and the most that all such times have by that together. */
const LEAST = 0.04;
const MOST = 0.5;

/** No bar is narrower than this, in hundredths of the width. */
const MIN_WIDTH = 1;

/** From when to when something ran, in milliseconds. */
export interface Span {
  from: number;
  to: number;
}

/** In hundredths of the width. */
export interface Bar {
  x: number;
  width: number;
}

export interface Timeline extends Span {
  /** One of each span, and none where there is no span. */
  bars: (Bar | undefined)[];
  /** Whether short times are drawn longer than they are. */
  isStretched: boolean;
}

/** A time in which nothing begins or ends. */
interface Piece {
  from: number;
  time: number;
  runs: boolean;
}

/**
 * The bar of each span. Widths are by time, but a time in which something runs has a least width: what takes milliseconds is seen beside what takes
 * hours, and what came after it is drawn after it.
 */
export function timeline(spans: readonly (Span | undefined)[]): Timeline {
  const moments = momentsOf(spans);
  const [from, to] = [moments[0]?.[0] ?? 0, moments.at(-1)?.[0] ?? 0];
  const drawn = (bar: (span: Span) => Bar): (Bar | undefined)[] => spans.map((span) => span && bar(span));
  if (from === to) return { bars: drawn(() => ({ x: 0, width: 100 })), from, to, isStretched: false };
  const pieces = piecesOf(moments);
  const running = pieces.filter((piece) => piece.runs).sort((one, other) => one.time - other.time);
  const least = Math.min(LEAST, MOST / running.length);
  // What the short times leave to the others, which share it by their time.
  let width = 1;
  let time = to - from;
  const short = new Set<Piece>();
  for (const piece of running) {
    if ((piece.time / time) * width >= least) break;
    short.add(piece);
    width -= least;
    time -= piece.time;
  }
  let x = 0;
  const places = new Map<number, number>();
  for (const piece of pieces) {
    places.set(piece.from, x);
    x += 100 * (short.has(piece) ? least : (piece.time / time) * width);
  }
  const at = (moment: number): number => places.get(moment) ?? 100;
  const bars = drawn((span) => {
    const begin = Math.min(at(span.from), 100 - MIN_WIDTH);
    return { x: begin, width: Math.max(at(span.to) - begin, MIN_WIDTH) };
  });
  return { bars, from, to, isStretched: short.size > 0 };
}

/** When spans begin and end, in order, and how many more run from then on. */
function momentsOf(spans: readonly (Span | undefined)[]): [number, number][] {
  const changes = new Map<number, number>();
  const change = (at: number, by: number): void => void changes.set(at, (changes.get(at) ?? 0) + by);
  for (const span of spans) {
    if (span === undefined) continue;
    change(span.from, 1);
    change(span.to, -1);
  }
  return [...changes].sort(([one], [other]) => one - other);
}

/** The pieces that such moments divide the whole time into. */
function piecesOf(moments: readonly [number, number][]): Piece[] {
  let open = 0;
  return moments.slice(0, -1).map(([from, by], index) => {
    open += by;
    return { from, time: (moments[index + 1]?.[0] ?? from) - from, runs: open > 0 };
  });
}

/** A time (RFC 3339) in milliseconds since 1970, with its microseconds, which `Date` does not have. */
export function instant(text: string): number {
  const [, micros = ""] = /\.\d{3}(\d{1,3})/.exec(text) ?? [];
  return Date.parse(text) + Number(micros.padEnd(3, "0")) / 1000;
}

/** From when to when a step ran, at `end` at the latest if it still waits; nothing for one that was kept from another job. */
export function spanOf(step: JobStep, end: number): Span | undefined {
  if (isKept(step)) return undefined;
  const from = instant(step.started_at);
  return { from, to: Math.max(from, step.finished_at === null ? end : instant(step.finished_at)) };
}

/** Whether the step ran in the job that this one was forked from. */
export const isKept = (step: JobStep): boolean => step.attempt === 0;
