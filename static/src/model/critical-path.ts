// The chain of tasks that a run ended with, as it happened: queueing, retries and pauses included.

import type { GraphIndex } from './graph-index';
import { nodeRowsOf } from './node-rows';
import { phasesOf } from './phases';
import { makespanOf } from './run-figures';
import { Outcome, type RunTable } from './run-table';
import { standstillNs } from './standstill';
import { sourceOf } from './states';

/** One task on the path, from the end of the previous one to its own end. */
export interface PathStep {
  readonly node: number;
  readonly row: number;
  /** When the previous task of the path was over; of the first one, the first claim of the run. */
  readonly fromNs: number;
  /** When the next step begins: at the end of the task, or before it where that was over after the next one. */
  readonly toNs: number;
  /** Earlier attempts of the task, and the life of an output that was lost and made again. */
  readonly againNs: number;
  /** Between an attempt that failed and the moment from which the next could be claimed. */
  readonly backoffNs: number;
  /** The run was paused, or had ended and was continued later. */
  readonly stoodNs: number;
  /** Before the task was ready, though what it waited for was over: of a recorded run, which does not say why. */
  readonly unreadyNs: number;
  /** Waiting to be claimed. */
  readonly queueNs: number;
  /** Claimed until all inputs are present, without fetchNs: the engine's own time. */
  readonly waitNs: number;
  readonly fetchNs: number;
  readonly executeNs: number;
  readonly storeNs: number;
  readonly updateNs: number;
  readonly totalNs: number;
}

/** The path by phase, in the order in which they are shown. */
export interface PathPhases {
  readonly againNs: number;
  readonly backoffNs: number;
  readonly stoodNs: number;
  readonly unreadyNs: number;
  readonly queueNs: number;
  readonly waitNs: number;
  readonly fetchNs: number;
  readonly executeNs: number;
  readonly storeNs: number;
  readonly updateNs: number;
}

export interface CriticalPath {
  /** In order of time. */
  readonly steps: readonly PathStep[];
  readonly nodes: ReadonlySet<number>;
  /** Sum over the steps: together they cover the makespan. */
  readonly phases: PathPhases;
  readonly totalNs: number;
}

const cache = new WeakMap<GraphIndex, { version: number; path: CriticalPath | undefined }>();

/**
 * Walks back from the task that ended last, always to the one it waited for that ended last. Only an ended run has one:
 * what only the end can show is not guessed.
 */
export function criticalPathOf(index: GraphIndex, table: RunTable): CriticalPath | undefined {
  const known = cache.get(index);
  if (known?.version === table.version) return known.path;
  const path = table.ended ? walkBack(index, table) : undefined;
  cache.set(index, { version: table.version, path });
  return path;
}

function walkBack(index: GraphIndex, table: RunTable): CriticalPath | undefined {
  let row = lastEnded(table);
  if (row < 0) return undefined;
  const { fromNs: firstClaim, toNs: lastEnd } = makespanOf(table);
  let toNs = lastEnd;
  const steps: PathStep[] = [];
  for (;;) {
    const node = table.node[row]!;
    let before = -1;
    for (const parent of index.parents(node)) {
      const candidate = sourceOf(table, parent, row);
      if (candidate < 0 || Number.isNaN(table.updatedNs[candidate]!)) continue;
      if (before < 0 || isLater(table, candidate, before)) before = candidate;
    }
    const fromNs = before < 0 ? firstClaim : Math.max(firstClaim, Math.min(toNs, table.updatedNs[before]!));
    steps.push(pathStep(table, row, fromNs, toNs));
    if (before < 0) break;
    [row, toNs] = [before, fromNs];
  }
  steps.reverse();
  const sum = (of: (step: PathStep) => number) => steps.reduce((total, step) => total + of(step), 0);
  return {
    steps,
    nodes: new Set(steps.map((step) => step.node)),
    phases: {
      againNs: sum((s) => s.againNs),
      backoffNs: sum((s) => s.backoffNs),
      stoodNs: sum((s) => s.stoodNs),
      unreadyNs: sum((s) => s.unreadyNs),
      queueNs: sum((s) => s.queueNs),
      waitNs: sum((s) => s.waitNs),
      fetchNs: sum((s) => s.fetchNs),
      executeNs: sum((s) => s.executeNs),
      storeNs: sum((s) => s.storeNs),
      updateNs: sum((s) => s.updateNs),
    },
    totalNs: sum((s) => s.totalNs),
  };
}

