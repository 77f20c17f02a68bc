// How long the engine took to claim a task when it was ready and a slot was free.

import type { Lanes } from './lanes';
import { spanOf } from './presence';
import { makespanOf } from './run-figures';
import type { RunTable } from './run-table';

/** A longer gap is no work of the engine: a commit to a shared store takes a few milliseconds. */
const LONGEST_NS = 10e6;
/** Tasks that execute for less are tiny: what the engine does for each may be more than they do. */
const TINY_NS = 1e6;

const cache = new WeakMap<Lanes, { version: number; gaps: Float64Array }>();

/**
 * Of each row, the time between the moment at which its task was ready and its slot free, and the claim. 0 where that is
 * longer than the engine takes: then the task has waited although a slot was free.
 */
export function claimGapsOf(table: RunTable, lanes: Lanes): Float64Array {
  const known = cache.get(lanes);
  if (known?.version === table.version) return known.gaps;
  const gaps = new Float64Array(table.rows);
  if (table.recorded) return gaps; // what another tool does between two tasks is not known
  // What passes before the first claim is no part of the makespan.
  const { fromNs } = makespanOf(table);
  for (const lane of lanes.lanes) {
    let freeNs = Math.max(fromNs, spanOf(table, lane).fromNs);
    for (let i = 0; i < lane.rows.length; i++) {
      const row = lane.rows[i]!;
      const gap = lane.startNs[i]! - Math.max(table.readyNs[row]!, freeNs);
      if (gap > 0 && isShort(table, row, gap)) gaps[row] = gap;
      freeNs = lane.reachNs[i]!;
    }
  }
  cache.set(lanes, { version: table.version, gaps });
  return gaps;
}

/** A wait before an attempt is the engine at work, rather than a task that was left waiting. */
export function isShort(table: RunTable, row: number, waitNs: number): boolean {
  const executeNs = table.endedNs[row]! - table.startedNs[row]!;
  return !table.recorded && waitNs <= LONGEST_NS && !(executeNs >= TINY_NS);
}

/**
 * A wait between a claim and a start is not the engine at work: the attempt waited for processors and memory that its
 * function declares.
 */
export function isBlocked(table: RunTable, waitNs: number): boolean {
  return !table.recorded && waitNs > LONGEST_NS;
}

/** The engine has done more for an attempt than its body did: handing it to another slot would have cost as much. */
export function isTiny(table: RunTable, row: number, gapNs: number): boolean {
  const executeNs = table.endedNs[row]! - table.startedNs[row]!;
  const heldNs = table.updatedNs[row]! - table.claimedNs[row]!;
  return gapNs + heldNs - table.fetchNs[row]! > 2 * executeNs;
}
