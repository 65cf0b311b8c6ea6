/** What fields a schema asks for. Shapes within are made when they are looked at, so that a type may contain itself. */

import { type Json, Num, isMembers } from "../json/value.ts";
import { type Schema, list, member, resolve, text, withoutNull } from "./schema.ts";

/** What every field has. */
export interface Notes {
  title: string | undefined;
  description: string | undefined;
  /** What the service takes where nothing is sent. */
  fallback: Json | undefined;
  examples: Json[];
  nullable: boolean;
  secret: boolean;
}

export interface Property {
  name: string;
  required: boolean;
  shape: () => Shape;
}

export interface Variant {
  title: string;
  shape: () => Shape;
}

export type Shape = Notes &
  (
    | { kind: "text"; format: string | undefined; minLength: number; maxLength: number; long: boolean }
    | { kind: "number"; integer: boolean; minimum: string | undefined; maximum: string | undefined }
    | { kind: "boolean" }
    | { kind: "fixed"; value: Json }
    | { kind: "options"; values: { title: string; value: Json }[] }
    | { kind: "object"; properties: Property[]; rest: (() => Shape) | undefined }
    | { kind: "list"; item: () => Shape; minItems: number; maxItems: number }
    | { kind: "tuple"; items: (() => Shape)[] }
    | { kind: "choice"; variants: Variant[] }
    | { kind: "artifact" }
    /** One that is written as JSON. */
    | { kind: "raw" }
  );

/** From this many characters on a text has a larger field. */
const LONG = 200;

const count = (value: Json | undefined, otherwise: number): number => (value instanceof Num ? Number(value.text) : otherwise);
const digits = (value: Json | undefined): string | undefined => (value instanceof Num ? value.text : undefined);

/** The least and the greatest integer of a format such as `int64` or `uint8`. */
function bounds(format: string | undefined): [string | undefined, string | undefined] {
  const [, unsigned, bits] = /^(u?)int(\d+)$/.exec(format ?? "") ?? [];
  if (bits === undefined) return [undefined, undefined];
  const all = 2n ** BigInt(bits);
  return unsigned === "u" ? ["0", String(all - 1n)] : [String(-all / 2n), String(all / 2n - 1n)];
}

/** The shape of a schema within a document. */
export function shapeOf(schema: Json | undefined, root: Schema): Shape {
  const resolved = resolve(schema, root);
  if (resolved === undefined) return { ...notes(new Map(), false), kind: "raw" };
  const { schema: plain, nullable } = withoutNull(resolved, root);
  const noted = notes(resolved, nullable);
  if (plain === undefined) return { ...noted, kind: "raw" };
  return { ...noted, ...kindOf(plain, root) };
}

function notes(schema: Schema, nullable: boolean): Notes {
  return {
    title: text(schema, "title"),
    description: text(schema, "description"),
    fallback: schema.get("default"),
    examples: list(schema, "examples"),
    nullable,
    secret: schema.get("writeOnly") === true || text(schema, "format") === "password",
  };
}

type Kind = Shape extends infer S ? (S extends Shape ? Omit<S, keyof Notes> : never) : never;

function kindOf(schema: Schema, root: Schema): Kind {
  if (schema.has("const")) return { kind: "fixed", value: schema.get("const") ?? null };
  const values = list(schema, "enum");
  if (values.length === 1) return { kind: "fixed", value: values[0] ?? null };
  if (values.length > 0) return { kind: "options", values: values.map((value) => ({ title: shown(value), value })) };
  if (["not", "if", "dependentSchemas", "unevaluatedProperties"].some((word) => schema.has(word))) return { kind: "raw" };
  for (const word of ["oneOf", "anyOf"]) {
    if (schema.has(word)) return alternatives(list(schema, word), schema, word, root);
  }
  switch (schema.get("type")) {
    case "string": {
      const maxLength = count(schema.get("maxLength"), Number.POSITIVE_INFINITY);
      const long = schema.has("contentMediaType") || (maxLength >= LONG && maxLength !== Number.POSITIVE_INFINITY);
      if (schema.get("x-task-artifact") === true) return { kind: "artifact" };
      return { kind: "text", format: text(schema, "format"), minLength: count(schema.get("minLength"), 0), maxLength, long };
    }
    case "integer":
    case "number":
      return {
        kind: "number",
        integer: schema.get("type") === "integer",
        minimum: digits(schema.get("minimum")) ?? bounds(text(schema, "format"))[0],
        maximum: digits(schema.get("maximum")) ?? bounds(text(schema, "format"))[1],
      };
    case "boolean":
      return { kind: "boolean" };
    case "null":
      return { kind: "fixed", value: null };
    case "array":
      return items(schema, root);
    case "object":
      return object(schema, root);
    default:
      return { kind: "raw" };
  }
}

