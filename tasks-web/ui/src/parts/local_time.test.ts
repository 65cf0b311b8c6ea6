import { describe, expect, it } from "vitest";
import { toInstant, toLocal } from "./local_time.ts";

describe("times of filters", () => {
  it("are instants in the address, and by the person's clock in the field", () => {
    for (const local of ["2026-11-29T16:09", "2026-07-01T00:00", "2026-01-02T03:04:05", "0002-01-01T00:00"]) {
      const instant = toInstant(local);
      expect(instant).toMatch(/^\d{4}-\d\d-\d\dT[\d:]+Z$/);
      expect(new Date(instant).getTime()).toBe(new Date(local).getTime());
      expect(toLocal(instant)).toBe(local);
    }
  });

  it("stay the same instant, whatever the zone is that they are written in", () => {
    expect(toInstant("2026-11-29T16:09:00Z")).toBe("2026-11-29T16:09:00Z");
    expect(toInstant("2026-11-29T16:09:00.250+02:00")).toBe("2026-11-29T14:09:00.250Z");
  });

  it("are nothing where they are no times", () => {
    for (const text of ["", "yesterday", "2026-13-01T00:00"]) {
      expect(toInstant(text)).toBe("");
      expect(toLocal(text)).toBe("");
    }
  });
});
