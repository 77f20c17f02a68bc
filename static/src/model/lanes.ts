// What each slot of each worker did, in order of time.

import { LaneBook } from './lane-book';
import { firstAfter, firstFrom } from './order';
import type { RunTable } from './run-table';

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

const unknown: ReadonlyMap<number, number> = new Map();
const books = new WeakMap<RunTable, LaneBook>();

/**
 * The lanes of a run. A slot that never worked is in no row: slotsOf tells how many each worker has, where that is
 * known. Workers that did nothing yet come in the same way. processorsOf tells which of its slots a worker always has.
 * A lane in which nothing happened since stays the same object.
 */
export function lanesOf(
  table: RunTable,
  slotsOf: ReadonlyMap<number, number> = unknown,
  processorsOf: ReadonlyMap<number, number> = unknown,
): Lanes {
  let book = books.get(table);
  if (book === undefined) books.set(table, (book = new LaneBook()));
  return completed(book.lanesOf(table), slotsOf, processorsOf);
}

/** Lanes with what is known of their workers. */
interface Completed {
  readonly slotsOf: ReadonlyMap<number, number>;
  readonly processorsOf: ReadonlyMap<number, number>;
  readonly lanes: Lanes;
}

const completions = new WeakMap<Lanes, Completed[]>();
/** Lanes of one table are asked for with what is known of its workers, by the picture and by the panels. */
const COMPLETIONS = 3;

function completed(
  worked: Lanes,
  slotsOf: ReadonlyMap<number, number>,
  processorsOf: ReadonlyMap<number, number>,
): Lanes {
  const known = completions.get(worked) ?? [];
  const same = known.find(
    (one) => hasSameEntries(one.slotsOf, slotsOf) && hasSameEntries(one.processorsOf, processorsOf),
  );
  if (same !== undefined) return same.lanes;
  const lanes = complete(worked, slotsOf, processorsOf);
  completions.set(worked, [{ slotsOf, processorsOf, lanes }, ...known].slice(0, COMPLETIONS));
  return lanes;
}

/** Adds lanes that never worked, and marks those beyond the processors; the same lanes where there is neither. */
function complete(
  worked: Lanes,
  slotsOf: ReadonlyMap<number, number>,
  processorsOf: ReadonlyMap<number, number>,
): Lanes {
  const slotsBy = new Map(worked.workers.map(({ worker, slots }) => [worker, slots]));
  for (const [worker, count] of slotsOf) slotsBy.set(worker, withIdle(worker, slotsBy.get(worker) ?? [], count));
  let index = 0;
  const workers = [...slotsBy.entries()]
    .filter(([, slots]) => slots.length > 0)
    .sort(([a], [b]) => a - b)
    .map(([worker, slots]): WorkerLanes => {
      const processors = processorsOf.get(worker) ?? Infinity;
      return { worker, slots: slots.map((lane) => variantOf(lane, index++, lane.slot >= processors)) };
    });
  const lanes = workers.flatMap((of) => of.slots);
  const isSame = lanes.length === worked.lanes.length && lanes.every((lane, i) => lane === worked.lanes[i]);
  return isSame ? worked : { workers, lanes };
}

function withIdle(worker: number, slots: readonly Lane[], count: number): readonly Lane[] {
  const known = new Set(slots.map((lane) => lane.slot));
  const idle: Lane[] = [];
  for (let slot = 0; slot < count; slot++) if (!known.has(slot)) idle.push(idleLane(worker, slot));
  return idle.length === 0 ? slots : [...slots, ...idle].sort((a, b) => a.slot - b.slot);
}

const noRows = new Uint32Array(0);
const noMoments = new Float64Array(0);

function idleLane(worker: number, slot: number): Lane {
  return {
    index: 0,
    worker,
    slot,
    extra: false,
    rows: noRows,
    startNs: noMoments,
    endNs: noMoments,
    reachNs: noMoments,
    busyBeforeNs: noMoments,
  };
}

const variants = new WeakMap<Lane, Lane>();

/** A lane in another place, or with the mark. The last one made of it is kept. */
function variantOf(lane: Lane, index: number, extra: boolean): Lane {
  if (lane.index === index && lane.extra === extra) return lane;
  const known = variants.get(lane);
  if (known?.index === index && known.extra === extra) return known;
  const made = { ...lane, index, extra };
  variants.set(lane, made);
  return made;
}

function hasSameEntries(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (b.get(key) !== value) return false;
  return true;
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
