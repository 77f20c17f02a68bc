// What each slot of each worker did, in order of time.

import { firstAfter, firstFrom } from './order';

/** One slot of a worker with the attempts it ran, sorted by the moment of the claim. */
export interface Lane {
  /** Place in Lanes.lanes. */
  readonly index: number;
  readonly worker: number;
  readonly slot: number;
  /** One more than its worker has processors: it works while others are blocked, and is no slot before and after. */
  readonly extra: boolean;
  readonly rows: Uint32Array;
  /** When each was claimed. */
  readonly startNs: Float64Array;
  /** When each was over; Infinity while it still runs. */
  readonly endNs: Float64Array;
  /** The latest end up to each: ends may overlap where clocks disagree, and bisection needs them ascending. */
  readonly reachNs: Float64Array;
  /** Time that the attempts before each took. */
  readonly busyBeforeNs: Float64Array;
}

/** The lanes of one worker, by slot. */
export interface WorkerLanes {
  readonly worker: number;
  readonly slots: readonly Lane[];
}

/** All lanes of a run, by worker and slot. */
export interface Lanes {
  readonly workers: readonly WorkerLanes[];
  /** All of them in one list. */
  readonly lanes: readonly Lane[];
}

/**
 * The attempts of a lane that touch [fromNs, toNs): places [from, to) in lane.rows, by bisection. One that took no time
 * touches the moment at which it began.
 */
export function visibleRows(lane: Lane, fromNs: number, toNs: number): { from: number; to: number } {
  const to = firstFrom(lane.startNs, toNs);
  return { from: Math.min(firstAfter(lane.reachNs, fromNs), firstFrom(lane.startNs, fromNs), to), to };
}

/** Time for which the lane was busy between two moments. */
export function busyBetween(lane: Lane, fromNs: number, toNs: number): number {
  return Math.max(0, busyNs(lane, toNs) - busyNs(lane, Math.max(0, fromNs)));
}

/** Share of the time since the run's start in which the lane was busy, at a moment. 0 to 1. */
export function busyShare(lane: Lane, atNs: number): number {
  return atNs > 0 ? busyNs(lane, atNs) / atNs : 0;
}

/** Time for which the lane was busy up to a moment. */
export function busyNs(lane: Lane, atNs: number): number {
  const last = firstFrom(lane.startNs, atNs) - 1;
  if (last < 0) return 0;
  const reachBefore = last > 0 ? lane.reachNs[last - 1]! : -Infinity;
  const spent = Math.min(lane.endNs[last]!, atNs) - Math.max(lane.startNs[last]!, reachBefore);
  // Where ends overlap, an earlier attempt may reach beyond the moment: it cannot have been busy longer than that.
  return Math.min(atNs, lane.busyBeforeNs[last]! + Math.max(0, spent));
}

/** The attempt that holds a lane at a moment, as its place in lane.rows; -1 where it is idle. */
export function placeAt(lane: Lane, atNs: number): number {
  const last = firstAfter(lane.startNs, atNs) - 1;
  return last >= 0 && lane.endNs[last]! > atNs ? last : -1;
}
