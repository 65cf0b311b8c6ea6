import { describe, expect, it } from "vitest";
import type { ScheduleRecord } from "../api/schema.d.ts";
import { parse } from "../json/parse.ts";
import { changesOf } from "./schedule_changes.ts";

const record = (members: object = {}): ScheduleRecord =>
  ({
    name: "nightly",
    task_name: "report",
    params: parse('{"day": 9007199254740993}'),
    description: null,
    cron: "30 2 * * *",
    timezone: "UTC",
    interval: null,
    run_at: null,
    queue: null,
    priority: null,
    max_attempts: null,
    timeout: null,
    paused: false,
    created_at: "2026-11-29T16:00:00Z",
    last_run_at: null,
    next_runs: [],
    truncated: [],
    ...members,
  }) as unknown as ScheduleRecord;

describe("a schedule that was changed meanwhile", () => {
  it("is the same where only runs have gone on", () => {
    expect(changesOf(record(), record({ last_run_at: "2026-11-29T16:01:00Z", next_runs: ["2026-11-30T02:30:00Z"] }))).toEqual([]);
  });

  it("says what is different", () => {
    expect(changesOf(record(), record({ paused: true }))).toEqual(["whether it is paused"]);
    expect(changesOf(record(), record({ cron: null, interval: 60, description: "often" }))).toEqual(["when it runs", "the description"]);
    expect(changesOf(record(), record({ created_at: "2026-11-29T17:00:00Z" }))).toEqual(["it was deleted and made anew"]);
  });

  it("tells parameters apart by each digit, unless they are not known", () => {
    expect(changesOf(record(), record({ params: parse('{"day": 9007199254740992}') }))).toEqual(["the parameters"]);
    expect(changesOf(record(), record({ params: null, truncated: ["params"] }))).toEqual([]);
  });
});
