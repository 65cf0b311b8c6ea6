/** What a person has entered so far, and the JSON that is made of it. */

import { type Json, type Members, Num, isMembers, pointerTo, same } from "../json/value.ts";
import { JsonError, parse } from "../json/parse.ts";
import { pretty } from "../json/write.ts";
import type { Shape } from "./shape.ts";

/** An item of a list or a map, which keeps its identity when others come or go. */
export interface Item {
  key: number;
  name: string;
  draft: Draft;
}

export type Draft =
  /** Not sent: the service takes its default. */
  | { kind: "unset" }
  | { kind: "null" }
  /** A text, or the digits of a number. */
  | { kind: "text"; text: string; /** It is to be entered yet, which the empty text is not. */ untouched?: true }
  | { kind: "boolean"; value: boolean }
  /** One of several values. */
  | { kind: "option"; index: number }
  | { kind: "object"; members: ReadonlyMap<string, Draft>; rest: readonly Item[] }
  | { kind: "list"; items: readonly Item[] }
  /** Those of the other variants are kept, and not sent. */
  | { kind: "choice"; chosen: number; drafts: ReadonlyMap<number, Draft> }
  | { kind: "fixed" }
  | { kind: "raw"; text: string };

export const UNSET: Draft = { kind: "unset" };

/** What is wrong before the service is asked. */
export interface FormError {
  pointer: string;
  detail: string;
}

let lastKey = 0;
export const newItem = (draft: Draft, name = ""): Item => ({ key: ++lastKey, name, draft });

/** What a field begins with when a person wants to enter something. */
export function begin(shape: Shape): Draft {
  switch (shape.kind) {
    case "text":
    case "number":
    case "artifact":
      return { kind: "text", text: "" };
    case "boolean":
      return { kind: "boolean", value: shape.fallback === true };
    case "fixed":
      return { kind: "fixed" };
    case "options":
      return { kind: "option", index: -1 };
    case "object": {
      const needed = shape.properties.filter((property) => property.required);
      return { kind: "object", members: new Map(needed.map(({ name, shape }) => [name, required(shape())])), rest: [] };
    }
    case "list":
      return { kind: "list", items: Array.from({ length: Math.min(shape.minItems, 20) }, () => newItem(required(shape.item()))) };
    case "tuple":
      return { kind: "list", items: shape.items.map((item) => newItem(required(item()))) };
    case "choice":
      return { kind: "choice", chosen: -1, drafts: new Map() };
    case "raw":
      return { kind: "raw", text: "" };
  }
}

/** What a field begins with that has to be sent. One whose only sensible value is `null` is not asked for. */
const required = (shape: Shape): Draft => (shape.nullable && shape.kind !== "fixed" ? { kind: "null" } : untouched(begin(shape)));

/** The same, to be entered yet. */
const untouched = (draft: Draft): Draft => (draft.kind === "text" ? { ...draft, untouched: true } : draft);

/** A secret that was there, and has to be entered again. */
export const secretAgain = (shape: Shape): Draft =>
  shape.kind === "text" || shape.kind === "number" || shape.kind === "artifact" ? { kind: "text", text: "", untouched: true } : { kind: "raw", text: "" };

/** Reads a value into fields. What does not fit the shape goes to where it is edited as JSON. */
export function fromJson(shape: Shape, value: Json): Draft {
  if (value === null && shape.nullable) return { kind: "null" };
  switch (shape.kind) {
    case "text":
    case "artifact":
      return typeof value === "string" ? { kind: "text", text: value } : raw(value);
    case "number":
      return value instanceof Num ? { kind: "text", text: value.text } : raw(value);
    case "boolean":
      return typeof value === "boolean" ? { kind: "boolean", value } : raw(value);
    case "fixed":
      return same(shape.value, value) ? { kind: "fixed" } : raw(value);
    case "options": {
      const index = shape.values.findIndex((option) => same(option.value, value));
      return index < 0 ? raw(value) : { kind: "option", index };
    }
    case "object":
      return isMembers(value) ? object(shape, value) : raw(value);
    case "list":
      return Array.isArray(value)
        ? { kind: "list", items: value.map((item) => newItem(fromJson(shape.item(), item))) }
        : raw(value);
    case "tuple":
      return Array.isArray(value) && value.length === shape.items.length
        ? { kind: "list", items: value.map((item, index) => newItem(shape.items[index] ? fromJson(shape.items[index](), item) : raw(item))) }
        : raw(value);
    case "choice": {
      let near: Draft | undefined;
      for (const [chosen, variant] of shape.variants.entries()) {
        const inner = variant.shape();
        const draft = fromJson(inner, value);
        if (!fits(draft)) continue;
        const found: Draft = { kind: "choice", chosen, drafts: new Map([[chosen, draft]]) };
        const wrong: FormError[] = [];
        toJson(inner, draft, wrong);
        if (wrong.length === 0) return found;
        near ??= found;
      }
      return near ?? raw(value);
    }
    case "raw":
      return raw(value);
  }
}

function object(shape: Shape & { kind: "object" }, value: Members): Draft {
  const members = new Map<string, Draft>();
  const rest: Item[] = [];
  for (const [name, item] of value) {
    const property = shape.properties.find((property) => property.name === name);
    if (property) members.set(name, fromJson(property.shape(), item));
    else if (shape.rest) rest.push(newItem(fromJson(shape.rest(), item), name));
    else return raw(value);
  }
  // What is needed and has to be entered yet has a field all the same; until then nothing is sent for it.
  for (const property of shape.properties) {
    if (!property.required || members.has(property.name)) continue;
    const inner = property.shape();
    if (!inner.nullable && ENTERED.has(inner.kind)) members.set(property.name, required(inner));
  }
  return { kind: "object", members, rest };
}

