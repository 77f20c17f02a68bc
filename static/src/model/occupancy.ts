// How many slots worked over time, and what the others waited for.

import { claimGapsOf, isTiny } from './claims';
import type { Lanes } from './lanes';
import { ascendingOrder, firstAfter } from './order';
import { slotChanges } from './presence';
import { Outcome, type RunTable } from './run-table';
import { standstillsOf } from './standstill';
import { endOf } from './states';

/** How many slots worked over a window of time. */
export interface Occupancy {
  /** Time of slots that existed and were idle because nothing was ready, added up. */
  readonly starvedSlotNs: number;
  /** Time in which that was so for any slot. */
  readonly starvedNs: number;
  /** Rows that held a slot meanwhile, and for how long of it, the longest first; not more than a few. */
  readonly starvedBy: readonly RowTime[];
  /** Time in which exactly one of several slots worked and nothing was ready. */
  readonly soloNs: number;
  /** The same by the row that held the slot, the longest first. */
  readonly soloRows: readonly RowTime[];
  /**
   * Up to each moment, the time in which every slot there was at work; or one went from tiny task to tiny task, for
   * which no other slot is woken.
   */
  readonly full: Curve;
  /** Up to each moment, the time in which there was no slot at all. */
  readonly absent: Curve;
}

export interface RowTime {
  readonly row: number;
  readonly ns: number;
}

/** A time that grows: it stands at valueNs[i] at atNs[i], and grows steadily in between. */
export interface Curve {
  readonly atNs: Float64Array;
  readonly valueNs: Float64Array;
}

/** How much a curve grows between two moments. */
export function growth(curve: Curve, fromNs: number, toNs: number): number {
  return toNs > fromNs ? valueAt(curve, toNs) - valueAt(curve, fromNs) : 0;
}

function valueAt({ atNs, valueNs }: Curve, at: number): number {
  const next = firstAfter(atNs, at);
  if (next === 0) return 0;
  const before = valueNs[next - 1]!;
  if (next === atNs.length) return before;
  const share = (at - atNs[next - 1]!) / (atNs[next]! - atNs[next - 1]!);
  return before + share * (valueNs[next]! - before);
}

/** How many rows are named as those that others waited for. */
const NAMED = 3;

/** Sweeps the moments at which attempts became ready, were claimed and were over, and slots came and went. */
export function occupancyOf(table: RunTable, lanes: Lanes, fromNs: number, untilNs: number): Occupancy {
  const { atNs, kind, row } = momentsOf(table, lanes);
  const sweep = new Sweep(table.rows, atNs.length, fromNs, untilNs);
  for (let i = 0; i < atNs.length && atNs[i]! <= untilNs; i++) {
    sweep.pass(atNs[i]!);
    sweep.change(kind[i]!, row[i]!);
  }
  sweep.pass(untilNs);
  return sweep.result(table, untilNs);
}

const READY = 0;
const CLAIMED = 1;
const OVER = 2;
/** Over without having been claimed, as far as is known. */
const GONE = 3;
const SLOT = 4;
const SLOT_GONE = 5;
const STOOD = 6;
const WENT_ON = 7;
const TINY_CLAIMED = 8;
const TINY_OVER = 9;
const readyChange = [1, -1, 0, -1, 0, 0, 0, 0, -1, 0];
const busyChange = [0, 1, -1, 0, 0, 0, 0, 0, 1, -1];
const tinyChange = [0, 0, 0, 0, 0, 0, 0, 0, 1, -1];
const slotChange = [0, 0, 0, 0, 1, -1, 0, 0, 0, 0];
const stoodChange = [0, 0, 0, 0, 0, 0, 1, -1, 0, 0];

class Sweep {
  #ready = 0;
  #busy = 0;
  #tiny = 0;
  /** Sum of the rows that hold a slot: of exactly one, the row itself. */
  #rows = 0;
  #slots = 0;
  #stood = 0;
  #atNs: number;
  readonly #untilNs: number;
  #starvedNs = 0;
  #starvedSlotNs = 0;
  #soloNs = 0;
  #fullNs = 0;
  #absentNs = 0;
  readonly #solo = new Map<number, number>();
  /** Of each row that is still held, minus what was starved before it. */
  readonly #starved: Float64Array;
  readonly #points: { at: Float64Array; full: Float64Array; absent: Float64Array };
  #count = 0;

  constructor(rows: number, moments: number, fromNs: number, untilNs: number) {
    this.#starved = new Float64Array(rows);
    this.#atNs = fromNs;
    this.#untilNs = untilNs;
    const column = (): Float64Array => new Float64Array(moments + 2);
    this.#points = { at: column(), full: column(), absent: column() };
    this.#point();
  }

