// Which rows of a long table are in sight.

export interface Sight {
  readonly count: number;
  readonly rowPx: number;
  readonly scrollTop: number;
  readonly heightPx: number;
}

/** Rows kept ready beyond each edge, so that a wheel does not show blank rows. */
const MARGIN = 8;
/** Rows at once before the height is known, and the most at any time: a table that got no height must not draw them all. */
const MOST = 200;

/** Rows [from, to) to have in the page; `from` is even, so that stripes and keys do not flicker. */
export function rowsInSight({ count, rowPx, scrollTop, heightPx }: Sight): { from: number; to: number } {
  const first = Math.max(0, Math.floor(scrollTop / rowPx) - MARGIN);
  const from = Math.min(first - (first % 2), Math.max(0, count - 1));
  const rows = heightPx > 0 ? Math.ceil(heightPx / rowPx) + 2 * MARGIN : 40;
  return { from: count === 0 ? 0 : from, to: Math.min(count, from + Math.min(rows, MOST)) };
}
