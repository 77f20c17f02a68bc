// How long to wait before trying again.

const FIRST_MS = 500;
const LONGEST_MS = 30_000;
/** After a server has said that it goes away, it is likely to be back at once; but all pages got that message together. */
const QUICK_MS = 250;

/**
 * Full jitter: anything up to an exponentially growing bound, so that pages that were cut off together do not come back
 * together. See Brooker, Exponential Backoff And Jitter (AWS Architecture Blog, 2015). attempt counts from 0.
 */
export function backoffMs(attempt: number, random: number): number {
  return random * Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
}

/** After an orderly good-bye. */
export function quickMs(random: number): number {
  return random * QUICK_MS;
}
