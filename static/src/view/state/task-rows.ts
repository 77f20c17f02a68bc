// The tasks of a run as rows of a sortable table: the twin of the graph. The order depends on the table and never on the
// playhead, so that rows stay where they are while it moves.

import { sizeOf } from '../../model/edges';
import { slotName } from '../../model/events';
import type { GraphIndex } from '../../model/graph-index';
import { NO_WORKER, Outcome, type RunTable } from '../../model/run-table';
import { attemptAt, taskStateAt } from '../../model/states';
import { titleOf } from '../../model/task-names';
import { type TaskState, taskStates } from '../../model/task-state';
import { executeAt } from './inspect';

/** Later than anything that happened, and yet before the end of a live run. */
const AFTER_ALL = Number.MAX_VALUE;

export const taskColumns = ['task', 'state', 'worker', 'start', 'queue', 'execute', 'output'] as const;
export type TaskColumn = (typeof taskColumns)[number];

export interface TaskSort {
  readonly column: TaskColumn;
  readonly order: 'asc' | 'desc';
}

/** One row as of a moment; figures are NaN while they are not known. */
export interface TaskRow {
  readonly node: number;
  /** All that it can be known by. */
  readonly title: string;
  /** Its name without what all functions share, where names are long. */
  readonly label: string;
  readonly state: TaskState;
  readonly where: string;
  readonly attempt: number;
  readonly startNs: number;
  readonly queueNs: number;
  readonly executeNs: number;
  readonly outputBytes: number;
}

/** A row as of atNs. */
export function taskRow(index: GraphIndex, table: RunTable, node: number, atNs: number): TaskRow {
  const row = attemptAt(table, node, atNs);
  const claimed = row >= 0 && table.claimedNs[row]! <= atNs;
  const ended = row >= 0 && table.endedNs[row]! <= atNs;
  return {
    node,
    title: titleOf(index, node),
    label: index.labelOf(node),
    state: taskStateAt(table, node, atNs),
    where: claimed && table.worker[row] !== NO_WORKER ? slotName(table, row) : '',
    attempt: row < 0 ? 0 : table.attempt[row]!,
    startNs: claimed ? table.claimedNs[row]! : Number.NaN,
    queueNs: row < 0 ? Number.NaN : (claimed ? table.claimedNs[row]! : atNs) - table.readyNs[row]!,
    executeNs: executeAt(table, row, atNs),
    outputBytes: ended ? sizeOf(table, row) : Number.NaN,
  };
}

/** Nodes of all tasks known so far whose name or function contains the text, or whose last state it is, sorted by what the whole table knows of them. */
export function sortedTasks(index: GraphIndex, table: RunTable, sort: TaskSort, text: string): Uint32Array {
  const nodes: number[] = [];
  const wanted = text.trim().toLowerCase();
  for (let node = 0; node < index.nodes; node++) {
    if (!index.isTask(node)) continue;
    const isWanted = wanted === '' || titleOf(index, node).toLowerCase().includes(wanted);
    if (!isWanted && taskStateAt(table, node, AFTER_ALL) !== wanted) continue;
    nodes.push(node);
  }
  const { column, order } = sort;
  if (column === 'task') return Uint32Array.from(order === 'asc' ? nodes : nodes.reverse());
  const keys = new Map(nodes.map((node) => [node, keyOf(table, node, column)]));
  const sign = order === 'asc' ? 1 : -1;
  nodes.sort((a, b) => compareKnown(keys.get(a)!, keys.get(b)!, sign) || a - b);
  return Uint32Array.from(nodes);
}

/** What is not known goes last, whichever way the rest is sorted. */
function compareKnown(a: number, b: number, sign: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return sign * (a - b);
}

function keyOf(table: RunTable, node: number, column: Exclude<TaskColumn, 'task'>): number {
  if (column === 'state') return taskStates.indexOf(taskStateAt(table, node, AFTER_ALL));
  const row = attemptAt(table, node, AFTER_ALL);
  if (row < 0) return Number.NaN;
  switch (column) {
    case 'worker':
      return table.worker[row] === NO_WORKER ? Number.NaN : table.worker[row]! * 65536 + table.slot[row]!;
    case 'start':
      return table.claimedNs[row]!;
    case 'queue':
      return table.claimedNs[row]! - table.readyNs[row]!;
    case 'execute':
      return table.outcome[row] === Outcome.cached ? Number.NaN : table.endedNs[row]! - table.startedNs[row]!;
    case 'output':
      return sizeOf(table, row);
  }
}

/** The other order of the same column, or the natural one of another: names and times ascending, sizes descending. */
export function nextSort(sort: TaskSort, column: TaskColumn): TaskSort {
  if (sort.column === column) return { column, order: sort.order === 'asc' ? 'desc' : 'asc' };
  return { column, order: column === 'queue' || column === 'execute' || column === 'output' ? 'desc' : 'asc' };
}
