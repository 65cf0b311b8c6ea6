/** JSON Schemas, as schemars writes them: references followed, and what `null` adds taken apart. */

import { type Json, type Members, isMembers, namesIn, same } from "../json/value.ts";

/** A schema whose own members can be read. */
export type Schema = Members;

/** How many references may lead to each other before one of them is taken for a circle. */
const MAX_REFERENCES = 32;

/** Names beside a reference that say nothing of the shape. */
const NOTES = new Set(["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format"]);

export const text = (schema: Schema, name: string): string | undefined => {
  const value = schema.get(name);
  return typeof value === "string" ? value : undefined;
};

export const member = (schema: Schema, name: string): Schema | undefined => {
  const value = schema.get(name);
  return isMembers(value) ? value : undefined;
};

export const list = (schema: Schema, name: string): Json[] => {
  const value = schema.get(name);
  return Array.isArray(value) ? value : [];
};

function target(reference: string, root: Schema): Schema | undefined {
  let at: Json | undefined = root;
  for (const name of namesIn(decodeURIComponent(reference.slice(1)))) {
    at = isMembers(at) ? at.get(name) : undefined;
  }
  return isMembers(at) ? at : undefined;
}

/**
 * A schema without references of its own. `true` is the schema without members; `undefined` is one that cannot be shown as fields: nothing
 * fits it, or it refers to itself or to nothing.
 */
export function resolve(schema: Json | undefined, root: Schema): Schema | undefined {
  let at = schema;
  let notes: Schema = new Map();
  for (let count = 0; count < MAX_REFERENCES; count++) {
    if (at === true || at === undefined) return notes;
    if (!isMembers(at)) return undefined;
    const merged: Schema = new Map([...at, ...notes]);
    const reference = text(at, "$ref");
    const all = list(at, "allOf");
    const rest = [...at.keys()].filter((name) => name !== "$ref" && name !== "allOf");
    if (reference !== undefined && all.length === 0) {
      // What stands beside a reference and is more than a note narrows it: that is for the raw editor.
      if (!rest.every((name) => NOTES.has(name) || name === "$defs")) return undefined;
      at = reference.startsWith("#") ? target(reference, root) : undefined;
      if (at === undefined) return undefined;
    } else if (reference === undefined && all.length === 1 && rest.every((name) => NOTES.has(name))) {
      at = all[0];
    } else {
      return reference === undefined && all.length === 0 ? merged : undefined;
    }
    notes = new Map([...merged].filter(([name]) => NOTES.has(name)));
  }
  return undefined;
}

const isNull = (schema: Json | undefined): boolean => isMembers(schema) && schema.get("type") === "null";

/** A schema without `null`, and whether that was part of it. */
export function withoutNull(schema: Schema, root: Schema): { schema: Schema | undefined; nullable: boolean } {
  const types = list(schema, "type");
  if (types.includes("null")) {
    const rest = types.filter((name) => name !== "null");
    const only = rest.length === 1 ? rest[0] : undefined;
    const plain = new Map(schema);
    if (only === undefined) plain.set("type", rest);
    else plain.set("type", only);
    const values = list(plain, "enum");
    if (values.length > 0) {
      plain.set(
        "enum",
        values.filter((value) => value !== null),
      );
    }
    return { schema: plain, nullable: true };
  }
  for (const word of ["anyOf", "oneOf"]) {
    const all = list(schema, word);
    if (!all.some(isNull)) continue;
    const rest = all.filter((one) => !isNull(one));
    const plain = new Map(schema);
    plain.delete(word);
    if (rest.length === 1) {
      const inner = resolve(rest[0], root);
      return { schema: inner && new Map([...inner, ...plain]), nullable: true };
    }
    return { schema: plain.set(word, rest), nullable: true };
  }
  return { schema, nullable: same(schema.get("type"), "null") };
}
