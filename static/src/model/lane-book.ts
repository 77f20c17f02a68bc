// Which attempts each slot of each worker ran, kept up to date while the log grows.

import type { Lane, Lanes } from './lanes';
import { ascendingOrder, picked } from './order';
import { NO_WORKER, type RunTable } from './run-table';
import { touchedSince } from './sorted-moments';
import { endOf } from './states';

const SLOTS = 0x10000;
const NO_LANE = -1;

/**
 * Follows one table: which lane each of its rows is in. A new version rebuilds only the lanes that its rows are in. Owned by
 * lanesOf, which keeps one for each table.
 */
export class LaneBook {
  #version = -1;
  #generation = -1;
  #touches = 0;
  #endNs = NaN;
  /** By row: its lane and when it was claimed, as lanes have it. */
  #laneOf = new Float64Array(0);
  #claimedNs = new Float64Array(0);
  readonly #byKey = new Map<number, Lane>();
  #lanes: Lanes = { workers: [], lanes: [] };

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
    for (let row = 0; row < table.rows; row++) this.#enter(table, row, rowsOf);
    this.#byKey.clear();
    const keys = [...rowsOf.keys()].sort((a, b) => a - b);
    keys.forEach((key, index) => {
      this.#byKey.set(key, laneAs(table, index, key, claimOrder(table, rowsOf.get(key)!)));
    });
    this.#arrange();
  }

  /** Rebuilds the lanes of touched rows; false where a row has left its place. */
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
      this.#byKey.set(key, laneAs(table, lane?.index ?? 0, key, all));
    }
    if (this.#byKey.size > known) this.#arrange();
    else this.#replace(rowsOf);
    return true;
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
    const lanes = keys.map((key, index) => {
      const lane = this.#byKey.get(key)!;
      return lane.index === index ? lane : { ...lane, index };
    });
    const workers: { worker: number; slots: Lane[] }[] = [];
    lanes.forEach((lane, i) => {
      this.#byKey.set(keys[i]!, lane);
      if (workers.at(-1)?.worker !== lane.worker) workers.push({ worker: lane.worker, slots: [] });
      workers.at(-1)!.slots.push(lane);
    });
    this.#lanes = { workers, lanes };
  }

  /** Replaces lanes that were rebuilt; all keep their places. */
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

function laneAs(table: RunTable, index: number, key: number, rows: Uint32Array): Lane {
  const [worker, slot] = [Math.floor(key / SLOTS), key % SLOTS];
  return { index, worker, slot, extra: false, ...occupiedBy(table, rows) };
}

function laneKey(worker: number, slot: number): number {
  return worker * SLOTS + slot;
}

/** Rows in the order of their claims; equal ones in their own. */
function claimOrder(table: RunTable, unordered: readonly number[]): Uint32Array {
  const rows = new Uint32Array(unordered);
  if (isInOrder(table.claimedNs, rows)) return rows; // as most are: there may be a lane for each of very many workers
  return ascendingOrder(picked(table.claimedNs, rows)).map((place) => rows[place]!);
}

function isInOrder(keys: Float64Array, rows: Uint32Array): boolean {
  for (let i = 1; i < rows.length; i++) if (keys[rows[i]!]! < keys[rows[i - 1]!]!) return false;
  return true;
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
