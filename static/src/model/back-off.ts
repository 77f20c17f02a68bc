// For how long tasks that failed were not tried again.

import { nodeRowsOf } from './node-rows';
import { Outcome, type RunTable } from './run-table';
import { endOf } from './states';

/** From the end of an attempt that failed until its task may be tried again, or until the run ended. */
export interface BackOff {
  /** Of the attempt that failed. */
  readonly row: number;
  readonly fromNs: number;
  readonly toNs: number;
}

/** The back-off after an attempt; null where there is none. */
export function backOffAfter(table: RunTable, row: number): BackOff | null {
  if (table.outcome[row] !== Outcome.retrying) return null;
  const next = nodeRowsOf(table).after[row]!;
  const fromNs = table.updatedNs[row]!;
  const toNs = next < 0 ? fromNs : Math.min(table.readyNs[next]!, endOf(table));
  return fromNs < toNs ? { row, fromNs, toNs } : null;
}

const cache = new WeakMap<RunTable, { version: number; all: readonly BackOff[] }>();

/** All of a run, in the order in which its attempts are known. */
export function backOffsOf(table: RunTable): readonly BackOff[] {
  const known = cache.get(table);
  if (known?.version === table.version) return known.all;
  const all: BackOff[] = [];
  for (let row = 0; row < table.rows; row++) {
    const backOff = backOffAfter(table, row);
    if (backOff) all.push(backOff);
  }
  cache.set(table, { version: table.version, all });
  return all;
}
