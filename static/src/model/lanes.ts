// What each slot of each worker did, in order of time.

import { ascendingOrder, firstAfter, firstFrom, picked } from './order';
import { NO_WORKER, type RunTable } from './run-table';
import { endOf } from './states';

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
  /** When each was over; Infinity while it goes on. */
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
  /** The same one after the other. */
  readonly lanes: readonly Lane[];
}

const cache = new WeakMap<RunTable, { version: number; slots: string; lanes: Lanes }>();
const unknown: ReadonlyMap<number, number> = new Map();

/**
 * The lanes of a run. A slot that never worked is in no row: slotsOf tells how many each worker has, where that is
 * known. Workers that did nothing yet come in the same way. processorsOf tells which of its slots a worker always has.
 */
export function lanesOf(
  table: RunTable,
  slotsOf: ReadonlyMap<number, number> = unknown,
  processorsOf: ReadonlyMap<number, number> = unknown,
): Lanes {
  const slots = `${[...slotsOf].join()};${[...processorsOf].join()}`;
  const known = cache.get(table);
  if (known?.version === table.version && known.slots === slots) return known.lanes;
  const lanes = buildLanes(table, slotsOf, processorsOf);
  cache.set(table, { version: table.version, slots, lanes });
  return lanes;
}

function buildLanes(
  table: RunTable,
  slotsOf: ReadonlyMap<number, number>,
  processorsOf: ReadonlyMap<number, number>,
): Lanes {
  const rowsOf = new Map<number, number[]>();
  for (const [worker, slots] of slotsOf) for (let s = 0; s < slots; s++) rowsOf.set(laneKey(worker, s), []);
  for (let row = 0; row < table.rows; row++) {
    const worker = table.worker[row]!;
    if (worker === NO_WORKER || Number.isNaN(table.claimedNs[row]!)) continue;
    const key = laneKey(worker, table.slot[row]!);
    const rows = rowsOf.get(key);
    if (rows === undefined) rowsOf.set(key, [row]);
    else rows.push(row);
  }
  const keys = [...rowsOf.keys()].sort((a, b) => a - b);
  const lanes = keys.map((key, index) => {
    const [worker, slot] = [Math.floor(key / SLOTS), key % SLOTS];
    const extra = slot >= (processorsOf.get(worker) ?? Infinity);
    return { index, worker, slot, extra, ...occupiedBy(table, rowsOf.get(key)!) };
  });
  const workers: { worker: number; slots: Lane[] }[] = [];
  for (const lane of lanes) {
    if (workers.at(-1)?.worker !== lane.worker) workers.push({ worker: lane.worker, slots: [] });
    workers.at(-1)!.slots.push(lane);
  }
  return { workers, lanes };
}

const SLOTS = 0x10000;

function laneKey(worker: number, slot: number): number {
  return worker * SLOTS + slot;
}

/** The attempts of a lane in order, with what follows from their order. */
function occupiedBy(
  table: RunTable,
  unordered: number[],
): Pick<Lane, 'rows' | 'startNs' | 'endNs' | 'reachNs' | 'busyBeforeNs'> {
  const numbers = new Uint32Array(unordered);
  const claimedNs = picked(table.claimedNs, numbers);
  const order = ascendingOrder(claimedNs);
  const rows = order.map((place) => numbers[place]!);
  const logEndNs = endOf(table);
  const endNs = picked(table.updatedNs, rows).map((ns) => (Number.isNaN(ns) ? logEndNs : ns));
  const startNs = picked(claimedNs, order);
  const reachNs = new Float64Array(rows.length);
  const busyBeforeNs = new Float64Array(rows.length);
  let reach = -Infinity;
  let busy = 0;
  for (let i = 0; i < rows.length; i++) {
    busyBeforeNs[i] = busy;
    busy += Math.max(0, endNs[i]! - Math.max(startNs[i]!, reach)); // what overlaps counts once
    reach = Math.max(reach, endNs[i]!);
    reachNs[i] = reach;
  }
  return { rows, startNs, endNs, reachNs, busyBeforeNs };
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
