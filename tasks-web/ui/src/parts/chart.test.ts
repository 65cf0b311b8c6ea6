import { expect, test } from "vitest";
import { bars, ceiling, line } from "./chart.ts";

test.each([
  [0, 1],
  [Number.NaN, 1],
  [0.03, 0.05],
  [0.2, 0.2],
  [1, 1],
  [3, 5],
  [7, 10],
  [200, 200],
  [201, 500],
])("the scale above %d ends at %d", (value, top) => {
  expect(ceiling(value)).toBeCloseTo(top, 9);
});

test("parts of a bar are on top of each other, and what is nothing is not there", () => {
  const [first, second] = bars([{ a: 1, b: 3 }, { a: 0, b: 2 }], ["a", "b"], 4, 100, 40);
  expect(first?.segments).toEqual([
    { name: "a", y: 30, height: 10 },
    { name: "b", y: 0, height: 30 },
  ]);
  expect(second).toEqual({ x: 55, width: 40, segments: [{ name: "b", y: 20, height: 20 }] });
  expect(bars([], ["a"], 1, 100, 40)).toEqual([]);
});

test("a line is interrupted where there is no value", () => {
  expect(line([1, null, 2, 4], 4, 40, 40)).toBe("M2.0 30.0L5.0 30.0M22.0 20.0L25.0 20.0L35.0 0.0");
  expect(line([null], 1, 10, 10)).toBe("");
});
