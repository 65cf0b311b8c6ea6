import { describe, expect, test } from "vitest";
import { parse } from "../json/parse.ts";
import { type Json, isMembers, same } from "../json/value.ts";
import { compact } from "../json/write.ts";
import { type FormError, UNSET, begin, fromJson, toJson } from "./draft.ts";
import { type Shape, shapeOf } from "./shape.ts";

function shape(schema: string): Shape {
  const root = parse(schema);
  if (!isMembers(root)) throw new Error("a schema is an object here");
  return shapeOf(root, root);
}

/** What is sent of a value that was read into fields. */
function through(schema: string, value: string): { sent: Json | undefined; kind: string; errors: FormError[] } {
  const made = shape(schema);
  const errors: FormError[] = [];
  const draft = fromJson(made, parse(value));
  return { sent: toJson(made, draft, errors), kind: draft.kind, errors };
}

// As schemars writes them.
const UNIT_VARIANTS = '{"oneOf":[{"type":"string","enum":["A","B"]},{"description":"c","type":"string","const":"C"}]}';
const EXTERNAL =
  '{"oneOf":[{"type":"string","const":"Unit"},{"type":"object","properties":{"New":{"type":"integer"}},"required":["New"],"additionalProperties":false},{"type":"object","properties":{"Pair":{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"minItems":2,"maxItems":2}},"required":["Pair"],"additionalProperties":false}]}';
const INTERNAL =
  '{"oneOf":[{"type":"object","properties":{"kind":{"type":"string","const":"circle"},"radius":{"type":"number"}},"required":["kind","radius"]},{"type":"object","properties":{"kind":{"type":"string","const":"point"}},"required":["kind"]}]}';
const UNTAGGED = '{"anyOf":[{"type":"integer"},{"type":"string"},{"type":"array","items":{"type":"boolean"}}]}';
const RECURSIVE =
  '{"$ref":"#/$defs/Tree","$defs":{"Tree":{"type":"object","properties":{"value":{"type":"integer"},"below":{"type":"array","items":{"$ref":"#/$defs/Tree"}}},"required":["value"]}}}';

describe("a value goes through fields unchanged, to the digit", () => {
  test.each([
    ['{"type":"integer","format":"int64"}', "9223372036854775807", "text"],
    ['{"type":"integer","format":"uint128"}', "340282366920938463463374607431768211455", "text"],
    ['{"type":"number","format":"double"}', "1.10", "text"],
    ['{"type":"string"}', '"a\\nb"', "text"],
    ['{"type":["string","null"]}', "null", "null"],
    ['{"type":["string","null"]}', '""', "text"],
    ['{"anyOf":[{"$ref":"#/$defs/P"},{"type":"null"}],"$defs":{"P":{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"]}}}', '{"x":1}', "object"],
    ['{"anyOf":[{"$ref":"#/$defs/P"},{"type":"null"}],"$defs":{"P":{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"]}}}', "null", "null"],
    ['{"type":"boolean"}', "true", "boolean"],
    [UNIT_VARIANTS, '"C"', "option"],
    [EXTERNAL, '"Unit"', "choice"],
    [EXTERNAL, '{"New":5}', "choice"],
    [EXTERNAL, '{"Pair":[5,"x"]}', "choice"],
    [INTERNAL, '{"kind":"circle","radius":1.5}', "choice"],
    [INTERNAL, '{"kind":"point"}', "choice"],
    [UNTAGGED, "[true,false]", "choice"],
    ['{"type":"array","items":{"type":"integer"},"uniqueItems":true}', "[3,1,2]", "list"],
    ['{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"minItems":2,"maxItems":2}', '[1,"x"]', "list"],
    ['{"type":"object","additionalProperties":{"type":"integer"}}', '{"b":1,"a":2,"__proto__":3}', "object"],
    ['{"type":"object","patternProperties":{"^\\\\d+$":{"type":"string"}},"additionalProperties":false}', '{"1":"a"}', "object"],
    [RECURSIVE, '{"value":1,"below":[{"value":2,"below":[]},{"value":3}]}', "object"],
    ["{}", '{"anything":[1.0,null]}', "raw"],
  ])("%s: %s", (schema, value, kind) => {
    const { sent, kind: made, errors } = through(schema, value);
    expect(errors).toEqual([]);
    expect(made).toBe(kind);
    expect(sent !== undefined && compact(sent)).toBe(value);
  });
});

test("what does not fit its fields is kept as JSON", () => {
  for (const [schema, value] of [
    ['{"type":"integer"}', '"five"'],
    [INTERNAL, '{"kind":"square"}'],
    ['{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":false}', '{"b":1}'],
    ['{"type":"object","properties":{"a":{"type":"integer"}}}', "null"],
  ] as const) {
    const { sent, kind } = through(schema, value);
    expect(kind).toBe("raw");
    expect(sent !== undefined && compact(sent)).toBe(value);
  }
});

test("a schema that contradicts itself, or that fields cannot show, is edited as JSON", () => {
  for (const schema of [
    '{"allOf":[{"type":"string"},{"maxLength":3}]}',
    '{"not":{"type":"string"}}',
    '{"$ref":"#/$defs/A","$defs":{"A":{"$ref":"#/$defs/A"}}}',
    '{"$ref":"#/$defs/None"}',
    '{"$ref":"#/$defs/A","maxLength":3,"$defs":{"A":{"type":"string"}}}',
    '{"type":["string","integer"]}',
  ]) {
    expect(shape(schema).kind).toBe("raw");
  }
});

