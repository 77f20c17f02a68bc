// The moments of a run's attempts in order of time, kept in order while the log grows.

import { ascendingOrder, picked } from './order';
import type { RunTable } from './run-table';

/** Takes one moment of a row; of equal moments the one taken first comes first. What is not a number is left out. */
export type TakeMoment = (ns: number, kind: number) => void;

/** Returns the moments of a row: at most KINDS, each of a kind below that, in ascending order of kinds. */
export type MomentsOfRow = (table: RunTable, row: number, endNs: number, take: TakeMoment) => void;

/** How many kinds of moments there may be. */
export const KINDS = 4;
/** The kind of a mark of the run, where marks are wanted; its row is its place in table.marks. */
export const MARK = KINDS;

/** Moments ascending; equal ones in the order of marks, then rows, then kinds. Columns, replaced and never changed. */
export interface Moments {
  readonly atNs: Float64Array;
  readonly kind: Uint8Array;
  readonly row: Uint32Array;
}

/** Moments while they are gathered. */
class Gathered {
  readonly atNs: number[] = [];
  readonly kind: number[] = [];
  readonly row: number[] = [];

  add(ns: number, kind: number, row: number): void {
    this.atNs.push(ns);
    this.kind.push(kind);
    this.row.push(row);
  }

  sorted(): Moments {
    const atNs = new Float64Array(this.atNs);
    const order = ascendingOrder(atNs);
    const kind = new Uint8Array(order.length);
    const row = new Uint32Array(order.length);
    for (let i = 0; i < order.length; i++) {
      kind[i] = this.kind[order[i]!]!;
      row[i] = this.row[order[i]!]!;
    }
    return { atNs: picked(atNs, order), kind, row };
  }
}

/**
 * Follows one table. A version that only adds moments costs what it adds and a copy; where a known moment has
 * changed, and where the end has become known, all are sorted again.
 */
export class SortedMoments {
  readonly #momentsOf: MomentsOfRow;
  readonly #hasMarks: boolean;
  #moments: Moments = { atNs: new Float64Array(0), kind: new Uint8Array(0), row: new Uint32Array(0) };
  /** How many moments of each row are included. */
  #counts = new Uint8Array(0);
  #generation = -1;
  #touches = 0;
  #marks = 0;
  #endNs = NaN;
  /** How often all moments were sorted: a budget. */
  sorts = 0;

  constructor(momentsOf: MomentsOfRow, hasMarks = false) {
    this.#momentsOf = momentsOf;
    this.#hasMarks = hasMarks;
  }

  /** The moments of the table as it is now; endNs = when its log ended, Infinity while it has not. */
  of(table: RunTable, endNs: number): Moments {
    const { generation, length } = table.touched;
    const isSame = generation === this.#generation && endNs === this.#endNs;
    if (!isSame || !this.#append(table)) this.#sortAll(table, endNs);
    this.#generation = generation;
    this.#touches = length;
    this.#marks = table.marks.length;
    return this.#moments;
  }

  #sortAll(table: RunTable, endNs: number): void {
    this.sorts++;
    this.#endNs = endNs;
    this.#counts = new Uint8Array(table.node.length);
    const all = new Gathered();
    if (this.#hasMarks) table.marks.forEach((mark, place) => all.add(mark.atNs, MARK, place));
    for (let row = 0; row < table.rows; row++) {
      this.#momentsOf(table, row, endNs, (ns, kind) => {
        if (Number.isNaN(ns)) return;
        this.#counts[row]!++;
        all.add(ns, kind, row);
      });
    }
    this.#moments = all.sorted();
  }

  /** Adds what is new; false where a known moment has gone. */
  #append(table: RunTable): boolean {
    const added = new Gathered();
    if (this.#hasMarks) {
      for (let place = this.#marks; place < table.marks.length; place++)
        added.add(table.marks[place]!.atNs, MARK, place);
    }
    if (table.node.length > this.#counts.length) {
      const counts = new Uint8Array(table.node.length);
      counts.set(this.#counts);
      this.#counts = counts;
    }
    for (const row of touchedSince(table, this.#touches)) if (!this.#addRow(table, row, added)) return false;
    if (added.atNs.length > 0) this.#moments = merged(this.#moments, added.sorted());
    return true;
  }

  #addRow(table: RunTable, row: number, added: Gathered): boolean {
    const before = this.#counts[row]!;
    let [found, count] = [0, 0];
    this.#momentsOf(table, row, this.#endNs, (ns, kind) => {
      if (Number.isNaN(ns)) return;
      count++;
      if (before > 0 && has(this.#moments, ns, rankOf(kind, row))) found++;
      else added.add(ns, kind, row);
    });
    this.#counts[row] = count;
    return found === before;
  }
}

/** Rows touched from a place of the list on, ascending, each once. */
export function touchedSince(table: RunTable, place: number): Uint32Array {
  const { touched } = table;
  const rows = new Uint32Array(touched.length - place);
  for (let i = 0; i < rows.length; i++) rows[i] = touched.at(place + i);
  rows.sort();
  let n = 0;
  for (const row of rows) if (n === 0 || rows[n - 1] !== row) rows[n++] = row;
  return rows.subarray(0, n);
}

/** Order of equal moments. */
function rankOf(kind: number, row: number): number {
  return kind === MARK ? row - 0x100000000 : row * KINDS + kind;
}

function has(moments: Moments, ns: number, rank: number): boolean {
  const { atNs, kind, row } = moments;
  let low = 0;
  let high = atNs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = atNs[middle]!;
    if (at > ns || (at === ns && rankOf(kind[middle]!, row[middle]!) >= rank)) high = middle;
    else low = middle + 1;
  }
  return low < atNs.length && atNs[low] === ns && rankOf(kind[low]!, row[low]!) === rank;
}

/** Both in order. What is older than the first of more is copied in one go, and that is nearly all of it. */
function merged(known: Moments, more: Moments): Moments {
  const length = known.atNs.length + more.atNs.length;
  const out = { atNs: new Float64Array(length), kind: new Uint8Array(length), row: new Uint32Array(length) };
  out.atNs.set(known.atNs);
  out.kind.set(known.kind);
  out.row.set(known.row);
  let left = known.atNs.length - 1;
  let right = more.atNs.length - 1;
  for (let to = length - 1; right >= 0; to--) {
    const takeLeft = left >= 0 && isAfter(known, left, more, right);
    const from = takeLeft ? known : more;
    const place = takeLeft ? left-- : right--;
    out.atNs[to] = from.atNs[place]!;
    out.kind[to] = from.kind[place]!;
    out.row[to] = from.row[place]!;
  }
  return out;
}

function isAfter(a: Moments, i: number, b: Moments, j: number): boolean {
  const [x, y] = [a.atNs[i]!, b.atNs[j]!];
  return x > y || (x === y && rankOf(a.kind[i]!, a.row[i]!) > rankOf(b.kind[j]!, b.row[j]!));
}
