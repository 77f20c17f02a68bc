// Where the execute time of a task lies among those of all tasks of its run.

import { lastRowOf, nodeRowsOf } from './node-rows';
import { firstFrom } from './order';
import { Outcome, type RunTable } from './run-table';

const cache = new WeakMap<RunTable, { version: number; allNs: Float64Array }>();

/**
 * Share of the run's executed tasks whose last attempt took less time than that of this one, 0 to 1; NaN of a task that
 * was not executed to its end.
 */
export function durationRankOf(table: RunTable, node: number): number {
  const own = executeNs(table, lastRowOf(table, node));
  const all = executeTimesOf(table);
  return Number.isNaN(own) ? NaN : firstFrom(all, own) / all.length;
}

/** How long an attempt executed; NaN where it has not ended, and where it was cached. */
export function executeNs(table: RunTable, row: number): number {
  return row < 0 || table.outcome[row] === Outcome.cached ? NaN : table.endedNs[row]! - table.startedNs[row]!;
}

/** How long the last attempts of all tasks executed, ascending. */
export function executeTimesOf(table: RunTable): Float64Array {
  const known = cache.get(table);
  if (known?.version === table.version) return known.allNs;
  const { after, rows } = nodeRowsOf(table);
  const found = new Float64Array(rows);
  let n = 0;
  for (let row = 0; row < rows; row++) {
    const ns = after[row]! < 0 ? executeNs(table, row) : NaN;
    if (!Number.isNaN(ns)) found[n++] = ns;
  }
  const allNs = found.subarray(0, n).sort();
  cache.set(table, { version: table.version, allNs });
  return allNs;
}
