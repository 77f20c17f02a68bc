// How values moved from day to day, as a chart.

import type { HistoryPart } from '../../../api/schema';
import { count, factorText } from '../../../model/format';
import { quantile } from '../../../model/quantile';
import { type ChartSpec, linearTicks } from '../../parts/chart-spec';
import { shortDay } from '../../state/instant';
import { axisText } from './charts';
import type { InsightMetric } from './insights-url';
import { cellValue, lowerQuartile, valueText } from './statistic';

export interface Outlier {
  readonly index: number;
  readonly z: number;
  readonly ratio: number;
}

/** Days that come before one for it to be judged by them. */
const DAYS = 5;
/** Iglewicz and Hoaglin, How to detect and handle outliers (1993): modified z-scores above 3.5. */
const Z = 3.5;
const FAR = 0.05;

/** The day whose median lies furthest off those of the days before it; undefined where none is far off. */
export function outlierOf(days: readonly HistoryPart[]): Outlier | undefined {
  let most: Outlier | undefined;
  for (let i = DAYS; i < days.length; i++) {
    const value = cellValue(days[i]!, 'p50');
    const before = days
      .slice(0, i)
      .flatMap((day) => cellValue(day, 'p50') ?? [])
      .sort((a, b) => a - b);
    const median = quantile(before, 0.5);
    if (value === null || before.length < DAYS || !(median > 0)) continue;
    const mad = quantile(
      before.map((one) => Math.abs(one - median)).sort((a, b) => a - b),
      0.5,
    );
    const z = mad > 0 ? (0.6745 * (value - median)) / mad : 0;
    if (Math.abs(z) > Z && Math.abs(value / median - 1) > FAR && Math.abs(z) > Math.abs(most?.z ?? 0)) {
      most = { index: i, z, ratio: value / median };
    }
  }
  return most;
}

const DAY_S = 86_400;
const DAY_TICKS = 6;

/** Medians by day over the band of the middle half, and p95. Days are those of UTC. */
export function trendSpec(metric: InsightMetric, days: readonly HistoryPart[]): ChartSpec {
  const series = (value: (day: HistoryPart) => number | null): (number | null)[] => days.map(value);
  const p75 = series((day) => cellValue(day, 'p75'));
  const p95 = series((day) => cellValue(day, 'p95'));
  const p50 = series((day) => cellValue(day, 'p50'));
  const high = Math.max(0, ...[...p75, ...p95, ...p50].map((value) => value ?? 0));
  const outlier = outlierOf(days);
  return {
    ...axesOf(metric, days, high),
    series: [
      { label: 'p75', values: p75, colour: 'band', mark: 'hidden' },
      { label: 'p25', values: series(lowerQuartile), colour: 'band', mark: 'hidden' },
      { label: 'p95', values: p95, colour: 'line', mark: 'line', widthPx: 1.3, name: 'p95' },
      { label: 'p50', values: p50, colour: 'ink', mark: 'points', widthPx: 1.8, name: 'p50' },
    ],
    band: [0, 1],
    rings: outlier === undefined ? [] : [ringOf(days[outlier.index]!, outlier)],
    readout: (i) => (days[i] === undefined ? '' : dayText(metric, days[i])),
  };
}

function axesOf(metric: InsightMetric, days: readonly HistoryPart[], high: number): Pick<ChartSpec, 'x' | 'y' | 'xs'> {
  const xs = days.map((day) => Date.parse(day.from) / 1000);
  const every = Math.max(1, Math.ceil(xs.length / DAY_TICKS));
  return {
    xs,
    x: {
      kind: 'time',
      range: [(xs[0] ?? 0) - DAY_S / 2, (xs.at(-1) ?? 0) + DAY_S / 2],
      ticks: xs.filter((_, i) => i % every === 0),
      format: (seconds) => shortDay(new Date(seconds * 1000).toISOString(), 'utc'),
    },
    y: {
      kind: 'linear',
      range: [0, (high || 1) * 1.12],
      ticks: linearTicks(high),
      format: (value) => (value === 0 ? '0' : axisText(metric, value)),
    },
  };
}

function dayText(metric: InsightMetric, day: HistoryPart): string {
  const median = valueText(metric, cellValue(day, 'p50'));
  const high = valueText(metric, cellValue(day, 'p95'));
  return `${shortDay(day.from, 'utc')}: median ${median}, p95 ${high}, n ${count(day.n)}`;
}

function ringOf(day: HistoryPart, outlier: Outlier): { x: number; y: number; text: string } {
  const text = `${shortDay(day.from, 'utc')}, ${factorText(outlier.ratio)}`;
  return { x: Date.parse(day.from) / 1000, y: cellValue(day, 'p50') ?? 0, text };
}
