// Exact quantiles of few enough values to keep them all.

/**
 * Quantile q of ascending values, by linear interpolation between order statistics: type 7 of Hyndman and Fan, Sample
 * quantiles in statistical packages (1996), as R, NumPy and the service's digests have it. NaN of no values.
 */
export function quantile(ascending: ArrayLike<number>, q: number): number {
  const n = ascending.length;
  if (n === 0 || !(q >= 0 && q <= 1)) return NaN;
  const place = (n - 1) * q;
  const low = Math.floor(place);
  const value = ascending[low]!;
  const next = ascending[Math.min(low + 1, n - 1)]!;
  return value + (place - low) * (next - value);
}

/** How many values it takes until something lies beyond quantile q: 20 for p95, 100 for p99. */
export function samplesNeeded(q: number): number {
  return Math.ceil(1 / (1 - q) - 1e-9);
}
