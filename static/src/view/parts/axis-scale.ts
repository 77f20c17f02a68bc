// Where a value falls on a small picture of fixed width.

/** The ends of an axis; a logarithmic one has both above 0. */
export type Domain = readonly [low: number, high: number];

/** Pixel of a value within [0, widthPx], 2 px in from both ends, so that marks at the ends are not cut. */
export function place(value: number, [low, high]: Domain, widthPx: number, log = false): number {
  const share = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  const bounded = Number.isNaN(share) ? 0.5 : Math.min(1, Math.max(0, share));
  return Math.round((bounded * (widthPx - 4) + 2) * 10) / 10;
}

/** A domain around values with a margin of a fiftieth on both sides; of equal values, one around them. */
export function domainOf(values: readonly number[]): Domain {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const margin = high > low ? (high - low) / 50 : Math.abs(high) / 50 || 1;
  return [low - margin, high + margin];
}

/** A logarithmic domain around the values above 0, at least a factor of ten wide, from and to a power of ten or half. */
export function logDomainOf(values: readonly number[]): Domain {
  const above = values.filter((value) => Number.isFinite(value) && value > 0);
  if (above.length === 0) return [1, 10];
  const low = Math.min(...above) / 1.2;
  const high = Math.max(...above) * 1.2;
  const stretch = Math.max(1, Math.sqrt(10 / (high / low)));
  return [low / stretch, high * stretch];
}
