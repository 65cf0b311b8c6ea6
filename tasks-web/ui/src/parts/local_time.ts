/** Times as a field has them (`datetime-local`), by the person's clock, and as the service takes them. */

const two = (number: number): string => String(number).padStart(2, "0");

/** A time for a field; nothing for what is no time. */
export function toLocal(instant: string): string {
  const at = new Date(instant);
  if (instant === "" || Number.isNaN(at.getTime())) return "";
  const date = `${String(at.getFullYear()).padStart(4, "0")}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const seconds = at.getSeconds() === 0 ? "" : `:${two(at.getSeconds())}`;
  return `${date}T${two(at.getHours())}:${two(at.getMinutes())}${seconds}`;
}

/** The instant (RFC 3339, in UTC) that a text means: one without a zone is by the person's clock. */
export function toInstant(text: string): string {
  const at = new Date(text);
  if (text === "" || Number.isNaN(at.getTime())) return "";
  // Times to the second are short, and that is what a person enters.
  return at.toISOString().replace(".000Z", "Z");
}
