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

/** Median of values in any order, which it reorders; NaN of none. Cost: a pass or two, where sorting would take many. */
export function medianOf(values: Float64Array): number {
  const n = values.length;
  if (n === 0) return NaN;
  const high = n >> 1;
  select(values, high);
  if (n % 2 === 1) return values[high]!;
  let below = -Infinity;
  for (let i = 0; i < high; i++) below = Math.max(below, values[i]!);
  return below + (values[high]! - below) / 2;
}

/** Brings the k-th smallest to place k, smaller ones before it: Hoare, Algorithm 65 (1961). */
function select(values: Float64Array, k: number): void {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >>> 1]!;
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const swapped = values[i]!;
      values[i++] = values[j]!;
      values[j--] = swapped;
    }
    if (k <= j) high = j;
    else if (k >= i) low = i;
    else return;
  }
}

/** How many values it takes until something lies beyond quantile q: 20 for p95, 100 for p99. */
export function samplesNeeded(q: number): number {
  return Math.ceil(1 / (1 - q) - 1e-9);
}
