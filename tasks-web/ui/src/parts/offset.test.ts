import { describe, expect, it } from "vitest";
import { corrected } from "./offset.ts";

const AT = 1_800_000_000_000;

describe("the clock of a browser", () => {
  it("counts as right where it is about right", () => {
    expect(corrected(0, AT, AT + 300, AT + 320)).toBe(0);
    expect(corrected(0, AT, AT + 1900, AT + 1950)).toBe(0);
    expect(corrected(0, AT, AT - 1400, AT - 1390)).toBe(0);
  });

  it("is corrected where it is wrong", () => {
    expect(corrected(0, AT, AT + 600_000, AT + 600_100)).toBe(-599_550);
    expect(corrected(0, AT, AT - 600_000, AT - 599_900)).toBe(600_450);
  });

  it("is not corrected by an answer that took so long that it may be right", () => {
    expect(corrected(0, AT, AT - 20_000, AT + 100)).toBe(0);
  });

  it("keeps its correction while answers agree with it, and loses it when it was set right", () => {
    expect(corrected(-599_550, AT, AT + 600_200, AT + 600_300)).toBe(-599_550);
    expect(corrected(-599_550, AT, AT + 300, AT + 350)).toBe(0);
  });

  it("stays as it is without a date", () => {
    expect(corrected(5000, Number.NaN, AT, AT)).toBe(5000);
  });
});
