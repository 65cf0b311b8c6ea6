/** How far the browser's clock is from the service's. */

/** Clocks that differ less than this are the same, in milliseconds. */
const TOLERANCE = 2000;

/**
 * What to add to the browser's time, in milliseconds: what was known until now, unless an answer contradicts it. `date` is when the service
 * answered, in whole seconds; `sent` and `received` are when that was, by the browser.
 */
export function corrected(known: number, date: number, sent: number, received: number): number {
  if (Number.isNaN(date)) return known;
  // The service has answered at some time within that second, and between the two times here.
  const [least, most] = [date - received, date + 1000 - sent];
  if (known >= least && known <= most) return known;
  const middle = (least + most) / 2;
  // An answer that took long says little: 0 is as good where it is possible.
  return Math.abs(middle) > TOLERANCE && (least > 0 || most < 0) ? Math.round(middle) : 0;
}
