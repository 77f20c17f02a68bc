// What each slot of each worker did, in order of time.

import { ascendingOrder, firstAfter, firstFrom, picked } from './order';
import { NO_WORKER, type RunTable } from './run-table';
import { touchedSince } from './sorted-moments';
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

const unknown: ReadonlyMap<number, number> = new Map();
const books = new WeakMap<RunTable, LaneBook[]>();
/** Lanes of one table are asked for with the slots that are known, by the picture and by the panels. */
const BOOKS = 3;
const marked = new WeakMap<Lanes, { readonly processorsOf: ReadonlyMap<number, number>; readonly lanes: Lanes }>();
/** Lanes beyond the processors, by the lane as it is without that mark. */
const extras = new WeakMap<Lane, Lane>();

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
  const known = books.get(table) ?? [];
  let book = known.find((one) => one.isOf(slotsOf));
  if (book === undefined) {
    book = new LaneBook(slotsOf);
    books.set(table, [book, ...known].slice(0, BOOKS));
  }
  const all = book.lanesOf(table);
  return processorsOf.size === 0 ? all : withExtra(all, processorsOf);
}

/** The same lanes, with those marked that are beyond the processors of their workers. */
function withExtra(all: Lanes, processorsOf: ReadonlyMap<number, number>): Lanes {
  const known = marked.get(all);
  if (known !== undefined && hasSameEntries(known.processorsOf, processorsOf)) return known.lanes;
  const isExtra = (lane: Lane): boolean => lane.slot >= (processorsOf.get(lane.worker) ?? Infinity);
  const workers = all.workers.map((of) =>
    of.slots.some(isExtra) ? { ...of, slots: of.slots.map((lane) => (isExtra(lane) ? extraOf(lane) : lane)) } : of,
  );
  const hasExtra = workers.some((of, i) => of !== all.workers[i]);
  const lanes = hasExtra ? { workers, lanes: workers.flatMap((of) => of.slots) } : all;
  marked.set(all, { processorsOf, lanes });
  return lanes;
}

function extraOf(lane: Lane): Lane {
  let extra = extras.get(lane);
  if (extra === undefined) extras.set(lane, (extra = { ...lane, extra: true }));
  return extra;
}

const SLOTS = 0x10000;
const NO_LANE = -1;

/** Which lane each row is in; a version makes those lanes anew that its rows are in. */
class LaneBook {
  #version = -1;
  #generation = -1;
  #touches = 0;
  #endNs = NaN;
  readonly #slotsOf: ReadonlyMap<number, number>;
  /** By row: its lane and when it was claimed, as lanes have it. */
  #laneOf = new Float64Array(0);
  #claimedNs = new Float64Array(0);
  readonly #byKey = new Map<number, Lane>();
  #lanes: Lanes = { workers: [], lanes: [] };

  constructor(slotsOf: ReadonlyMap<number, number>) {
    this.#slotsOf = slotsOf;
  }

