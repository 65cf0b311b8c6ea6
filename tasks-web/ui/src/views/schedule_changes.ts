/** What of a schedule was changed by somebody else while a person changed it. */

import type { ScheduleRecord } from "../api/schema.d.ts";
import { type Json, same } from "../json/value.ts";

/** What can be written, by what a person calls it. That it was made anew is a change, too. */
const WRITTEN: [string, readonly (keyof ScheduleRecord)[]][] = [
  ["the task", ["task_name"]],
  ["the parameters", ["params"]],
  ["when it runs", ["cron", "timezone", "interval", "run_at"]],
  ["the description", ["description"]],
  ["the queue", ["queue"]],
  ["the priority", ["priority"]],
  ["the attempts", ["max_attempts"]],
  ["the timeout", ["timeout"]],
  ["whether it is paused", ["paused"]],
  ["it was deleted and made anew", ["created_at"]],
];

/** The names of what is different. */
export function changesOf(before: ScheduleRecord, after: ScheduleRecord): string[] {
  // A process that does not have the task leaves parameters out: that is no change.
  const isUnknown = before.truncated.includes("params") || after.truncated.includes("params");
  const differs = (member: keyof ScheduleRecord): boolean =>
    !(member === "params" && isUnknown) && !same(before[member] as unknown as Json, after[member] as unknown as Json);
  return WRITTEN.filter(([, members]) => members.some(differs)).map(([name]) => name);
}
