// Statistics of each function as of a moment, exact, from the table alone.

import { ascendingOrder, firstFrom, picked } from './order';
import type { GraphIndex } from './graph-index';
import { type Metric, valueOf } from './metric';
import { quantile, samplesNeeded } from './quantile';
import { Outcome, type RunTable } from './run-table';
import { eachBegunTask } from './states';

/** Samples from which on a 95th percentile is shown; below it is the maximum by another name. */
export const P95_NEEDS = samplesNeeded(0.95);

/** Values from which on a median is worth comparing with. */
export const TYPICAL_NEEDS = 5;

/** One function as of a moment. Figures are NaN where there are no values, or too few. */
export interface FunctionStatistics {
  /** Index into graph.functions. */
  readonly function: number;
  /** Attempts that ended well by then and whose value is known. */
  readonly n: number;
  /** Tasks that are over by then, however they ended. */
  readonly done: number;
  /** Tasks known by now. */
  readonly total: number;
  readonly p50: number;
  readonly p95: number;
  readonly mean: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** All n values, ascending. */
  readonly values: Float64Array;
}

/** Values of ended attempts of one metric, by function ascending, each with the moment from which it counts. */
interface Samples {
  readonly version: number;
  readonly value: readonly Float64Array[];
  readonly countsFromNs: readonly Float64Array[];
}

const samplesCache = new WeakMap<RunTable, Map<Metric, Samples>>();
const answers = new WeakMap<GraphIndex, { version: number; metric: Metric; atNs: number; all: FunctionStatistics[] }>();

/** Statistics of every function of the graph, in its order, over the attempts that had ended well at a moment. */
export function statisticsAt(
  index: GraphIndex,
  table: RunTable,
  metric: Metric,
  atNs: number,
): readonly FunctionStatistics[] {
  const known = answers.get(index);
  if (known?.version === table.version && known.metric === metric && known.atNs === atNs) return known.all;
  const samples = samplesOf(index, table, metric);
  const { done, total } = countTasks(index, table, atNs);
  const all = index.graph.functions.map((_, i) => {
    const values = valuesAt(samples.value[i]!, samples.countsFromNs[i]!, atNs);
    return summarise(i, values, done[i]!, total[i]!);
  });
  answers.set(index, { version: table.version, metric, atNs, all });
  return all;
}

/** Figures over ascending values. */
function summarise(fn: number, values: Float64Array, done: number, total: number): FunctionStatistics {
  const n = values.length;
  let sum = 0;
  for (const value of values) sum += value;
  return {
    function: fn,
    n,
    done,
    total,
    p50: quantile(values, 0.5),
    p95: n >= P95_NEEDS ? quantile(values, 0.95) : NaN,
    mean: n > 0 ? sum / n : NaN,
    sum,
    min: n > 0 ? values[0]! : NaN,
    max: n > 0 ? values[n - 1]! : NaN,
    values,
  };
}

function valuesAt(value: Float64Array, countsFromNs: Float64Array, atNs: number): Float64Array {
  const values = new Float64Array(value.length);
  let n = 0;
  for (let i = 0; i < value.length; i++) if (countsFromNs[i]! <= atNs) values[n++] = value[i]!;
  return values.subarray(0, n);
}

function samplesOf(index: GraphIndex, table: RunTable, metric: Metric): Samples {
  let byMetric = samplesCache.get(table);
  if (byMetric === undefined) samplesCache.set(table, (byMetric = new Map()));
  let samples = byMetric.get(metric);
  if (samples?.version !== table.version) byMetric.set(metric, (samples = collect(index, table, metric)));
  return samples;
}

function collect(index: GraphIndex, table: RunTable, metric: Metric): Samples {
  const rowsOf: number[][] = index.graph.functions.map(() => []);
  const all = new Float64Array(table.rows);
  for (let row = 0; row < table.rows; row++) {
    if (table.outcome[row] !== Outcome.ok) continue;
    all[row] = valueOf(table, row, metric);
    if (!Number.isNaN(all[row]!)) rowsOf[index.functionOf(table.node[row]!)]?.push(row);
  }
  const value: Float64Array[] = [];
  const countsFromNs: Float64Array[] = [];
  for (const rows of rowsOf.map((numbers) => new Uint32Array(numbers))) {
    const unordered = picked(all, rows);
    const order = ascendingOrder(unordered);
    value.push(picked(unordered, order));
    countsFromNs.push(picked(picked(table.updatedNs, rows), order));
  }
  return { version: table.version, value, countsFromNs };
}

function countTasks(index: GraphIndex, table: RunTable, atNs: number): { done: Uint32Array; total: Uint32Array } {
  const { functions, scopes } = index.graph;
  const done = new Uint32Array(functions.length);
  const total = new Uint32Array(functions.length);
  for (const block of index.blocks) for (const fn of scopes[block.scope]!.function) total[fn]! += block.instances;
  eachBegunTask(table, atNs, (row, state) => {
    // A lost task has no end that anybody has seen.
    const isOver = state === 'succeeded' || state === 'failed' || state === 'cancelled' || state === 'skipped';
    const fn = index.functionOf(table.node[row]!);
    if (isOver && fn >= 0) done[fn]!++;
  });
  return { done, total };
}

/** Share of ascending values that are below x: 0.98 of 50 values is longer than 49. */
export function rankOf(ascending: Float64Array, x: number): number {
  return ascending.length === 0 ? NaN : firstFrom(ascending, x) / ascending.length;
}