  /** Lets time pass up to a moment. */
  pass(toNs: number): void {
    const to = Math.min(toNs, this.#untilNs);
    const ns = to - this.#atNs;
    if (!(ns > 0)) return;
    const idle = this.#slots - this.#busy;
    if (this.#stood === 0 && this.#slots === 0) this.#absentNs += ns;
    else if (this.#stood === 0 && (idle <= 0 || (this.#tiny > 0 && this.#ready > 0))) this.#fullNs += ns;
    else if (this.#stood === 0 && this.#ready === 0) {
      this.#starvedNs += ns;
      this.#starvedSlotNs += idle * ns;
      if (this.#busy === 1) {
        this.#soloNs += ns;
        this.#solo.set(this.#rows, (this.#solo.get(this.#rows) ?? 0) + ns);
      }
    }
    this.#atNs = to;
    this.#point();
  }

  change(kind: number, row: number): void {
    const change = busyChange[kind]!;
    this.#ready += readyChange[kind]!;
    this.#slots += slotChange[kind]!;
    this.#stood += stoodChange[kind]!;
    this.#tiny += tinyChange[kind]!;
    if (change === 0) return;
    this.#busy += change;
    this.#rows += change * row;
    this.#starved[row]! -= change * this.#starvedNs;
  }

  result(table: RunTable, untilNs: number): Occupancy {
    const soloRows = [...this.#solo].map(([row, ns]) => ({ row, ns })).sort((a, b) => b.ns - a.ns || a.row - b.row);
    const atNs = this.#points.at.subarray(0, this.#count);
    return {
      starvedSlotNs: this.#starvedSlotNs,
      starvedNs: this.#starvedNs,
      starvedBy: longest(table, this.#starved, this.#starvedNs, untilNs),
      soloNs: this.#soloNs,
      soloRows,
      full: { atNs, valueNs: this.#points.full.subarray(0, this.#count) },
      absent: { atNs, valueNs: this.#points.absent.subarray(0, this.#count) },
    };
  }

  #point(): void {
    this.#points.at[this.#count] = this.#atNs;
    this.#points.full[this.#count] = this.#fullNs;
    this.#points.absent[this.#count++] = this.#absentNs;
  }
}

/** The rows with most starved time while they were held. */
function longest(table: RunTable, starved: Float64Array, starvedNs: number, untilNs: number): RowTime[] {
  const endNs = endOf(table);
  const found: RowTime[] = [];
  for (let row = 0; row < starved.length; row++) {
    if (!(table.claimedNs[row]! <= untilNs)) continue;
    const over = Number.isNaN(table.updatedNs[row]!) ? endNs : table.updatedNs[row]!;
    const ns = Math.max(over, table.claimedNs[row]!) > untilNs ? starved[row]! + starvedNs : starved[row]!;
    if (ns <= (found[NAMED - 1]?.ns ?? 0)) continue;
    found.push({ row, ns });
    found.sort((a, b) => b.ns - a.ns || a.row - b.row);
    found.length = Math.min(found.length, NAMED);
  }
  return found;
}

interface Moments {
  readonly atNs: Float64Array;
  readonly kind: Uint8Array;
  readonly row: Uint32Array;
}

const moments = new WeakMap<Lanes, Moments & { version: number }>();

/** The moments of all attempts, slots and standstills, ascending. */
function momentsOf(table: RunTable, lanes: Lanes): Moments {
  const known = moments.get(lanes);
  if (known?.version === table.version) return known;
  const unordered = collectMoments(table, lanes);
  const order = ascendingOrder(unordered.atNs);
  const atNs = new Float64Array(order.length);
  const kind = new Uint8Array(order.length);
  const row = new Uint32Array(order.length);
  for (let i = 0; i < order.length; i++) {
    atNs[i] = unordered.atNs[order[i]!]!;
    kind[i] = unordered.kind[order[i]!]!;
    row[i] = unordered.row[order[i]!]!;
  }
  const made = { version: table.version, atNs, kind, row };
  moments.set(lanes, made);
  return made;
}

function collectMoments(table: RunTable, lanes: Lanes): Moments {
  const changes = slotChanges(table, lanes);
  const stretches = standstillsOf(table);
  const most = 3 * table.rows + changes.length + 2 * stretches.length;
  const [atNs, kind, row] = [new Float64Array(most), new Uint8Array(most), new Uint32Array(most)];
  let n = 0;
  const add = (ns: number, what: number, of = 0): void => {
    if (Number.isNaN(ns) || ns === Infinity) return;
    atNs[n] = ns;
    kind[n] = what;
    row[n++] = of;
  };
  for (const change of changes) add(change.atNs, change.slots > 0 ? SLOT : SLOT_GONE);
  for (const stretch of stretches) {
    add(stretch.fromNs, STOOD);
    add(stretch.toNs, WENT_ON);
  }
  addAttempts(table, claimGapsOf(table, lanes), add);
  return { atNs: atNs.subarray(0, n), kind: kind.subarray(0, n), row: row.subarray(0, n) };
}

/** A slot is at work from the moment at which the engine begins to claim. */
function addAttempts(table: RunTable, gaps: Float64Array, add: (ns: number, what: number, of: number) => void): void {
  const logEndNs = endOf(table);
  for (let of = 0; of < table.rows; of++) {
    if (table.outcome[of] === Outcome.skipped) continue;
    const ready = table.readyNs[of]!;
    const over = table.updatedNs[of]!;
    if (Number.isNaN(table.claimedNs[of]!)) {
      add(ready, READY, of);
      if (!Number.isNaN(ready)) add(over, GONE, of);
      continue;
    }
    const claimed = table.claimedNs[of]! - gaps[of]!;
    add(ready <= claimed ? ready : claimed, READY, of);
    const tiny = isTiny(table, of, gaps[of]!);
    add(claimed, tiny ? TINY_CLAIMED : CLAIMED, of);
    add(Math.max(claimed, Number.isNaN(over) ? logEndNs : over), tiny ? TINY_OVER : OVER, of);
  }
}
