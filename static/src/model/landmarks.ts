// Tasks of a run that a reader may want to go to: those that failed, those that were tried again, those that took longest.

import { executeNs, executeTimesOf } from './duration-rank';
import type { GraphIndex } from './graph-index';
import { nodeRowsOf } from './node-rows';
import { Outcome, type RunTable } from './run-table';

/** Nodes by what they are landmarks for. */
export interface Landmarks {
  /** Ended for good without having ended well, in the order of their ends. */
  readonly failed: readonly number[];
  /** Had more than one attempt, in the order of the ends of their first ones. */
  readonly retried: readonly number[];
  /** Executed longest, the longest first; not more than a few. */
  readonly longest: readonly number[];
}

export type Landmark = keyof Landmarks;

/** A reader who has gone to so many has seen what takes long. */
const LONGEST = 50;

const cache = new WeakMap<RunTable, { version: number; marks: Landmarks }>();

/** The landmarks of a run as far as it has come. */
export function landmarksOf(index: GraphIndex, table: RunTable): Landmarks {
  const known = cache.get(table);
  if (known?.version === table.version) return known.marks;
  const { before, after, rows } = nodeRowsOf(table);
  const failed: number[] = [];
  const retried: number[] = [];
  const longest: number[] = [];
  const leastNs = executeTimesOf(table).at(-LONGEST) ?? 0;
  for (let row = 0; row < rows; row++) {
    if (!index.isTask(table.node[row]!)) continue;
    const isLast = after[row]! < 0;
    if (isLast && isFailed(table, row)) failed.push(row);
    if (!isLast && before[row]! < 0) retried.push(row);
    if (isLast && executeNs(table, row) >= leastNs) longest.push(row);
  }
  const byEnd = (a: number, b: number): number => orLast(table.updatedNs[a]!) - orLast(table.updatedNs[b]!) || a - b;
  const byLength = (a: number, b: number): number => executeNs(table, b) - executeNs(table, a) || a - b;
  const nodes = (of: number[]): number[] => of.map((row) => table.node[row]!);
  const marks = {
    failed: nodes(failed.sort(byEnd)),
    retried: nodes(retried.sort(byEnd)),
    longest: nodes(longest.sort(byLength).slice(0, LONGEST)),
  };
  cache.set(table, { version: table.version, marks });
  return marks;
}

/** The one after a node, the first after the last and where the node is none of them; -1 where there are none. */
export function nextOf(nodes: readonly number[], node: number): number {
  return nodes[(nodes.indexOf(node) + 1) % nodes.length] ?? -1;
}

function isFailed(table: RunTable, row: number): boolean {
  const outcome = table.outcome[row];
  return outcome === Outcome.failed || outcome === Outcome.lost || (table.ended && outcome === Outcome.retrying);
}

function orLast(ns: number): number {
  return Number.isNaN(ns) ? Number.MAX_VALUE : ns;
}
