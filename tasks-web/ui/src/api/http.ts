/** Requests to the service that serves this page. */

import { parse } from "../json/parse.ts";
import { type Json, Num, isMembers } from "../json/value.ts";
import { compact } from "../json/write.ts";
import { heardTime } from "../parts/clock.ts";
import { config } from "./config.ts";
import type { Problem } from "./schema.d.ts";

/** How long an answer may take. */
const TIMEOUT = 30_000;

/** Members whose digits count: they stay as they were read. */
const EXACT = new Set(["params", "result", "data", "metadata", "error_details", "details", "input_schema", "output_schema", "payload_schema"]);

/** The service has refused something. */
export class Refused extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** The service has not answered. */
export class Unreachable extends Error {}

export interface Answer {
  json: Json;
  headers: Headers;
  status: number;
}

/** A value as JavaScript has it. What a task or a client has written stays as it was read. */
export function plain(value: Json): unknown {
  if (value instanceof Num) return Number(value.text);
  if (Array.isArray(value)) return value.map(plain);
  if (!isMembers(value)) return value;
  return Object.fromEntries([...value].map(([name, item]) => [name, EXACT.has(name) ? item : plain(item)]));
}

export async function request(method: string, path: string, body?: Json, headers: Record<string, string> = {}, timeout: number | null = TIMEOUT): Promise<Answer> {
  const sent = body === undefined ? null : compact(body);
  let response: Response;
  let text: string;
  const asked = performance.now();
  try {
    response = await fetch(config.prefix + path, {
      method,
      headers: { accept: "application/json", ...(sent === null ? {} : { "content-type": "application/json" }), ...headers },
      body: sent,
      signal: timeout === null ? null : AbortSignal.timeout(timeout),
      credentials: "same-origin",
    });
    heardTime(response.headers, asked);
    text = await response.text();
  } catch (error) {
    throw new Unreachable(error instanceof Error ? error.message : String(error));
  }
  const isJson = /[/+]json\b/.test(response.headers.get("content-type") ?? "");
  if (!response.ok) {
    throw new Refused(problemOf(response, path, text));
  }
  return { json: isJson ? parse(text) : null, headers: response.headers, status: response.status };
}

/** The problem that an answer is; others than the service answer something else. */
export function problemOf(response: Response, path: string, text: string): Problem {
  try {
    const read = plain(parse(text)) as Partial<Problem> | null;
    if (typeof read?.detail === "string" && typeof read.status === "number") return read as Problem;
  } catch {
    // It is no JSON.
  }
  return unknown(response, path);
}

const unknown = (response: Response, path: string): Problem => ({
  type: "about:blank",
  title: response.statusText,
  status: response.status,
  detail: `the answer has the status ${response.status} and no explanation`,
  instance: path,
  errors: [],
  nearest: [],
});

/** Reads a record. */
export async function get<T>(path: string): Promise<T> {
  return plain((await request("GET", path)).json) as T;
}

/** Sends something, and reads the record that is answered. */
export async function send<T>(method: string, path: string, body?: Json, headers?: Record<string, string>): Promise<T> {
  return plain((await request(method, path, body, headers)).json) as T;
}

/** A query of what is not empty. */
export function query(parameters: Record<string, string | number | undefined | null>, alsoEmpty: readonly string[] = []): string {
  const pairs = Object.entries(parameters).filter(([name, value]) => value !== undefined && value !== null && (value !== "" || alsoEmpty.includes(name)));
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}

export const segment = encodeURIComponent;

/** What to tell a person. */
export function messageOf(error: unknown): string {
  if (error instanceof Refused && error.problem.status === 401) return "Your session is over: load this page again to log in.";
  if (error instanceof Refused) return error.problem.detail;
  if (error instanceof Unreachable) return "The service does not answer.";
  return error instanceof Error ? error.message : String(error);
}
