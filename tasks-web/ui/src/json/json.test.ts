import { describe, expect, test } from "vitest";
import { JsonError, parse } from "./parse.ts";
import { Num, isMembers, namesIn, pointerTo, same } from "./value.ts";
import { compact, pretty } from "./write.ts";

describe("JSON keeps what was written", () => {
  test.each([
    "9007199254740993",
    "-170141183460469231731687303715884105728",
    "1.10",
    "1e400",
    "-0",
    '{"__proto__":1,"constructor":{"a":[]},"":null}',
    '["\\u0000","é","😀","\\ud800"]',
    "[true,false,null,[],{}]",
  ])("%s", (text) => {
    const again = compact(parse(text));
    expect(same(parse(again), parse(text))).toBe(true);
    expect(same(parse(pretty(parse(text))), parse(text))).toBe(true);
    if (!text.includes("\\")) expect(again).toBe(text);
  });

  test("a name like a method of objects is a member like others", () => {
    const value = parse('{"__proto__": 7, "toString": 8}');
    expect(isMembers(value) && value.get("__proto__")).toEqual(new Num("7"));
    expect(isMembers(value) && value.get("hasOwnProperty")).toBeUndefined();
  });
});

describe("what is no JSON is refused at its line", () => {
  test.each([
    ["", "line 1: a value is missing"],
    ['{\n"a": 1,\n}', "line 3: expected a name in quotation marks"],
    ["[1 2]", "line 1: expected `,` or `]`"],
    ['{"a":1,"a":2}', "line 1: `a` is there twice"],
    ["01", "line 1: there is more after the value"],
    ["nul", "line 1: expected `null`"],
    ['"a\nb"', "line 1: a line break in a text is written `\\n`"],
    ['"\\x"', "line 1: an escape that JSON does not have"],
    ["abc", "line 1: expected a value: a text needs quotation marks"],
    ["[".repeat(600), "line 1: it is nested too deeply"],
  ])("%s", (text, message) => {
    expect(() => parse(text)).toThrow(JsonError);
    expect(() => parse(text)).toThrow(message);
  });
});

test("pointers escape and unescape", () => {
  const pointer = pointerTo(pointerTo("", "a/b~c"), 0);
  expect(pointer).toBe("/a~1b~0c/0");
  expect(namesIn(pointer)).toEqual(["a/b~c", "0"]);
});
