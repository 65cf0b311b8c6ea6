/** The same call in other words: for a shell, a program in Rust, one in Python. */

import { config } from "../api/config.ts";
import { type Json, type Members, Num, isMembers } from "../json/value.ts";
import { compact } from "../json/write.ts";

const url = (task: string): string => `${window.location.origin}${config.prefix}${config.tasks}/${task}/$execute`;

/** A text in single quotation marks, for a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export function curl(task: string, params: Members): string {
  const body = compact(new Map([["params", params]]));
  const key = config.key === null ? "" : ` -H "X-API-Key: $API_KEY"`;
  return `curl -X POST ${quoted(url(task))} -H 'content-type: application/json'${key} -d ${quoted(body)}`;
}

export function python(task: string, params: Members): string {
  const headers = config.key === null ? "" : `, headers={"X-API-Key": api_key}`;
  return `import requests\n\nanswer = requests.post(\n    ${JSON.stringify(url(task))},\n    json={"params": ${pythonValue(params)}}${headers},\n)\nprint(answer.json())`;
}

function pythonValue(value: Json): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value instanceof Num) return value.text;
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(", ")}]`;
  if (isMembers(value)) return `{${[...value].map(([name, item]) => `${JSON.stringify(name)}: ${pythonValue(item)}`).join(", ")}}`;
  return JSON.stringify(value);
}

/** A call of `TaskExecutor::execute_json`: the arguments are read by the same decoder. */
export function rust(task: string, params: Members): string {
  const body = compact(new Map([["params", params]]));
  let hashes = "#";
  while (body.includes(`"${hashes}`)) hashes += "#";
  return `let executed = executor\n    .execute_json(${JSON.stringify(task)}, r${hashes}"${body}"${hashes}.as_bytes())\n    .await?;`;
}
