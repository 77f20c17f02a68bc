// The state of a task at a moment: pure functions of the table and the moment.

import { nodeRowsOf } from './node-rows';
import { endingsOf, isDone, Outcome, type RunTable } from './run-table';
import { type TaskState, taskStates } from './task-state';

/** When the run ended, ns since its start; Infinity while its log is not complete. */
export function endOf(table: RunTable): number {
  return table.ended ? table.nowNs : Infinity;
}

/** The run is over at a moment, even if it was continued later. */
export function isOverAt(table: RunTable, atNs: number): boolean {
  return atNs >= endOf(table) || endingsOf(table).some(({ fromNs, restartNs }) => fromNs <= atNs && atNs < restartNs);
}

/** When a row begins to count: at the first of ready, claimed and updated that is known. */
export function beginOf(table: RunTable, row: number): number {
  const ready = table.readyNs[row]!;
  if (ready === ready) return ready;
  const claimed = table.claimedNs[row]!;
  return claimed === claimed ? claimed : table.updatedNs[row]!;
}

/** States as numbers: their places in taskStates. */
const State = {
  pending: taskStates.indexOf('pending'),
  ready: taskStates.indexOf('ready'),
  fetching: taskStates.indexOf('fetching'),
  storing: taskStates.indexOf('storing'),
  running: taskStates.indexOf('running'),
  retrying: taskStates.indexOf('retrying'),
  failed: taskStates.indexOf('failed'),
  notRun: taskStates.indexOf('not run'),
  lost: taskStates.indexOf('lost'),
} as const;

/** State of an attempt that is over, by outcome. */
const stateOfOutcome: readonly number[] = [
  State.storing,
  taskStates.indexOf('succeeded'),
  State.failed,
  State.retrying,
  taskStates.indexOf('cancelled'),
  State.lost,
  taskStates.indexOf('skipped'),
  taskStates.indexOf('cached'),
];

/** State of one attempt at a moment. A moment that is not known (NaN) is never reached. */
export function stateAt(table: RunTable, row: number, atNs: number): TaskState {
  return taskStates[numberAt(table, row, atNs, isOverAt(table, atNs))]!;
}

function numberAt(table: RunTable, row: number, atNs: number, isOver: boolean): number {
  if (atNs >= table.updatedNs[row]!) return stateOfOutcome[table.outcome[row]!] ?? State.lost;
  if (isOver) return atNs >= table.claimedNs[row]! ? State.lost : State.notRun;
  if (atNs >= table.endedNs[row]!) return State.storing;
  if (atNs >= table.startedNs[row]!) return table.outcome[row] === Outcome.cached ? State.fetching : State.running;
  if (atNs >= table.claimedNs[row]!) return State.fetching;
  if (table.attempt[row]! > 1) return State.retrying;
  return atNs >= beginOf(table, row) ? State.ready : State.pending;
}

/** State of a task by the row that counts for it: that of the attempt, unless its outcome is not final. */
function taskNumberAt(table: RunTable, row: number, atNs: number, isOver: boolean): number {
  const own = numberAt(table, row, atNs, isOver);
  if (own === State.notRun) {
    // This attempt was never claimed: what became of the task is what became of the attempt before it.
    const before = nodeRowsOf(table).before[row]!;
    return before < 0 ? own : taskNumberAt(table, before, atNs, isOver);
  }
  if (!(atNs >= table.updatedNs[row]!)) return own;
  if (!isDone(table.outcome[row]!) && isRestarted(table, table.updatedNs[row]!, atNs)) return unbegunNumber(isOver);
  return own === State.retrying && isOver ? State.failed : own;
}

/** The state of a task that nothing is known of at a moment, where the run was over or not. */
export function unbegunState(isOver: boolean): TaskState {
  return isOver ? 'not run' : 'pending';
}

function unbegunNumber(isOver: boolean): number {
  return isOver ? State.notRun : State.pending;
}

/** The run was continued after one moment and up to another: what was not done before was to be done again. */
function isRestarted(table: RunTable, afterNs: number, byNs: number): boolean {
  return endingsOf(table).some(({ restartNs }) => afterNs <= restartNs && restartNs <= byNs);
}

/** The attempt of a node that counts at a moment: the last one that had begun; -1 before the first. */
export function attemptAt(table: RunTable, node: number, atNs: number): number {
  const chains = nodeRowsOf(table);
  let row = chains.last[node] ?? -1;
  while (row >= 0 && !(beginOf(table, row) <= atNs)) row = chains.before[row]!;
  return row;
}

/**
 * The attempt of a node whose output another attempt has read: the last that was done when the reader began. What
 * was made again later is not what it read.
 */
export function sourceOf(table: RunTable, node: number, reader: number, chains = nodeRowsOf(table)): number {
  const { last, before } = chains;
  const newest = last[node] ?? -1;
  for (let row = newest; row >= 0; row = before[row]!) {
    if (isDone(table.outcome[row]!) && !(table.endedNs[row]! > table.startedNs[reader]!)) return row;
  }
  return newest;
}

/** How many attempts of a task are over. */
export function endedAttempts(table: RunTable, node: number): number {
  return table.rowsOf(node).filter((row) => !Number.isNaN(table.updatedNs[row]!)).length;
}

/** State of a task at a moment. The service computes the same: see FORMAT.md of metricsstore/runtable. */
export function taskStateAt(table: RunTable, node: number, atNs: number): TaskState {
  const isOver = isOverAt(table, atNs);
  const row = attemptAt(table, node, atNs);
  return row < 0 ? unbegunState(isOver) : taskStates[taskNumberAt(table, row, atNs, isOver)]!;
}

/** How many tasks are in each state. */
export type StateCounts = Record<TaskState, number>;

/** No task in any state. */
export function noStates(): StateCounts {
  const counts = {} as StateCounts;
  for (const state of taskStates) counts[state] = 0;
  return counts;
}

/** Calls visit once for each task that has begun by a moment, with the row that counts and the number of its state. */
export function eachBegunTask(table: RunTable, atNs: number, visit: (row: number, state: number) => void): void {
  const { rows, after } = nodeRowsOf(table);
  const isOver = isOverAt(table, atNs);
  for (let row = 0; row < rows; row++) {
    if (!(beginOf(table, row) <= atNs)) continue;
    const next = after[row]!;
    if (next < 0 || !(beginOf(table, next) <= atNs)) visit(row, taskNumberAt(table, row, atNs, isOver));
  }
}