  isOf(slotsOf: ReadonlyMap<number, number>): boolean {
    return hasSameEntries(slotsOf, this.#slotsOf);
  }

  lanesOf(table: RunTable): Lanes {
    if (table.version === this.#version) return this.#lanes;
    const isSameLog = table.touched.generation === this.#generation && endOf(table) === this.#endNs;
    if (!isSameLog || !this.#follow(table)) this.#readAll(table);
    this.#version = table.version;
    this.#generation = table.touched.generation;
    this.#touches = table.touched.length;
    this.#endNs = endOf(table);
    return this.#lanes;
  }

  #readAll(table: RunTable): void {
    this.#laneOf = new Float64Array(table.node.length).fill(NO_LANE);
    this.#claimedNs = new Float64Array(table.node.length);
    const rowsOf = new Map<number, number[]>();
    for (const [worker, slots] of this.#slotsOf) for (let s = 0; s < slots; s++) rowsOf.set(laneKey(worker, s), []);
    for (let row = 0; row < table.rows; row++) this.#enter(table, row, rowsOf);
    this.#byKey.clear();
    for (const [key, rows] of rowsOf) this.#byKey.set(key, this.#laneAs(table, 0, key, claimOrder(table, rows)));
    this.#arrange();
  }

  /** Makes the lanes of touched rows anew; false where a row has left its place. */
  #follow(table: RunTable): boolean {
    if (table.node.length > this.#laneOf.length) {
      const [laneOf, claimedNs] = [this.#laneOf, this.#claimedNs];
      this.#laneOf = new Float64Array(table.node.length).fill(NO_LANE);
      this.#claimedNs = new Float64Array(table.node.length);
      this.#laneOf.set(laneOf);
      this.#claimedNs.set(claimedNs);
    }
    const rowsOf = new Map<number, number[]>();
    for (const row of touchedSince(table, this.#touches)) {
      const before = this.#laneOf[row]!;
      const claimedNs = this.#claimedNs[row]!;
      this.#laneOf[row] = NO_LANE;
      this.#enter(table, row, rowsOf);
      const isMoved = this.#laneOf[row] !== before || this.#claimedNs[row] !== claimedNs;
      if (before !== NO_LANE && isMoved) return false;
      if (before !== NO_LANE) rowsOf.get(before)!.pop(); // it is in its lane already
    }
    const known = this.#byKey.size;
    for (const [key, rows] of rowsOf) {
      const lane = this.#byKey.get(key);
      const all = lane === undefined ? claimOrder(table, rows) : joined(table, lane.rows, claimOrder(table, rows));
      this.#byKey.set(key, this.#laneAs(table, lane?.index ?? 0, key, all));
    }
    if (this.#byKey.size > known) this.#arrange();
    else this.#replace(rowsOf);
    return true;
  }

  #laneAs(table: RunTable, index: number, key: number, rows: Uint32Array): Lane {
    const [worker, slot] = [Math.floor(key / SLOTS), key % SLOTS];
    return { index, worker, slot, extra: false, ...occupiedBy(table, rows) };
  }

  /** Notes where a row is, if it is in a lane. */
  #enter(table: RunTable, row: number, rowsOf: Map<number, number[]>): void {
    const worker = table.worker[row]!;
    if (worker === NO_WORKER || Number.isNaN(table.claimedNs[row]!)) return;
    const key = laneKey(worker, table.slot[row]!);
    this.#laneOf[row] = key;
    this.#claimedNs[row] = table.claimedNs[row]!;
    const rows = rowsOf.get(key);
    if (rows === undefined) rowsOf.set(key, [row]);
    else rows.push(row);
  }

  /** Puts all lanes in order, by worker and slot. */
  #arrange(): void {
    const keys = [...this.#byKey.keys()].sort((a, b) => a - b);
    const lanes = keys.map((key, index) => ({ ...this.#byKey.get(key)!, index }));
    const workers: { worker: number; slots: Lane[] }[] = [];
    lanes.forEach((lane, i) => {
      this.#byKey.set(keys[i]!, lane);
      if (workers.at(-1)?.worker !== lane.worker) workers.push({ worker: lane.worker, slots: [] });
      workers.at(-1)!.slots.push(lane);
    });
    this.#lanes = { workers, lanes };
  }

  /** The same lanes in the same places, some of them anew. */
  #replace(keys: ReadonlyMap<number, unknown>): void {
    const lanes = [...this.#lanes.lanes];
    const changed = new Set<number>();
    for (const key of keys.keys()) {
      const lane = this.#byKey.get(key)!;
      lanes[lane.index] = lane;
      changed.add(lane.worker);
    }
    const workers = this.#lanes.workers.map((of) =>
      changed.has(of.worker) ? { worker: of.worker, slots: of.slots.map((lane) => lanes[lane.index]!) } : of,
    );
    this.#lanes = { workers, lanes };
  }
}

function hasSameEntries(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (b.get(key) !== value) return false;
  return true;
}

function laneKey(worker: number, slot: number): number {
  return worker * SLOTS + slot;
}

/** Rows in the order of their claims; equal ones in their own. */
function claimOrder(table: RunTable, unordered: readonly number[]): Uint32Array {
  const rows = new Uint32Array(unordered);
  return ascendingOrder(picked(table.claimedNs, rows)).map((place) => rows[place]!);
}

/** Two lists in the order of claims as one: what was added belongs near the end. */
function joined(table: RunTable, known: Uint32Array, more: Uint32Array): Uint32Array {
  const rows = new Uint32Array(known.length + more.length);
  rows.set(known);
  let left = known.length - 1;
  let right = more.length - 1;
  for (let to = rows.length - 1; right >= 0; to--) {
    const [a, b] = [left < 0 ? -1 : known[left]!, more[right]!];
    const isAfter =
      a >= 0 && (table.claimedNs[a]! > table.claimedNs[b]! || (table.claimedNs[a] === table.claimedNs[b] && a > b));
    rows[to] = isAfter ? a : b;
    if (isAfter) left--;
    else right--;
  }
  return rows;
}

/** The attempts of a lane in the order of their claims, with what follows from it. */
function occupiedBy(
  table: RunTable,
  rows: Uint32Array,
): Pick<Lane, 'rows' | 'startNs' | 'endNs' | 'reachNs' | 'busyBeforeNs'> {
  const logEndNs = endOf(table);
  const startNs = picked(table.claimedNs, rows);
  const endNs = new Float64Array(rows.length);
  const reachNs = new Float64Array(rows.length);
  const busyBeforeNs = new Float64Array(rows.length);
  let reach = -Infinity;
  let busy = 0;
  for (let i = 0; i < rows.length; i++) {
    const over = table.updatedNs[rows[i]!]!;
    const end = over === over ? over : logEndNs;
    endNs[i] = end;
    busyBeforeNs[i] = busy;
    busy += Math.max(0, end - Math.max(startNs[i]!, reach)); // what overlaps counts once
    reach = Math.max(reach, end);
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
