/**
 * How many streams a browser keeps: it has six connections to a service for all of its tabs (HTTP/1.1), and others are needed for everything else.
 */

const STREAMS = 4;

/** Whether windows can agree on that: browsers permit it where the page is secure. */
export const canAgree = (): boolean => "locks" in navigator;

/** What gives back a place that nobody else has; nothing if all are taken. */
export async function takeSlot(): Promise<(() => void) | undefined> {
  for (let number = 1; number <= STREAMS; number++) {
    const free = await take(`tasks-stream-${number}`);
    if (free !== undefined) return free;
  }
  return undefined;
}

function take(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const held = (lock: Lock | null): Promise<void> | undefined => {
      if (lock !== null) return new Promise((free) => resolve(free));
      resolve(undefined);
      return undefined;
    };
    navigator.locks.request(name, { ifAvailable: true }, held).catch(reject);
  });
}