function items(schema: Schema, root: Schema): Kind {
  const first = list(schema, "prefixItems");
  if (first.length > 0) {
    return { kind: "tuple", items: first.map((item) => () => shapeOf(item, root)) };
  }
  return {
    kind: "list",
    item: () => shapeOf(schema.get("items"), root),
    minItems: count(schema.get("minItems"), 0),
    maxItems: count(schema.get("maxItems"), Number.POSITIVE_INFINITY),
  };
}

function object(schema: Schema, root: Schema): Kind {
  const required = list(schema, "required");
  const properties = [...(member(schema, "properties") ?? [])].map(([name, inner]) => ({
    name,
    required: required.includes(name),
    shape: () => shapeOf(inner, root),
  }));
  const patterns = member(schema, "patternProperties");
  // Of entries whose names fit patterns, the values of all are taken for those of the first.
  const open = patterns?.size ? [...patterns.values()][0] : schema.get("additionalProperties");
  const rest = isMembers(open) || (open === true && properties.length === 0) ? () => shapeOf(open, root) : undefined;
  if (properties.length === 0 && rest === undefined && open !== false) return { kind: "raw" };
  return { kind: "object", properties, rest };
}

/** The variants of an enum, or of a type that is one of several. */
function alternatives(all: Json[], schema: Schema, word: string, root: Schema): Kind {
  // Variants without data are often each a value: together they are one list of options.
  const single = all.map((one) => {
    const resolved = resolve(one, root);
    if (resolved === undefined) return undefined;
    if (resolved.has("const")) return [{ title: shown(resolved.get("const") ?? null), value: resolved.get("const") ?? null }];
    const values = list(resolved, "enum");
    return values.length > 0 ? values.map((value) => ({ title: shown(value), value })) : undefined;
  });
  if (single.every((values) => values !== undefined)) return { kind: "options", values: single.flat() };
  // Members that stand beside the alternatives (`flatten`) belong to each of them.
  const beside = member(schema, "properties");
  const variants = all.map((one, index) => {
    const own = resolve(one, root);
    const joined = own && beside ? join(schema, own, word) : own;
    return { title: titleOf(own, index), shape: () => (joined ? shapeOf(joined, root) : shapeOf(false, root)) };
  });
  return variants.length > 0 ? { kind: "choice", variants } : { kind: "raw" };
}

function join(outer: Schema, inner: Schema, word: string): Schema {
  const joined: Schema = new Map([...outer, ...inner]);
  if (!inner.has(word)) joined.delete(word);
  joined.set("properties", new Map([...(member(outer, "properties") ?? []), ...(member(inner, "properties") ?? [])]));
  joined.set("required", [...list(outer, "required"), ...list(inner, "required")]);
  return joined;
}

/** What a variant is called: its title, the value of its tag, its only member, or what it is made of. */
function titleOf(schema: Schema | undefined, index: number): string {
  if (schema === undefined) return `Variant ${index + 1}`;
  const title = text(schema, "title");
  if (title !== undefined) return title;
  if (schema.has("const")) return shown(schema.get("const") ?? null);
  const properties = [...(member(schema, "properties") ?? [])];
  for (const [, inner] of properties) {
    const constant = isMembers(inner) ? inner.get("const") : undefined;
    if (typeof constant === "string") return constant;
  }
  const only = properties.length === 1 ? properties[0] : undefined;
  if (only !== undefined) return only[0];
  const type = text(schema, "type");
  if (type === "object" && properties.length > 0) return properties.map(([name]) => name).join(", ");
  return type ?? `Variant ${index + 1}`;
}

const shown = (value: Json): string => {
  if (typeof value === "string") return value === "" ? "(empty)" : value;
  return value instanceof Num ? value.text : String(value);
};