/** Kinds of which nothing is sent before a person has entered something. */
const ENTERED = new Set<Shape["kind"]>(["text", "number", "artifact", "options", "choice", "raw"]);

const raw = (value: Json): Draft => ({ kind: "raw", text: pretty(value) });

/** Whether nothing in it had to be left as JSON. */
function fits(draft: Draft): boolean {
  switch (draft.kind) {
    case "raw":
      return false;
    case "object":
      return [...draft.members.values()].every(fits) && draft.rest.every((item) => fits(item.draft));
    case "list":
      return draft.items.every((item) => fits(item.draft));
    default:
      return true;
  }
}

/** Whether nothing has been entered yet in the field that a pointer leads to. */
export function isBlank(draft: Draft, names: readonly string[]): boolean {
  switch (draft.kind) {
    case "text":
    case "raw":
      return draft.text === "";
    case "option":
      return draft.index < 0;
    case "choice": {
      const chosen = draft.drafts.get(draft.chosen);
      return chosen === undefined || isBlank(chosen, names);
    }
    case "list":
    case "object": {
      const [name, ...rest] = names;
      if (name === undefined) return false;
      const found =
        draft.kind === "list"
          ? draft.items[Number(name)]?.draft
          : (draft.members.get(name) ?? draft.rest.find((item) => item.name === name)?.draft);
      return found !== undefined && isBlank(found, rest);
    }
    default:
      return false;
  }
}

/** The value that is sent; `undefined` where nothing is. Adds what is wrong to `errors`. */
export function toJson(shape: Shape, draft: Draft, errors: FormError[], pointer = ""): Json | undefined {
  const wrong = (detail: string): undefined => {
    errors.push({ pointer, detail });
    return undefined;
  };
  switch (draft.kind) {
    case "unset":
      return undefined;
    case "null":
      return null;
    case "fixed":
      return shape.kind === "fixed" ? shape.value : null;
    case "boolean":
      return draft.value;
    case "text":
      if (shape.kind === "number") return number(shape, draft.text, wrong);
      return draft.untouched ? wrong("this is needed; for the empty text, type something and remove it") : draft.text;
    case "option": {
      const chosen = shape.kind === "options" ? shape.values[draft.index] : undefined;
      return chosen ? chosen.value : wrong("choose one of the values");
    }
    case "raw":
      try {
        return parse(draft.text);
      } catch (error) {
        if (error instanceof JsonError) return wrong(`this is not JSON: ${error.message}`);
        throw error;
      }
    case "choice": {
      const variant = shape.kind === "choice" ? shape.variants[draft.chosen] : undefined;
      if (!variant) return wrong("choose one of the variants");
      const inner = variant.shape();
      return toJson(inner, draft.drafts.get(draft.chosen) ?? begin(inner), errors, pointer);
    }
    case "list": {
      const item = (index: number): Shape | undefined =>
        shape.kind === "list" ? shape.item() : shape.kind === "tuple" ? shape.items[index]?.() : undefined;
      return draft.items.map((one, index) => {
        const inner = item(index);
        return (inner && toJson(inner, one.draft, errors, pointerTo(pointer, index))) ?? null;
      });
    }
    case "object":
      return shape.kind === "object" ? members(shape, draft, errors, pointer) : undefined;
  }
}

function members(shape: Shape & { kind: "object" }, draft: Draft & { kind: "object" }, errors: FormError[], pointer: string): Json {
  const value: Members = new Map();
  for (const property of shape.properties) {
    const at = pointerTo(pointer, property.name);
    const entered = draft.members.get(property.name) ?? UNSET;
    const sent = toJson(property.shape(), entered, errors, at);
    if (sent !== undefined) value.set(property.name, sent);
    else if (property.required && entered.kind === "unset") errors.push({ pointer: at, detail: "this is needed" });
  }
  for (const { name, draft: inner } of draft.rest) {
    const at = pointerTo(pointer, name);
    if (value.has(name)) errors.push({ pointer: at, detail: `\`${name}\` is there twice` });
    const sent = shape.rest && toJson(shape.rest(), inner, errors, at);
    if (sent !== undefined) value.set(name, sent);
  }
  return value;
}

/** A number with the digits that were entered. */
function number(shape: Shape & { kind: "number" }, entered: string, wrong: (detail: string) => undefined): Num | undefined {
  const text = entered.trim();
  if (text === "") return wrong("enter a number");
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) return wrong(`\`${text}\` is not a number`);
  if (!shape.integer) return new Num(text);
  if (!/^-?\d+$/.test(text)) return wrong(`\`${text}\` is not a whole number`);
  const value = BigInt(text);
  const whole = (bound: string | undefined): bigint | undefined => (bound && /^-?\d+$/.test(bound) ? BigInt(bound) : undefined);
  const [minimum, maximum] = [whole(shape.minimum), whole(shape.maximum)];
  if (minimum !== undefined && value < minimum) return wrong(`it must be at least ${minimum}`);
  if (maximum !== undefined && value > maximum) return wrong(`it must be at most ${maximum}`);
  return new Num(text);
}
