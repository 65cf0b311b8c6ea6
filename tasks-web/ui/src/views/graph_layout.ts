/** Where the nodes of a graph stand in its picture: in columns from left to right, each behind all that it comes after. */

export interface LaidOutNode {
  name: string;
  after: readonly string[];
}

export interface Place {
  x: number;
  y: number;
}

export interface Layout {
  /** The left upper corners, by name. */
  places: ReadonlyMap<string, Place>;
  width: number;
  height: number;
}

/** The size of a node, and the gaps between columns and rows. */
export const NODE = { width: 168, height: 44 };
const GAP = { x: 56, y: 16 };
const MARGIN = 8;

/** The column of each node: one more than the last of those before it. The service refuses circles, so this ends; a node that is not there counts for nothing. */
export function columns(nodes: readonly LaidOutNode[]): ReadonlyMap<string, number> {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const found = new Map<string, number>();
  // With a list of what is ahead: a chain of a thousand nodes is too deep for calls.
  for (const node of nodes) {
    const ahead = [node];
    while (ahead.length > 0) {
      const next = ahead[ahead.length - 1] as LaidOutNode;
      const before = next.after.flatMap((name) => byName.get(name) ?? []);
      const open = before.filter(({ name }) => !found.has(name) && !ahead.some((one) => one.name === name));
      if (open.length > 0) {
        ahead.push(...open.slice(0, 1));
        continue;
      }
      ahead.pop();
      found.set(next.name, Math.max(-1, ...before.map(({ name }) => found.get(name) ?? -1)) + 1);
    }
  }
  return found;
}

/** Within a column, a node stands as near as it can to the middle of those that it comes after. */
export function layout(nodes: readonly LaidOutNode[]): Layout {
  const column = columns(nodes);
  const count = Math.max(0, ...column.values()) + 1;
  const rows = new Map<string, number>();
  let most = 0;
  for (let at = 0; at < count; at++) {
    const wish = ({ after }: LaidOutNode): number => {
      const known = after.flatMap((name) => rows.get(name) ?? []);
      return known.length === 0 ? Number.MAX_SAFE_INTEGER : known.reduce((sum, row) => sum + row, 0) / known.length;
    };
    const here = nodes.filter(({ name }) => column.get(name) === at).map((node) => ({ node, wish: wish(node) }));
    here.sort((one, other) => one.wish - other.wish);
    let free = 0;
    for (const { node, wish } of here) {
      const row = wish === Number.MAX_SAFE_INTEGER ? free : Math.max(free, wish - (here.length - 1) / 2);
      rows.set(node.name, row);
      free = row + 1;
      most = Math.max(most, free);
    }
  }
  const places = nodes.map(({ name }): [string, Place] => [
    name,
    {
      x: MARGIN + (column.get(name) ?? 0) * (NODE.width + GAP.x),
      y: MARGIN + (rows.get(name) ?? 0) * (NODE.height + GAP.y),
    },
  ]);
  return {
    places: new Map(places),
    width: 2 * MARGIN + count * NODE.width + (count - 1) * GAP.x,
    height: 2 * MARGIN + Math.max(1, most) * (NODE.height + GAP.y) - GAP.y,
  };
}

/** The line from one node to the one that comes after it. */
export function line(from: Place, to: Place): string {
  const [x, y] = [from.x + NODE.width, from.y + NODE.height / 2];
  const [endX, endY] = [to.x, to.y + NODE.height / 2];
  const bend = Math.max(GAP.x / 2, (endX - x) / 2);
  return `M${x} ${y} C${x + bend} ${y} ${endX - bend} ${endY} ${endX} ${endY}`;
}

/** A text that fits into a node. */
export const fitted = (text: string, most = 20): string => {
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join("")}…`;
};
