/** Reads JSON (RFC 8259) without losing digits or members. */

import { type Json, type Members, Num } from "./value.ts";

/** Where a text is no JSON. */
export class JsonError extends Error {
  readonly line: number;
  constructor(message: string, text: string, at: number) {
    const line = text.slice(0, at).split("\n").length;
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

/** How deep lists and objects may be in each other; the service takes 128. */
const MAX_DEPTH = 512;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;

class Reader {
  private at = 0;
  private depth = 0;
  private readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  read(): Json {
    const value = this.value();
    this.space();
    if (this.at < this.text.length) this.fail("there is more after the value");
    return value;
  }

  private fail(message: string): never {
    throw new JsonError(message, this.text, this.at);
  }

  private space(): void {
    SPACE.lastIndex = this.at;
    SPACE.test(this.text);
    this.at = SPACE.lastIndex;
  }

  private value(): Json {
    this.space();
    const next = this.text[this.at];
    switch (next) {
      case undefined:
        return this.fail("a value is missing");
      case "{":
        return this.nested(() => this.members());
      case "[":
        return this.nested(() => this.items());
      case '"':
        return this.string();
      case "t":
        return this.word("true", true);
      case "f":
        return this.word("false", false);
      case "n":
        return this.word("null", null);
      default:
        return this.number();
    }
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > MAX_DEPTH) this.fail("it is nested too deeply");
    const value = read();
    this.depth--;
    return value;
  }

  private word<T extends Json>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail(`expected \`${word}\``);
    this.at += word.length;
    return value;
  }

  private number(): Num {
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text)?.[0];
    if (!found) this.fail("expected a value: a text needs quotation marks");
    this.at += found.length;
    return new Num(found);
  }

  private string(): string {
    let value = "";
    this.at++;
    for (;;) {
      PLAIN.lastIndex = this.at;
      value += PLAIN.exec(this.text)?.[0] ?? "";
      this.at = PLAIN.lastIndex;
      const next = this.text[this.at];
      if (next === '"') {
        this.at++;
        return value;
      }
      if (next !== "\\") this.fail(next === undefined ? "a quotation mark is missing" : "a line break in a text is written `\\n`");
      value += this.escape();
    }
  }

  private escape(): string {
    const kind = this.text[this.at + 1] ?? "";
    const simple = '"\\/bfnrt'.indexOf(kind);
    if (kind && simple >= 0) {
      this.at += 2;
      return '"\\/\b\f\n\r\t'[simple] ?? "";
    }
    const digits = this.text.slice(this.at + 2, this.at + 6);
    if (kind !== "u" || !/^[0-9a-fA-F]{4}$/.test(digits)) this.fail("an escape that JSON does not have");
    this.at += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  private items(): Json[] {
    const items: Json[] = [];
    this.at++;
    this.space();
    if (this.text[this.at] === "]") {
      this.at++;
      return items;
    }
    for (;;) {
      items.push(this.value());
      if (this.isOver("]")) return items;
    }
  }

  private members(): Members {
    const members: Members = new Map();
    this.at++;
    this.space();
    if (this.text[this.at] === "}") {
      this.at++;
      return members;
    }
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') this.fail("expected a name in quotation marks");
      const before = this.at;
      const name = this.string();
      if (members.has(name)) {
        this.at = before;
        this.fail(`\`${name}\` is there twice`);
      }
      this.space();
      if (this.text[this.at] !== ":") this.fail("expected `:` after a name");
      this.at++;
      members.set(name, this.value());
      if (this.isOver("}")) return members;
    }
  }

  /** Reads a comma, or the end. */
  private isOver(end: string): boolean {
    this.space();
    const next = this.text[this.at];
    if (next !== "," && next !== end) this.fail(`expected \`,\` or \`${end}\``);
    this.at++;
    return next === end;
  }
}

/** Reads a text. Throws `JsonError`. */
export const parse = (text: string): Json => new Reader(text).read();
