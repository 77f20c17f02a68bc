// Which task of a longer recording is the one of a shorter one: numbers of nodes differ, moments do not.

import type { GraphIndex } from './graph-index';
import type { RunTable } from './run-table';

/** What a task has in both: its function, and when its last attempt was, in ns since the start of the run. */
export interface TaskMark {
  readonly function: string;
  readonly startedNs: number;
  readonly endedNs: number;
}

/** The mark of a task, undefined if it was not executed yet. */
export function markOf(index: GraphIndex, table: RunTable, node: number): TaskMark | undefined {
  const row = table.rowsOf(node).at(-1);
  if (row === undefined) return undefined;
  return { function: functionOf(index, node), startedNs: table.startedNs[row]!, endedNs: table.endedNs[row]! };
}

/** The node of a task in a run that began shiftNs earlier, -1 if it is not there. */
export function findMark(index: GraphIndex, table: RunTable, mark: TaskMark, shiftNs: number): number {
  const startedNs = mark.startedNs + shiftNs;
  const endedNs = mark.endedNs + shiftNs;
  for (let row = 0; row < table.rows; row++) {
    if (table.startedNs[row] !== startedNs || table.endedNs[row] !== endedNs) continue;
    const node = table.node[row]!;
    if (functionOf(index, node) === mark.function) return node;
  }
  return -1;
}

/** Without the place among its like that a name has: that is another one in a longer recording. */
function functionOf(index: GraphIndex, node: number): string {
  return index.graph.functions[index.functionOf(node)]?.function ?? '';
}

/** How long one moment is before another, both as RFC 3339, in ns: more digits than a Date has. */
export function nsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) * 1e6 + belowMs(to) - belowMs(from);
}

/** The ns of a moment that its milliseconds leave out. */
function belowMs(instant: string): number {
  const digits = /\.(\d+)/.exec(instant)?.[1] ?? '';
  return Number(digits.padEnd(9, '0').slice(3, 9));
}
