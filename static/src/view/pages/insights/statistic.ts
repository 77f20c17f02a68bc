// Figures of a distribution as the table, the strips and the sentences need them.

import type { Estimate, HistoryPart, LeftOut } from '../../../api/schema';
import { count, counted, NO_VALUE, quantityText } from '../../../model/format';
import { kindOf, quantityOf } from '../../../model/metric';
import { samplesNeeded } from '../../../model/quantile';
import type { Cell, InsightMetric } from './insights-url';

/** Apart from the figures that every answer has: the lower end of the middle half. */
export const askedQuantiles = [0.25, 0.5, 0.75, 0.9, 0.95, 0.99] as const;

export function valueText(metric: InsightMetric, value: number | null): string {
  return value === null ? NO_VALUE : quantityText(quantityOf(metric, value));
}

const quantileOf: Readonly<Record<Exclude<Cell, 'max'>, number>> = {
  p50: 0.5,
  p75: 0.75,
  p90: 0.9,
  p95: 0.95,
  p99: 0.99,
};
/** Quantiles from here on are shown only where at least one value is to be expected beyond them. */
const OUTER = 0.9;

/** How many tasks a cell needs; 0 where there are enough. */
function missing(part: HistoryPart, cell: Exclude<Cell, 'max'>): number {
  const estimate: Estimate = part[cell];
  const q = quantileOf[cell];
  const needed = Math.max(estimate.needs ?? 0, q < OUTER ? 1 : samplesNeeded(q));
  return estimate.value === null || part.n < needed ? needed : 0;
}

/** The value of a cell; null where there are too few tasks for it. */
export function cellValue(part: HistoryPart, cell: Cell): number | null {
  if (cell === 'max') return part.max;
  return missing(part, cell) > 0 ? null : part[cell].value;
}

/**
 * What the value of a cell is at least: of an estimate, the lower end. Asking for tasks from the estimate on would miss
 * the very tasks that it stands for.
 */
export function leastValue(part: HistoryPart, cell: Cell): number | null {
  const value = cellValue(part, cell);
  return value === null || cell === 'max' ? value : Math.min(value, part[cell].low);
}

/** What makes one of several rows the greatest: the sum of their values, or the greatest where they do not add up. */
export function weightOf(metric: InsightMetric, part: HistoryPart): number {
  return kindOf(metric).adds ? part.sum : (part.max ?? 0);
}

/** Lower quartile; null where it was not asked for or means nothing. */
export function lowerQuartile(part: HistoryPart): number | null {
  return part.quantiles.find((one) => one.q === 0.25)?.value ?? null;
}

/** Why a cell is empty, or how exact it is: the text on hover. */
export function cellTitle(part: HistoryPart, metric: InsightMetric, cell: Cell): string {
  if (cell === 'max') return 'The greatest, exact';
  const needed = missing(part, cell);
  if (needed > 0) return `${cell} needs n ≥ ${count(needed)}, there are ${count(part.n)}`;
  const estimate = part[cell];
  if (estimate.low === estimate.high) return 'Exact';
  return `Between ${valueText(metric, estimate.low)} and ${valueText(metric, estimate.high)}`;
}

/** How exact an answer is. The count always is. */
export function exactness(part: HistoryPart): string {
  if (part.exact) return 'Exact: every value is kept';
  return `Counted exactly; quantiles are within ${boundText(part.bound)} of the true ones`;
}

/** A relative bound: ± 0.5 %. */
export function boundText(bound: number): string {
  return `±\u00a0${(bound * 100).toPrecision(1)}\u00a0%`;
}

/** How a row changed between two stretches of time. */
export interface Shift {
  readonly ratio: number;
  /** Enough values on both sides, and more than a twentieth of a change: worth a colour and a sentence. */
  readonly loud: boolean;
  readonly earlier: HistoryPart;
  readonly later: HistoryPart;
}

/** Values on each side below which a change is nothing to speak of. */
const ENOUGH = 20;
const LOUD = 0.05;

/** Two medians compared; undefined where one side has none, or nothing to divide by. */
export function shiftOf(earlier: HistoryPart | undefined, later: HistoryPart | undefined): Shift | undefined {
  const before = earlier?.p50.value;
  const after = later?.p50.value;
  if (earlier === undefined || later === undefined || !before || after === null || after === undefined)
    return undefined;
  const ratio = after / before;
  const loud = earlier.n >= ENOUGH && later.n >= ENOUGH && Math.abs(ratio - 1) > LOUD;
  return { ratio, loud, earlier, later };
}

/** What a row is called. */
export function keyName(part: { readonly key: string }): string {
  return part.key === '' ? 'all functions' : part.key;
}

/** The cell that a row opens with: p95, or the median where there are too few tasks for it. */
export function usualCell(part: HistoryPart | undefined): Cell {
  return part !== undefined && cellValue(part, 'p95') === null ? 'p50' : 'p95';
}

const reasons: Readonly<Record<LeftOut['reason'], string>> = {
  not_measured: 'imported, and their recordings do not say when tasks could start, or how they were placed',
  not_known: 'it is not known of their tasks',
  unreadable: 'damaged, in part or as a whole',
};

/** Which runs have no part in an answer and why; empty where all have. */
export function leftOutText(leftOut: readonly LeftOut[]): string {
  return leftOut.map((one) => `${counted(one.runs, 'run')} left out: ${reasons[one.reason]}`).join('; ');
}

/** What a table is based on: 20,952 tasks of 40 runs. */
export function basisText(parts: readonly HistoryPart[]): string {
  const tasks = parts.reduce((sum, part) => sum + part.n, 0);
  const most = Math.max(0, ...parts.map((part) => part.runs));
  // Rows that are based on different runs may hide some that no single row counts.
  const least = parts.some((part) => part.runs !== most) ? 'at least ' : '';
  return `${counted(tasks, 'task')} of ${least}${counted(most, 'run')}`;
}
