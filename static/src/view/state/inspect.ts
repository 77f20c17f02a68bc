// What the inspector shows of a task as of a moment, apart from what only the service knows.

import { backOffAfter } from '../../model/back-off';
import { sizeOf } from '../../model/edges';
import { slotName, workerName } from '../../model/events';
import type { GraphIndex } from '../../model/graph-index';
import { Outcome, RowFlag, type RunTable, type Usage } from '../../model/run-table';
import { attemptAt, beginOf, stateAt, taskStateAt } from '../../model/states';
import { nameOf, ownNameOf } from '../../model/task-names';
import type { TaskState } from '../../model/task-state';
import type { Stretch } from './gap-rows';
import type { RankStage } from './history-rank';

/** One attempt as a line of the table of attempts. Times are NaN while they are not known. */
export interface AttemptLine {
  readonly row: number;
  readonly attempt: number;
  /** How often the task had been done before, and had to be done again. */
  readonly epoch: number;
  readonly state: TaskState;
  /** w2/1; empty before it was claimed. */
  readonly where: string;
  readonly claimedNs: number;
  /** For how long its task was not tried again after it, as far as that had begun; null where there is none. */
  readonly backOff: Stretch | null;
  /** Claimed until it ended, or until the moment. */
  readonly tookNs: number;
  /** It is the attempt that the rest of the inspector is about. */
  readonly current: boolean;
}

/** How a task came to its worker. */
export type Origin = 'root' | 'became' | 'invoked';

/** What the words for it mean. */
export const originTitles: Readonly<Record<Origin, string>> = {
  root: 'It waits for no other task',
  became: 'The worker that made its last input ready continued with it at once, without a queue in between',
  invoked: 'Others made it ready and left it to whichever worker was free',
};

export interface TaskFacts {
  readonly node: number;
  readonly name: string;
  /** What it is in other runs of the graph, where it has a name of its own; else empty. */
  readonly identity: string;
  readonly functionName: string;
  readonly fn: number;
  readonly level: number;
  readonly state: TaskState;
  /** The attempt that counts at the moment, -1 before the first. */
  readonly row: number;
  readonly attempt: number;
  readonly epoch: number;
  /** w2 slot 1; empty before it was claimed. */
  readonly where: string;
  readonly origin: Origin;
  readonly attempts: readonly AttemptLine[];
  /** How long its body has run so far, NaN before it began. */
  readonly executeNs: number;
  readonly stage: RankStage;
  /** NaN while or where it is not known. */
  readonly outputBytes: number;
  readonly storedBytes: number;
  /** Null while or where nothing of it is known. */
  readonly usage: Usage | null;
}

/** Facts of a task as of atNs. */
export function factsOf(index: GraphIndex, table: RunTable, node: number, atNs: number): TaskFacts {
  const row = attemptAt(table, node, atNs);
  const fn = index.functionOf(node);
  const claimed = row >= 0 && reached(table.claimedNs, row, atNs);
  const ended = row >= 0 && reached(table.endedNs, row, atNs);
  return {
    node,
    name: nameOf(index, node),
    identity: ownNameOf(index, node) === '' ? '' : index.identityOf(node),
    functionName: index.graph.functions[fn]?.function ?? '',
    fn,
    level: index.levelOf(node),
    state: taskStateAt(table, node, atNs),
    row,
    attempt: row < 0 ? 1 : table.attempt[row]!,
    epoch: row < 0 ? 0 : table.epoch[row]!,
    where: claimed ? `${workerName(table.worker[row]!)} slot ${String(table.slot[row]!)}` : '',
    origin: originOf(index, table, node, row),
    attempts: attemptsOf(table, node, row, atNs),
    executeNs: executeAt(table, row, atNs),
    stage: stageAt(table, row, atNs),
    outputBytes: ended ? sizeOf(table, row) : Number.NaN,
    storedBytes: ended ? table.storedBytes[row]! : Number.NaN,
    usage: ended ? (table.usage.get(row) ?? null) : null,
  };
}

function reached(column: Float64Array, row: number, atNs: number): boolean {
  return column[row]! <= atNs;
}

function originOf(index: GraphIndex, table: RunTable, node: number, row: number): Origin {
  if (row >= 0 && !Number.isNaN(table.claimedNs[row]!) && (table.flags[row]! & RowFlag.head) === 0) return 'became';
  return index.parents(node).length === 0 ? 'root' : 'invoked';
}

function attemptsOf(table: RunTable, node: number, current: number, atNs: number): AttemptLine[] {
  const lines: AttemptLine[] = [];
  for (const row of table.rowsOf(node)) {
    if (!(beginOf(table, row) <= atNs)) continue;
    const claimed = reached(table.claimedNs, row, atNs);
    const backOff = backOffAfter(table, row);
    const endNs = table.updatedNs[row]! <= atNs ? table.updatedNs[row]! : atNs;
    lines.push({
      row,
      attempt: table.attempt[row]!,
      epoch: table.epoch[row]!,
      state: attemptState(table, row, atNs),
      where: claimed ? slotName(table, row) : '',
      claimedNs: claimed ? table.claimedNs[row]! : Number.NaN,
      tookNs: claimed ? endNs - table.claimedNs[row]! : Number.NaN,
      current: row === current,
      backOff: backOff && backOff.fromNs <= atNs ? backOff : null,
    });
  }
  return lines;
}

/** An attempt that is tried again has itself failed. */
function attemptState(table: RunTable, row: number, atNs: number): TaskState {
  const over = reached(table.updatedNs, row, atNs);
  return over && table.outcome[row] === Outcome.retrying ? 'failed' : stateAt(table, row, atNs);
}

/** How long the body of an attempt has run by a moment, NaN before it began, and of a cached task, whose body never ran. */
export function executeAt(table: RunTable, row: number, atNs: number): number {
  if (row < 0 || !reached(table.startedNs, row, atNs)) return Number.NaN;
  if (table.outcome[row] === Outcome.cached) return Number.NaN;
  return Math.max(0, (reached(table.endedNs, row, atNs) ? table.endedNs[row]! : atNs) - table.startedNs[row]!);
}

function stageAt(table: RunTable, row: number, atNs: number): RankStage {
  if (row < 0 || !reached(table.startedNs, row, atNs)) return 'none';
  if (!reached(table.endedNs, row, atNs)) return 'running';
  if (table.outcome[row] === Outcome.cached) return 'cached';
  return table.outcome[row] === Outcome.ok || table.outcome[row] === Outcome.none ? 'done' : 'failed';
}
