import { expect, test } from "vitest";
import type { JobStep } from "../api/schema.d.ts";
import { type Span, instant, spanOf, timeline } from "./timeline.ts";

const HOUR = 3_600_000;

/** Spans of these lengths, one after the other. */
function inTurn(...lengths: number[]): Span[] {
  let at = 1_790_000_000_000;
  return lengths.map((length) => ({ from: at, to: (at += length) }));
}

const round = (value: number): number => Math.round(value * 10) / 10;
const rounded = (spans: readonly (Span | undefined)[]): (number[] | undefined)[] => timeline(spans).bars.map((bar) => bar && [round(bar.x), round(bar.width)]);

test("bars are as long as what they show", () => {
  expect(rounded(inTurn(1000, 2000, 1000))).toEqual([
    [0, 25],
    [25, 50],
    [75, 25],
  ]);
  expect(timeline(inTurn(1000, 2000, 1000)).isStretched).toBe(false);
});

test("a time in which nothing runs is as long as it was", () => {
  const spans = [
    { from: 0, to: 10 },
    { from: 30, to: 40 },
  ];
  expect(rounded(spans)).toEqual([
    [0, 25],
    [75, 25],
  ]);
});

test("milliseconds are seen beside hours, in their order", () => {
  const spans = inTurn(2, 3, 5 * HOUR, 1);
  expect(rounded(spans)).toEqual([
    [0, 4],
    [4, 4],
    [8, 88],
    [96, 4],
  ]);
  expect(timeline(spans).isStretched).toBe(true);
});

test("many short steps leave half of the width to a long one", () => {
  const bars = rounded(inTurn(...Array<number>(99).fill(1), HOUR));
  expect(bars.at(-1)).toEqual([49.5, 50.5]);
  // Each is wide enough to be seen.
  expect(Math.min(...bars.map((bar) => bar?.[1] ?? 0))).toBeGreaterThanOrEqual(1);
});

test("steps side by side begin and end where they did", () => {
  const spans = [
    { from: 0, to: 100 },
    { from: 0, to: 50 },
    { from: 50, to: 75 },
  ];
  expect(rounded(spans)).toEqual([
    [0, 100],
    [0, 50],
    [50, 25],
  ]);
});

test("what took no time has a bar, and so has the only step", () => {
  const end = [
    { from: 0, to: 10 },
    { from: 10, to: 10 },
  ];
  expect(rounded(end)).toEqual([
    [0, 100],
    [99, 1],
  ]);
  expect(rounded([{ from: 5, to: 5 }])).toEqual([[0, 100]]);
  expect(rounded([{ from: 5, to: 6 }])).toEqual([[0, 100]]);
  expect(timeline([])).toEqual({ bars: [], from: 0, to: 0, isStretched: false });
});

test("what did not run here has no bar, and takes no width", () => {
  expect(timeline([undefined, { from: 10, to: 30 }, undefined, { from: 30, to: 50 }])).toEqual({
    bars: [undefined, { x: 0, width: 50 }, undefined, { x: 50, width: 50 }],
    from: 10,
    to: 50,
    isStretched: false,
  });
});

test("bars stay in the picture, however long things take", () => {
  const lengths = [0, 0.001, 1, 7, 1e3, 1e5, 1e7, 1e9, 3e10];
  for (let turn = 0; turn < lengths.length; turn++) {
    const bars = timeline(inTurn(...lengths.slice(turn), ...lengths.slice(0, turn))).bars.filter((bar) => bar !== undefined);
    for (const { x, width } of bars) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(width).toBeGreaterThanOrEqual(1);
      expect(x + width).toBeLessThanOrEqual(100.001);
    }
    expect(bars.map(({ x }) => x)).toEqual(bars.map(({ x }) => x).sort((one, other) => one - other));
  }
});

test.each([
  ["2026-11-30T00:00:00.123456Z", 123.456],
  ["2026-11-30T00:00:00.5Z", 500],
  ["2026-11-30T00:00:01Z", 1000],
])("%s keeps its microseconds", (text, after) => {
  expect(instant(text) - Date.parse("2026-11-30T00:00:00Z")).toBeCloseTo(after, 2);
});

test("a step that waits lasts until now, and one that was kept did not run here", () => {
  const step: JobStep = {
    name: "ship",
    kind: "event",
    status: "waiting",
    attempt: 1,
    started_at: "2026-11-30T00:00:00.000000Z",
    finished_at: null,
    waits_until: "2026-11-30T01:00:00.000000Z",
    event: "answer",
    child_id: null,
    result_bytes: null,
    error: null,
  };
  const from = Date.parse(step.started_at);
  expect(spanOf(step, from + 5000)).toEqual({ from, to: from + 5000 });
  // A clock may be wrong.
  expect(spanOf(step, from - 5000)).toEqual({ from, to: from });
  expect(spanOf({ ...step, status: "completed", finished_at: "2026-11-30T00:00:01.000000Z" }, from + 5000)).toEqual({ from, to: from + 1000 });
  expect(spanOf({ ...step, attempt: 0 }, from + 5000)).toBeUndefined();
});
