import type { Estimate, HistoryPart } from '../../../src/api/schema';

function estimate(value: number | null, needs?: number): Estimate {
  return { value, low: value ?? 0, high: value ?? 0, ...(needs === undefined ? {} : { needs }) };
}

/** A row of the insights, from its median and p95. */
export function historyPart(
  key: string,
  n: number,
  p50: number,
  p95: number,
  of: Partial<HistoryPart> = {},
): HistoryPart {
  return {
    key,
    function: key,
    version: 0,
    from: '2026-11-22T00:00:00Z',
    to: '2026-11-23T00:00:00Z',
    runs: 3,
    n,
    rejected: 0,
    exact: true,
    bound: 0,
    method: '',
    sum: n * p50,
    mean: p50,
    min: p50 / 2,
    max: p95 * 2,
    variance: 0,
    stddev: 0,
    cv: 0,
    p25: estimate(p50 * 0.9),
    p50: estimate(p50),
    p75: estimate(p50 * 1.1),
    p90: estimate(p95 * 0.9),
    p95: estimate(p95),
    p99: n >= 100 ? estimate(p95 * 1.2) : estimate(null, 100),
    p99_9: estimate(null, 1000),
    iqr: estimate(1),
    mad: estimate(1),
    quantiles: [{ q: 0.25, ...estimate(p50 * 0.9) }],
    ...of,
  };
}