describe("nothing is sent that nobody has entered", () => {
  const made = shape(
    '{"type":"object","properties":{"name":{"type":"string","default":"World"},"count":{"type":"integer"},"note":{"type":["string","null"]}},"required":["count"],"additionalProperties":false}',
  );

  test("what is needed is said to be missing", () => {
    const errors: FormError[] = [];
    const sent = toJson(made, begin(made), errors);
    expect(errors).toEqual([{ pointer: "/count", detail: "enter a number" }]);
    expect(sent && isMembers(sent) && [...sent.keys()]).toEqual([]);
  });

  test("not sent, null and a value are three things", () => {
    const of = (note: (typeof UNSET) | { kind: "null" } | { kind: "text"; text: string }): string => {
      const draft = { kind: "object" as const, members: new Map([["count", { kind: "text" as const, text: "1" }], ["note", note]]), rest: [] };
      const sent = toJson(made, draft, []);
      return sent === undefined ? "" : compact(sent);
    };
    expect(of(UNSET)).toBe('{"count":1}');
    expect(of({ kind: "null" })).toBe('{"count":1,"note":null}');
    expect(of({ kind: "text", text: "" })).toBe('{"count":1,"note":""}');
  });
});

test("what is needed has a field after a part was read, and is not sent before it is entered", () => {
  const made = shape(
    '{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"},"text":{"type":"string"}},"required":["a","b","text"],"additionalProperties":false}',
  );
  const draft = fromJson(made, parse('{"a":1}'));
  if (draft.kind !== "object") throw new Error("an object");
  expect(draft.members.get("b")?.kind).toBe("text");
  const errors: FormError[] = [];
  expect(compact(toJson(made, draft, errors) ?? null)).toBe('{"a":1}');
  expect(errors.map((error) => error.pointer)).toEqual(["/b", "/text"]);
  // The empty text is sent once somebody has entered it.
  const entered = { ...draft, members: new Map([...draft.members, ["text", { kind: "text" as const, text: "" }]]) };
  expect(compact(toJson(made, entered, []) ?? null)).toBe('{"a":1,"text":""}');
});

test("of variants that resemble each other, the one that can be sent is chosen", () => {
  for (const [schema, value] of [
    ['{"anyOf":[{"type":"integer"},{"type":"number"}]}', "1.5"],
    ['{"anyOf":[{"type":"integer","format":"uint8"},{"type":"integer","format":"int64"}]}', "300"],
    ['{"anyOf":[{"type":"object","properties":{"x":{"type":"integer"},"y":{"type":"integer"}},"required":["x","y"]},{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"]}]}', '{"x":1}'],
  ] as const) {
    const { sent, errors } = through(schema, value);
    expect(errors).toEqual([]);
    expect(sent !== undefined && compact(sent)).toBe(value);
  }
});

test("whole numbers are compared exactly", () => {
  const made = shape('{"type":"integer","minimum":0,"maximum":18446744073709551615}');
  const said = (text: string): string[] => {
    const errors: FormError[] = [];
    toJson(made, { kind: "text", text }, errors);
    return errors.map((error) => error.detail);
  };
  expect(said("18446744073709551615")).toEqual([]);
  expect(said("18446744073709551616")).toEqual(["it must be at most 18446744073709551615"]);
  expect(said("-1")).toEqual(["it must be at least 0"]);
  expect(said("1.5")).toEqual(["`1.5` is not a whole number"]);
  expect(said("１")).toEqual(["`１` is not a number"]);
});

test("a format bounds integers", () => {
  const said = (format: string, text: string): number => {
    const errors: FormError[] = [];
    toJson(shape(`{"type":"integer","format":"${format}"}`), { kind: "text", text }, errors);
    return errors.length;
  };
  for (const [format, least, greatest] of [
    ["int8", "-128", "127"],
    ["uint64", "0", "18446744073709551615"],
    ["int128", "-170141183460469231731687303715884105728", "170141183460469231731687303715884105727"],
  ] as const) {
    expect(said(format, least) + said(format, greatest)).toBe(0);
    expect(said(format, String(BigInt(greatest) + 1n)) + said(format, String(BigInt(least) - 1n))).toBe(2);
  }
});

test("the drafts of the other variants are kept, and not sent", () => {
  const made = shape(INTERNAL);
  const circle = fromJson(made, parse('{"kind":"circle","radius":2}'));
  if (circle.kind !== "choice") throw new Error("a choice");
  const point = { ...circle, chosen: 1 };
  expect(compact(toJson(made, point, []) ?? null)).toBe('{"kind":"point"}');
  expect(compact(toJson(made, { ...point, chosen: 0 }, []) ?? null)).toBe('{"kind":"circle","radius":2}');
});

test("an entry that is there twice is said", () => {
  const made = shape('{"type":"object","additionalProperties":{"type":"integer"}}');
  const item = (key: number) => ({ key, name: "a", draft: { kind: "text" as const, text: "1" } });
  const errors: FormError[] = [];
  toJson(made, { kind: "object", members: new Map(), rest: [item(1), item(2)] }, errors);
  expect(errors).toEqual([{ pointer: "/a", detail: "`a` is there twice" }]);
});

test("equal values are equal whatever the order of their members", () => {
  expect(same(parse('{"a":1,"b":2}'), parse('{"b":2,"a":1}'))).toBe(true);
  expect(same(parse("1"), parse("1.0"))).toBe(false);
});