/** The row that was over last; skipped tasks did nothing and are no end. */
function lastEnded(table: RunTable): number {
  let row = -1;
  for (let i = 0; i < table.rows; i++) {
    if (table.outcome[i] === Outcome.skipped || Number.isNaN(table.updatedNs[i]!)) continue;
    // Of equal moments the later row: the log has causes before effects, and a task may take no time at all.
    if (row < 0 || table.updatedNs[i]! >= table.updatedNs[row]!) row = i;
  }
  return row;
}

/**
 * Of two that were over at the same moment, the one that was executed, because what was cached held up nothing; else the
 * one that took no time: it may have waited for the other. Of two such the later row, which a task has after those that
 * it waited for.
 */
function isLater(table: RunTable, a: number, b: number): boolean {
  const [aNs, bNs] = [table.updatedNs[a]!, table.updatedNs[b]!];
  if (aNs !== bNs) return aNs > bNs;
  const isCached = (row: number): boolean => table.outcome[row] === Outcome.cached;
  if (isCached(a) !== isCached(b)) return isCached(b);
  return table.claimedNs[a] === aNs && (table.claimedNs[b] !== bNs || a > b);
}

function pathStep(table: RunTable, row: number, fromNs: number, toNs: number): PathStep {
  const phases = phasesOf(table, row);
  // A child that its worker became may be claimed a little before its parent is over: then nothing is left to queue.
  const totalNs = toNs - fromNs;
  const known = [phases.waitNs, phases.fetchNs, phases.executeNs, phases.storeNs, phases.updateNs];
  let left = totalNs;
  const [updateNs, storeNs, executeNs, fetchNs, waitNs] = known.reverse().map((ns) => {
    const part = Math.min(left, Number.isNaN(ns) ? 0 : ns);
    left -= part;
    return part;
  }) as [number, number, number, number, number];
  const before = beforeClaim(table, row, fromNs, fromNs + left);
  return {
    node: table.node[row]!,
    row,
    fromNs,
    toNs,
    ...before,
    waitNs,
    fetchNs,
    executeNs,
    storeNs,
    updateNs,
    totalNs,
  };
}

/** How the time splits up that passed before the last attempt of a task was claimed. */
function beforeClaim(
  table: RunTable,
  row: number,
  fromNs: number,
  claimedNs: number,
): Pick<PathStep, 'againNs' | 'backoffNs' | 'stoodNs' | 'unreadyNs' | 'queueNs'> {
  let [againNs, backoffNs] = [0, 0];
  let stoodNs = standstillNs(table, fromNs, claimedNs);
  const { before } = nodeRowsOf(table);
  let nextReadyNs = inside(table.readyNs[row]!, fromNs, claimedNs);
  for (let earlier = before[row]!; earlier >= 0 && nextReadyNs > fromNs; earlier = before[earlier]!) {
    const overNs = Math.max(fromNs, Math.min(nextReadyNs, table.updatedNs[earlier]!));
    const beganNs = Math.max(fromNs, Math.min(overNs, table.claimedNs[earlier]!));
    if (Number.isNaN(beganNs)) break;
    againNs += overNs - beganNs;
    // An attempt that still ran when the run was paused took its own time.
    stoodNs -= standstillNs(table, beganNs, overNs);
    const gapNs = nextReadyNs - overNs - standstillNs(table, overNs, nextReadyNs);
    // What ended well and was made again did not back off: its output was lost later.
    if (table.outcome[earlier] === Outcome.retrying) backoffNs += gapNs;
    else againNs += gapNs;
    nextReadyNs = inside(table.readyNs[earlier]!, fromNs, beganNs);
  }
  const leftNs = Math.max(0, claimedNs - fromNs - againNs - backoffNs - stoodNs);
  const unreadyNs = table.recorded ? Math.min(leftNs, nextReadyNs - fromNs) : 0;
  return { againNs, backoffNs, stoodNs, unreadyNs, queueNs: leftNs - unreadyNs };
}

/** A moment moved into a stretch of time; one that is not known to its beginning. */
function inside(atNs: number, fromNs: number, toNs: number): number {
  return Number.isNaN(atNs) ? fromNs : Math.max(fromNs, Math.min(toNs, atNs));
}
