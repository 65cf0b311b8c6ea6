/** The geometry of charts, which are drawn by hand. */

/** A part of a bar. */
export interface Segment {
  name: string;
  /** From the top of the chart. */
  y: number;
  height: number;
}

export interface Bar {
  x: number;
  width: number;
  segments: Segment[];
}

/** The least of 1, 2 and 5 times a power of ten that is not less than this; 1 for nothing. */
export function ceiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  // What is a little more than a round number by rounding alone is that number.
  return ([1, 2, 5].find((step) => step * power >= value * (1 - 1e-9)) ?? 10) * power;
}

/** Bars one beside the other, each with its values on top of each other: the first is at the bottom. */
export function bars(values: readonly Record<string, number>[], names: readonly string[], top: number, width: number, height: number): Bar[] {
  const step = width / Math.max(values.length, 1);
  return values.map((value, index) => {
    let sum = 0;
    const segments: Segment[] = [];
    for (const name of names) {
      const size = ((value[name] ?? 0) / top) * height;
      if (size <= 0) continue;
      sum += size;
      segments.push({ name, y: height - sum, height: size });
    }
    return { x: index * step + step * 0.1, width: step * 0.8, segments };
  });
}

/** Lines through values, in the letters of a path; where there is none, a line is interrupted. A value between two gaps is a short line. */
export function line(values: readonly (number | null)[], top: number, width: number, height: number): string {
  const step = width / Math.max(values.length, 1);
  let path = "";
  let draws = false;
  values.forEach((value, index) => {
    if (value === null) {
      draws = false;
      return;
    }
    const x = (index + 0.5) * step;
    const y = height - Math.min(value / top, 1) * height;
    path += draws ? `L${x.toFixed(1)} ${y.toFixed(1)}` : `M${(x - step * 0.3).toFixed(1)} ${y.toFixed(1)}L${x.toFixed(1)} ${y.toFixed(1)}`;
    draws = true;
  });
  return path;
}
