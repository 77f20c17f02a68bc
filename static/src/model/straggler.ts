// The task that held up the others of its function.

import type { GraphIndex } from './graph-index';
import { Outcome, type RunTable } from './run-table';
import { endOf } from './states';
import { statisticsAt } from './statistics';

/** A task that took so many times its function's median is a straggler. */
export const STRAGGLES = 1.5;
/** Least number of values for a median worth comparing with. */
export const MEDIAN_NEEDS = 5;

export interface Straggler {
  readonly node: number;
  readonly executeNs: number;
  /** Its execute time in medians of its function. */
  readonly ratio: number;
  /** How long after every other task of its function it ended. */
  readonly lateNs: number;
}

/** The task that held up its function's others longest, having taken much longer than their median. */
export function stragglerOf(index: GraphIndex, table: RunTable): Straggler | undefined {
  const statistics = statisticsAt(index, table, 'execute_ns', endOf(table));
  const lastTwo = lastEndsOf(index, table);
  let worst: Straggler | undefined;
  statistics.forEach(({ n, p50 }, fn) => {
    const last = lastTwo[fn];
    if (last === undefined || n < MEDIAN_NEEDS || !(p50 > 0)) return;
    const executeNs = table.endedNs[last.row]! - table.startedNs[last.row]!;
    const lateNs = table.updatedNs[last.row]! - last.secondNs;
    if (executeNs >= STRAGGLES * p50 && lateNs > (worst?.lateNs ?? 0))
      worst = { node: table.node[last.row]!, executeNs, ratio: executeNs / p50, lateNs };
  });
  return worst;
}

/** Of each function the row that ended last, and when the one before it ended. */
function lastEndsOf(index: GraphIndex, table: RunTable): ({ row: number; secondNs: number } | undefined)[] {
  const ends: ({ row: number; secondNs: number } | undefined)[] = index.graph.functions.map(() => undefined);
  for (let row = 0; row < table.rows; row++) {
    if (table.outcome[row] !== Outcome.ok) continue;
    const fn = index.functionOf(table.node[row]!);
    const end = table.updatedNs[row]!;
    const known = ends[fn];
    if (known === undefined) ends[fn] = { row, secondNs: -Infinity };
    else if (end > table.updatedNs[known.row]!) ends[fn] = { row, secondNs: table.updatedNs[known.row]! };
    else known.secondNs = Math.max(known.secondNs, end);
  }
  return ends;
}
