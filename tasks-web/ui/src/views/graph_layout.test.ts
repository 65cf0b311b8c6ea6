import { expect, test } from "vitest";
import { NODE, columns, fitted, layout, line } from "./graph_layout.ts";

const node = (name: string, ...after: string[]): { name: string; after: string[] } => ({ name, after });

test("a node is behind all that it comes after", () => {
  const found = columns([node("last", "a", "c"), node("c", "b"), node("b", "a"), node("a"), node("alone"), node("lost", "nobody")]);
  expect(Object.fromEntries(found)).toEqual({ a: 0, b: 1, c: 2, last: 3, alone: 0, lost: 0 });
});

test("a long chain is laid out", () => {
  const chain = Array.from({ length: 1000 }, (_, at) => (at === 999 ? node("n999") : node(`n${at}`, `n${at + 1}`)));
  expect(columns(chain).get("n0")).toBe(999);
});

test("no two nodes are at one place, and all are in the picture", () => {
  const nodes = [node("a"), node("b"), node("c", "a", "b"), node("d", "a"), node("e", "a"), node("f", "c", "d", "e")];
  const { places, width, height } = layout(nodes);
  const all = [...places.values()];
  for (const [index, one] of all.entries()) {
    expect(one.x).toBeGreaterThanOrEqual(0);
    expect(one.y).toBeGreaterThanOrEqual(0);
    expect(one.x + NODE.width).toBeLessThanOrEqual(width);
    expect(one.y + NODE.height).toBeLessThanOrEqual(height);
    for (const other of all.slice(index + 1)) {
      expect(one.x !== other.x || Math.abs(one.y - other.y) >= NODE.height).toBe(true);
    }
  }
});

test("lines go from the right of one node to the left of the other", () => {
  const drawn = line({ x: 0, y: 0 }, { x: 300, y: 60 });
  expect(drawn.startsWith(`M${NODE.width} ${NODE.height / 2} `)).toBe(true);
  expect(drawn.endsWith(` 300 ${60 + NODE.height / 2}`)).toBe(true);
});

test("a text is cut by letters", () => {
  expect(fitted("short")).toBe("short");
  expect(fitted("😀".repeat(30), 3)).toBe("😀😀…");
});
