/** Writes JSON, with the digits of its numbers as they were read. */

import { type Json, Num, isMembers } from "./value.ts";

/** In one line. */
export function compact(value: Json): string {
  if (value instanceof Num) return value.text;
  if (Array.isArray(value)) return `[${value.map(compact).join(",")}]`;
  if (isMembers(value)) return `{${[...value].map(([name, item]) => `${JSON.stringify(name)}:${compact(item)}`).join(",")}}`;
  return JSON.stringify(value);
}

/** For people: a line for each member that is not short. */
export function pretty(value: Json, indent = ""): string {
  const short = compact(value);
  if (short.length + indent.length <= 60) {
    // Spaces as people write them.
    if (Array.isArray(value)) return `[${value.map((item) => pretty(item, indent)).join(", ")}]`;
    if (!isMembers(value) || value.size === 0) return short;
  }
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => deeper + pretty(item, deeper)).join(",\n")}\n${indent}]`;
  }
  if (isMembers(value)) {
    const lines = [...value].map(([name, item]) => `${deeper}${JSON.stringify(name)}: ${pretty(item, deeper)}`);
    return `{\n${lines.join(",\n")}\n${indent}}`;
  }
  return short;
}
