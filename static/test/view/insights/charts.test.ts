import { describe, expect, it } from 'vitest';

import { ecdfSpec, histogramSpec, valueAxis } from '../../../src/view/pages/insights/charts';
import { outlierOf, trendSpec } from '../../../src/view/pages/insights/trend-chart';
import { historyPart } from './history-part';

const shaped = historyPart('a', 100, 2e6, 8e6, {
  histogram: [
    { low: 0, high: 0, count: 25 },
    { low: 1e6, high: 2e6, count: 50 },
    { low: 2e6, high: 4e6, count: 25 },
  ],
  ecdf: [
    { x: 0, p: 0.25 },
    { x: 2e6, p: 0.75 },
    { x: 4e6, p: 1 },
  ],
});

describe('the pictures of a distribution', () => {
  const axis = valueAxis([shaped, undefined]);

  it('gives zeros a place of their own, left of what a logarithm reaches', () => {
    expect(axis.zero![1]).toBeLessThan(1e6);
    const spec = histogramSpec('execute_ns', shaped, axis, 'p95');
    expect(spec.xs[0]).toBe(axis.zero![0]);
    expect(spec.ends!.slice(1)).toEqual([2e6, 4e6]);
    expect(spec.series[0]!.values).toEqual([25, 50, 25]);
    expect(spec.readout!(0)).toBe('zero: 25 of 100');
    expect(spec.rules![0]!.x).toBe(8e6);
  });

  it('has no more labels than have room, and none twice', () => {
    const wide = [
      { low: 1, high: 2, count: 999 },
      { low: 9e14, high: 1.1e15, count: 1 },
    ];
    for (const histogram of [wide, [{ low: 1400, high: 2200, count: 9 }]]) {
      const part = { ...shaped, histogram };
      const { x } = ecdfSpec('execute_ns', part, undefined, valueAxis([part]), 'p95');
      const labels = x.ticks!.map(x.format);
      expect(labels.length).toBeLessThanOrEqual(7);
      expect(new Set(labels).size).toBe(labels.length);
    }
  });

  it('never steps in parts of a task', () => {
    const one = { ...shaped, histogram: [{ low: 1, high: 2, count: 1 }] };
    expect(histogramSpec('execute_ns', one, valueAxis([one]), 'p50').y.ticks).toEqual([0, 1]);
  });

  it('draws the distribution function over the same axis, rising, through what is given', () => {
    const spec = ecdfSpec('execute_ns', shaped, undefined, axis, 'p95');
    expect(spec.x.range).toEqual([axis.low, axis.high]);
    const shares = spec.series[0]!.values.map((value) => value!);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares[spec.xs.indexOf(2e6)]).toBe(0.75);
    expect(shares.at(-1)).toBe(1);
  });

  it('begins at 0 where there are no zeros', () => {
    const positive = {
      ...shaped,
      histogram: shaped.histogram!.slice(1),
      ecdf: [
        { x: 1e6, p: 0.5 },
        { x: 4e6, p: 1 },
      ],
    };
    const spec = ecdfSpec('execute_ns', positive, shaped, valueAxis([positive]), 'p50');
    expect(spec.series.map((series) => series.label)).toEqual(['before', 'share of tasks']);
    expect(spec.series[1]!.values[0]).toBe(0);
    expect(spec.series[1]!.values[spec.xs.indexOf(1e6)]).toBe(0.5);
  });
});

describe('the trend', () => {
  const day = (i: number, p50: number) =>
    historyPart('a', 100, p50, p50 * 2, { from: new Date(Date.UTC(2026, 9, 1 + i)).toISOString() });
  const steady = [100, 102, 99, 101, 100, 103, 100, 98].map((p50, i) => day(i, p50 * 1e6));

  it('marks a day far off the days before it, and none among steady ones', () => {
    expect(outlierOf(steady)).toBeUndefined();
    const days = [...steady, day(8, 131e6), day(9, 100e6)];
    expect(outlierOf(days)).toMatchObject({ index: 8 });
    expect(outlierOf(days)!.ratio).toBeCloseTo(1.31, 2);
    expect(trendSpec('execute_ns', days).rings).toHaveLength(1);
  });

  it('does not judge a day by fewer than five before it', () => {
    expect(outlierOf([day(0, 1e6), day(1, 1e6), day(2, 9e6)])).toBeUndefined();
  });

  it('leaves a gap where a day has too few tasks for its p95', () => {
    const days = [...steady.slice(0, 2), historyPart('a', 3, 1e6, 2e6, { from: '2026-10-03T00:00:00Z' })];
    const spec = trendSpec('execute_ns', days);
    expect(spec.series.find((series) => series.label === 'p95')!.values.at(-1)).toBeNull();
    expect(spec.series.find((series) => series.label === 'p50')!.values.at(-1)).toBe(1e6);
  });
});
