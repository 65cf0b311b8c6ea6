/** JSON whose numbers keep their digits: `9007199254740993` and `1.10` stay as they are written. */

/** A number as it is written. */
export class Num {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** The members of an object, in their order. A map, so that `__proto__` is a name like others. */
export type Members = Map<string, Json>;

export type Json = null | boolean | string | Num | Json[] | Members;

export const isMembers = (value: Json | undefined): value is Members => value instanceof Map;

/** Whether two values say the same; numbers are the same where their texts are. */
export function same(left: Json | undefined, right: Json | undefined): boolean {
  if (left instanceof Num && right instanceof Num) return left.text === right.text;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => same(item, right[index]));
  }
  if (isMembers(left) && isMembers(right)) {
    return left.size === right.size && [...left].every(([name, item]) => right.has(name) && same(item, right.get(name)));
  }
  return left === right;
}

/** A JSON pointer (RFC 6901) to a member of what another points to. */
export const pointerTo = (parent: string, member: string | number): string =>
  `${parent}/${String(member).replaceAll("~", "~0").replaceAll("/", "~1")}`;

/** The names in a JSON pointer. */
export const namesIn = (pointer: string): string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
