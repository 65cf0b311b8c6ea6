/** Steps that a stream has told of. */

import type { JobStep } from "../api/schema.d.ts";
import { instant } from "./timeline.ts";

/** The steps of one job as a stream has told of them last, each with when that was, by `performance.now()`. */
export interface HeardSteps {
  path: string;
  byName: ReadonlyMap<string, { step: JobStep; at: number }>;
}

export const NO_STEPS: HeardSteps = { path: "", byName: new Map() };

/** The same with one more; those of another job are dropped. */
export function withStep(heard: HeardSteps, path: string, step: JobStep, at: number): HeardSteps {
  const byName = new Map(heard.path === path ? heard.byName : []);
  return { path, byName: byName.set(step.name, { step, at }) };
}

/** The steps that were read, or asked for, at some time, with those that a stream has told of since then, in the order in which they began. */
export function newest(read: readonly JobStep[], asked: number, heard: HeardSteps, path: string): readonly JobStep[] {
  const news = heard.path === path ? [...heard.byName.values()].filter((one) => one.at >= asked) : [];
  if (news.length === 0) return read;
  const steps = new Map(read.map((step) => [step.name, step]));
  for (const { step } of news) steps.set(step.name, step);
  return [...steps.values()].sort((one, other) => instant(one.started_at) - instant(other.started_at));
}
