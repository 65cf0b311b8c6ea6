import { expect, test } from "vitest";
import type { JobStep } from "../api/schema.d.ts";
import { type HeardSteps, NO_STEPS, newest, withStep } from "./heard_steps.ts";

const step = (name: string, second: number, attempt = 1): JobStep => ({
  name,
  kind: "step",
  status: "completed",
  attempt,
  started_at: `2026-11-30T00:00:0${second}.000000Z`,
  finished_at: `2026-11-30T00:00:0${second}.500000Z`,
  waits_until: null,
  event: null,
  child_id: null,
  result_bytes: 4,
  error: null,
});

const PATH = "/jobs/1";
const hear = (...told: [JobStep, number][]): HeardSteps => told.reduce((heard, [one, at]) => withStep(heard, PATH, one, at), NO_STEPS);
const named = (steps: readonly JobStep[]): string[] => steps.map((one) => `${one.name} ${one.attempt}`);

test("what was told of later is newer, and in its place", () => {
  const read = [step("a", 1), step("c", 3)];
  const heard = hear([step("c", 4, 2), 20], [step("b", 2), 21]);
  expect(named(newest(read, 10, heard, PATH))).toEqual(["a 1", "b 1", "c 2"]);
});

test("what was told of before the others were asked for is older", () => {
  const heard = hear([step("a", 1), 5], [step("gone", 2), 6]);
  expect(named(newest([step("a", 1, 2)], 10, heard, PATH))).toEqual(["a 2"]);
});

test("the last word on a step counts, and steps of another job do not", () => {
  const heard = hear([step("a", 1), 20], [step("a", 1, 2), 21]);
  expect(named(newest([], 0, heard, PATH))).toEqual(["a 2"]);
  expect(newest([], 0, heard, "/jobs/2")).toEqual([]);
  expect(named(newest([], 0, withStep(heard, "/jobs/2", step("b", 1), 22), "/jobs/2"))).toEqual(["b 1"]);
});
