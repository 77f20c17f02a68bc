// What slots did in the last second. Of a live run nothing else says whether they work: the log has the end of a task of
// a few milliseconds, not its beginning, and has it only when it is over.

import { busyBetween, type Lane, type Lanes } from './lanes';
import { slotTimeNs } from './presence';
import type { RunTable } from './run-table';

/** Means over about a second. */
export interface Lately {
  /** How many slots were busy, and how many there were. */
  readonly busy: number;
  readonly slots: number;
}

const SECOND_NS = 1e9;
/** The log is written, kept and sent in parts: so much of what happened last may not have come yet. */
const BEHIND_NS = 500e6;

/** The log of a live run does not show yet what its slots do at this moment, only what they did before. */
export function isOnlyNow(table: RunTable, atNs: number): boolean {
  return !table.ended && atNs > table.nowNs - SECOND_NS;
}

const answers = new WeakMap<Lanes, { version: number; atNs: number; lately: Lately }>();

/** What slots did in the second up to a moment, or up to the last that is known where the log lags a little. */
export function latelyAt(table: RunTable, lanes: Lanes, atNs: number): Lately {
  const known = answers.get(lanes); // the figures and the lanes ask for the same
  if (known?.version === table.version && known.atNs === atNs) return known.lately;
  const { fromNs, toNs } = secondAt(lanes.lanes, atNs);
  const overNs = toNs - fromNs;
  let lately: Lately = { busy: 0, slots: 0 };
  if (overNs > 0) {
    let busy = 0;
    for (const lane of lanes.lanes) if (lastOf(lane.reachNs) > fromNs) busy += busyBetween(lane, fromNs, toNs);
    lately = { busy: busy / overNs, slots: slotTimeNs(table, lanes, fromNs, toNs) / overNs };
  }
  answers.set(lanes, { version: table.version, atNs, lately });
  return lately;
}

/** The share of the same second in which one of the lanes was busy. */
export function latelyBusy(lanes: Lanes, lane: Lane, atNs: number): number {
  const { fromNs, toNs } = secondAt(lanes.lanes, atNs);
  return toNs > fromNs ? busyBetween(lane, fromNs, toNs) / (toNs - fromNs) : 0;
}

function secondAt(lanes: readonly Lane[], atNs: number): { fromNs: number; toNs: number } {
  let knownNs = -Infinity;
  for (const lane of lanes) {
    const reachNs = lastOf(lane.reachNs);
    const laneNs = reachNs === Infinity ? lastOf(lane.startNs) : reachNs;
    if (laneNs > knownNs) knownNs = laneNs;
  }
  const toNs = Math.min(atNs, Math.max(knownNs, atNs - BEHIND_NS));
  return { fromNs: Math.max(0, toNs - SECOND_NS), toNs };
}

/** -Infinity where there is none. */
function lastOf(column: Float64Array): number {
  return column.length === 0 ? -Infinity : column[column.length - 1]!;
}
