// Statistics of each function as of a moment, exact, from the table alone.

import { firstFrom } from './order';
import type { GraphIndex } from './graph-index';
import type { Metric } from './metric';
import { quantile, samplesNeeded } from './quantile';
import type { RunTable } from './run-table';
import { Samples } from './samples';
import { eachBegunTask } from './states';
import { taskStates } from './task-state';

/** Samples from which on a 95th percentile is shown; below it is the maximum by another name. */
export const P95_NEEDS = samplesNeeded(0.95);

/** Values from which on a median is worth comparing with. */
export const TYPICAL_NEEDS = 5;

/** One function as of a moment. Figures are NaN where there are no values, or too few. */
export interface FunctionStatistics {
  /** Index into graph.functions. */
  readonly function: number;
  /** Attempts that ended well up to the moment and whose value is known. */
  readonly n: number;
  /** Tasks that are over at the moment, however they ended. */
  readonly done: number;
  /** Tasks known so far. */
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

/** Answers of one version, by metric and moment: pictures, panels and sentences ask for the same few. */
interface Answers {
  readonly version: number;
  readonly tasks: number;
  readonly by: Map<string, readonly FunctionStatistics[]>;
}

const samples = new WeakMap<RunTable, Map<Metric, Samples>>();
const answers = new WeakMap<GraphIndex, Answers>();
const ANSWERS_KEPT = 4;

/** Statistics of every function of the graph, in its order, over the attempts that had ended well at a moment. */
export function statisticsAt(
  index: GraphIndex,
  table: RunTable,
  metric: Metric,
  atNs: number,
): readonly FunctionStatistics[] {
  let known = answers.get(index);
  if (known?.version !== table.version || known.tasks !== index.tasks || known.by.size >= ANSWERS_KEPT) {
    known = { version: table.version, tasks: index.tasks, by: new Map() };
    answers.set(index, known);
  }
  const key = `${metric} ${atNs}`;
  let all = known.by.get(key);
  if (all === undefined) known.by.set(key, (all = answer(index, table, metric, atNs)));
  return all;
}

function answer(index: GraphIndex, table: RunTable, metric: Metric, atNs: number): FunctionStatistics[] {
  const { done, total } = countTasks(index, table, atNs);
  return samplesOf(table, metric)
    .of(index, table)
    .map(({ value, countsFromNs }, i) => summarise(i, valuesAt(value, countsFromNs, atNs), done[i]!, total[i]!));
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

function samplesOf(table: RunTable, metric: Metric): Samples {
  let byMetric = samples.get(table);
  if (byMetric === undefined) samples.set(table, (byMetric = new Map()));
  let of = byMetric.get(metric);
  if (of === undefined) byMetric.set(metric, (of = new Samples(metric)));
  return of;
}

/** By number: states of tasks that are over. A lost task has no observed end. */
const overStates = taskStates.map((state) => ['succeeded', 'cached', 'failed', 'cancelled', 'skipped'].includes(state));

function countTasks(index: GraphIndex, table: RunTable, atNs: number): { done: Uint32Array; total: Uint32Array } {
  const { functions, scopes } = index.graph;
  const done = new Uint32Array(functions.length);
  const total = new Uint32Array(functions.length);
  for (const block of index.blocks) for (const fn of scopes[block.scope]!.function) total[fn]! += block.instances;
  eachBegunTask(table, atNs, (row, state) => {
    if (!overStates[state]) return;
    const fn = index.functionOf(table.node[row]!);
    if (fn >= 0) done[fn]!++;
  });
  return { done, total };
}

/** Share of ascending values that are below x: 0.98 of 50 values is longer than 49. */
export function rankOf(ascending: Float64Array, x: number): number {
  return ascending.length === 0 ? NaN : firstFrom(ascending, x) / ascending.length;
}
