// How values are distributed, as charts: histogram and distribution function over one axis.

import type { HistoryPart } from '../../../api/schema';
import { count, percent } from '../../../model/format';
import { type ChartSeries, type ChartSpec, linearTicks, logTicks } from '../../parts/chart-spec';
import type { Cell, InsightMetric } from './insights-url';
import { cellValue, valueText } from './statistic';

/** Both pictures of a distribution share this axis. */
export interface ValueAxis {
  readonly low: number;
  readonly high: number;
  /** Where zeros are drawn, left of everything a logarithm reaches; undefined without zeros. */
  readonly zero: readonly [number, number] | undefined;
}

/** The least factor between the ends of the axis. */
const LEAST_SPAN = 1.6;
/** How far zeros stand in front of the least value, in widths of a bar. */
const ZERO_GAP = 3;

export function valueAxis(parts: readonly (HistoryPart | undefined)[]): ValueAxis {
  const bars = parts.flatMap((part) => part?.histogram ?? []);
  const above = bars.filter((bar) => bar.low > 0);
  if (above.length === 0) return { low: 1, high: 10, zero: [1, 1.4] };
  let low = Math.min(...above.map((bar) => bar.low));
  let high = Math.max(...above.map((bar) => bar.high));
  const stretch = Math.max(1.02, Math.sqrt(LEAST_SPAN / (high / low)));
  low /= stretch;
  high *= stretch;
  if (above.length === bars.length) return { low, high, zero: undefined };
  const bar = Math.min(1.25, above[0]!.high / above[0]!.low);
  const right = low / bar ** ZERO_GAP;
  return { low: right / bar ** 2, high, zero: [right / bar, right] };
}

function xAxis(metric: InsightMetric, axis: ValueAxis): ChartSpec['x'] {
  const ticks = readable(metric, logTicks(axis.zero === undefined ? axis.low : axis.zero[1], axis.high));
  const zero = axis.zero === undefined ? undefined : Math.sqrt(axis.zero[0] * axis.zero[1]);
  return {
    kind: 'log',
    range: [axis.low, axis.high],
    ticks: zero === undefined ? ticks : [zero, ...ticks],
    format: (value) => (value === zero ? '0' : axisText(metric, value)),
  };
}

/** So many labels of durations have room side by side. */
const MOST_TICKS = 6;

/** Ticks that can be read: no more than have room, and none that is written as the one before it. */
function readable(metric: InsightMetric, ticks: readonly number[]): number[] {
  const every = Math.ceil(ticks.length / MOST_TICKS);
  const spaced = ticks.filter((_, i) => i % every === 0);
  return spaced.filter((tick, i) => i === 0 || axisText(metric, tick) !== axisText(metric, spaced[i - 1]!));
}

/** Ticks are round: 100 ms, not 100.0 ms. */
export function axisText(metric: InsightMetric, value: number): string {
  return valueText(metric, value)
    .replace(/(\.\d*?)0+(?=\D|$)/, '$1')
    .replace(/\.(?=\D|$)/, '');
}

/** Counts per bar, with a rule at the chosen cell. */
export function histogramSpec(metric: InsightMetric, part: HistoryPart, axis: ValueAxis, cell: Cell): ChartSpec {
  const bars = part.histogram ?? [];
  const highest = Math.max(1, ...bars.map((bar) => bar.count));
  const chosen = cellValue(part, cell);
  const edges = bars.map((bar) =>
    bar.low > 0 || axis.zero === undefined ? ([bar.low, bar.high] as const) : axis.zero,
  );
  return {
    x: { ...xAxis(metric, axis), format: () => '' },
    y: {
      kind: 'linear',
      range: [0, highest * 1.1],
      ticks: linearTicks(highest).filter(Number.isInteger),
      format: count,
    },
    xs: edges.map(([low]) => low),
    ends: edges.map(([, high]) => high),
    series: [{ label: 'tasks', values: bars.map((bar) => bar.count), colour: 'bars', mark: 'bars' }],
    rules:
      chosen === null || chosen <= 0
        ? []
        : [{ x: chosen, text: `${cell} ${valueText(metric, chosen)}`, colour: 'accent' }],
    readout: (i) => {
      const bar = bars[i];
      if (bar === undefined) return '';
      const span = bar.low > 0 ? `${valueText(metric, bar.low)} to ${valueText(metric, bar.high)}` : 'zero';
      return `${span}: ${count(bar.count)} of ${count(part.n)}`;
    },
  };
}

/** Share of values up to x, as the last place up to x has it where it is given exactly. */
function shareAt(part: HistoryPart, x: number): number {
  const steps = part.ecdf ?? [];
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle]!.x <= x) low = middle + 1;
    else high = middle;
  }
  return steps[low - 1]?.p ?? 0;
}

function curve(label: string, values: readonly number[], now: boolean): ChartSeries {
  return now
    ? { label, values, colour: 'ink', mark: 'steps', widthPx: 1.8 }
    : { label, values, colour: 'ink-3', mark: 'steps', widthPx: 1.3, dashed: true };
}

/** Distribution functions of the chosen stretch and of the one it is compared with, over the histogram's axis. */
export function ecdfSpec(
  metric: InsightMetric,
  later: HistoryPart,
  earlier: HistoryPart | undefined,
  axis: ValueAxis,
  cell: Cell,
): ChartSpec {
  const zero = axis.zero?.[1];
  const steps = [...(later.ecdf ?? []), ...(earlier?.ecdf ?? [])];
  const known = steps.map((step) => (step.x > 0 ? step.x : (zero ?? axis.low)));
  const xs = [...new Set([axis.low, ...known, axis.high])].filter((x) => x >= axis.low).sort((a, b) => a - b);
  /** Left of the place of zeros there are no values. */
  const valueOf = (x: number): number => (zero === undefined || x > zero ? x : x === zero ? 0 : -1);
  const share = (part: HistoryPart): number[] => xs.map((x) => shareAt(part, valueOf(x)));
  const chosen = cellValue(later, cell);
  return {
    x: xAxis(metric, axis),
    y: { kind: 'linear', range: [0, 1.02], ticks: [0, 0.25, 0.5, 0.75, 1], format: percent },
    xs,
    series: [
      ...(earlier === undefined ? [] : [curve('before', share(earlier), false)]),
      curve('share of tasks', share(later), true),
    ],
    rules: chosen === null || chosen <= 0 ? [] : [{ x: chosen, text: '', colour: 'accent' }],
    readout: (i) => {
      const value = Math.max(0, valueOf(xs[i]!));
      return `${percent(shareAt(later, value))} take at most ${valueText(metric, value)}`;
    },
  };
}
