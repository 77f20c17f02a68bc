// The key figures of a run: how its slots spent their time and what moved.

import { sizeOf, viaOf } from './edges';
import type { GraphIndex } from './graph-index';
import { busyNs, type Lanes } from './lanes';
import { nodeRowsOf } from './node-rows';
import { ascendingOrder, picked } from './order';
import { peakSlots, slotsAt } from './presence';
import { Outcome, type RunTable } from './run-table';
import { endOf, sourceOf } from './states';

/** Key figures as of a moment; of an ended run as a whole. */
export interface RunFigures {
  /** Time since the run's start, or its makespan. */
  readonly elapsedNs: number;
  readonly slots: number;
  /** Those of them whose workers are there at the moment. */
  readonly slotsThere: number;
  /** Time that slots were busy, added up, and its share of slots × elapsed. */
  readonly busyNs: number;
  readonly busyShare: number;
  /** Time in which a slot was idle because nothing was ready. */
  readonly starvedNs: number;
  /** Attempts, and how many of them were another try. */
  readonly attempts: number;
  readonly retries: number;
}

/** What the service calls the makespan: from the first claim to the last end. */
export function makespanOf(table: RunTable): { readonly fromNs: number; readonly toNs: number } {
  let [fromNs, toNs] = [Infinity, -Infinity];
  for (let row = 0; row < table.rows; row++) {
    if (table.claimedNs[row]! < fromNs) fromNs = table.claimedNs[row]!;
    if (table.updatedNs[row]! > toNs && table.outcome[row] !== Outcome.skipped) toNs = table.updatedNs[row]!;
  }
  return fromNs < toNs ? { fromNs, toNs } : { fromNs: 0, toNs: 0 };
}

/** Figures as of a moment, since the run's start; at the end of a run that is over, of its makespan. */
export function figuresAt(table: RunTable, lanes: Lanes, atNs: number): RunFigures {
  const { fromNs, toNs } = atNs >= endOf(table) ? makespanOf(table) : { fromNs: 0, toNs: Math.max(0, atNs) };
  const elapsedNs = toNs - fromNs;
  const slots = peakSlots(table, lanes);
  let busy = 0;
  for (const lane of lanes.lanes) busy += busyNs(lane, toNs);
  let attempts = 0;
  let retries = 0;
  for (let row = 0; row < table.rows; row++) {
    if (!(table.claimedNs[row]! <= toNs)) continue;
    attempts++;
    if (table.attempt[row]! > 1) retries++;
  }
  return {
    elapsedNs,
    slots,
    slotsThere: slotsAt(table, lanes, toNs),
    busyNs: busy,
    busyShare: slots * elapsedNs > 0 ? busy / (slots * elapsedNs) : NaN,
    starvedNs: occupancyOf(table, slots, fromNs, toNs).starvedNs,
    attempts,
    retries,
  };
}

/** How many slots worked over a window of time. */
export interface Occupancy {
  /** Time in which a slot was idle and nothing was ready. */
  readonly starvedNs: number;
  /** Slots that were idle then, on average. */
  readonly starvedSlots: number;
  /** Rows that held a slot meanwhile, and for how long of it, the longest first; not more than a few. */
  readonly starvedBy: readonly RowTime[];
  /** Time in which exactly one slot worked and nothing was ready. */
  readonly soloNs: number;
  /** The same by the row that held the slot, the longest first. */
  readonly soloRows: readonly RowTime[];
}

export interface RowTime {
  readonly row: number;
  readonly ns: number;
}

/** How many rows are named as those that others waited for. */
const NAMED = 3;

/** Sweeps the moments at which attempts became ready, were claimed and were over. */
export function occupancyOf(table: RunTable, slots: number, fromNs: number, untilNs: number): Occupancy {
  const { atNs, kind, row } = momentsOf(table);
  let [ready, busy, from, starvedNs, idleNs, soloNs] = [0, 0, fromNs, 0, 0, 0];
  let busyRows = 0; // their sum: of exactly one, the row itself
  const solo = new Map<number, number>();
  const starved = new Float64Array(table.rows); // while a row goes on, less what was starved before it
  for (let i = 0; i <= atNs.length && from < untilNs; i++) {
    const to = Math.min(atNs[i] ?? Infinity, untilNs);
    if (to > from && ready === 0 && busy < slots) {
      starvedNs += to - from;
      idleNs += (slots - busy) * (to - from);
      if (busy === 1) {
        soloNs += to - from;
        solo.set(busyRows, (solo.get(busyRows) ?? 0) + to - from);
      }
    }
    from = Math.max(from, to);
    if (i === atNs.length || atNs[i]! > untilNs) break;
    const change = busyChange[kind[i]!]!;
    ready += readyChange[kind[i]!]!;
    busy += change;
    busyRows += change * row[i]!;
    starved[row[i]!]! -= change * starvedNs;
  }
  const soloRows = [...solo].map(([of, ns]) => ({ row: of, ns })).sort((a, b) => b.ns - a.ns || a.row - b.row);
  const starvedBy = longest(table, starved, starvedNs, untilNs);
  return { starvedNs, starvedSlots: starvedNs > 0 ? idleNs / starvedNs : 0, starvedBy, soloNs, soloRows };
}

/** The rows with most starved time while they went on. */
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

const READY = 0;
const CLAIMED = 1;
const OVER = 2;
/** Over without having been claimed, as far as anybody knows. */
const GONE = 3;
const readyChange = [1, -1, 0, -1];
const busyChange = [0, 1, -1, 0];

interface Moments {
  readonly version: number;
  readonly atNs: Float64Array;
  readonly kind: Uint8Array;
  readonly row: Uint32Array;
}

const moments = new WeakMap<RunTable, Moments>();

/** The moments of all attempts, ascending. */
function momentsOf(table: RunTable): Moments {
  const known = moments.get(table);
  if (known?.version === table.version) return known;
  const unordered = collectMoments(table);
  const order = ascendingOrder(unordered.atNs);
  const atNs = picked(unordered.atNs, order);
  const kind = new Uint8Array(order.length);
  const row = new Uint32Array(order.length);
  for (let i = 0; i < order.length; i++) {
    kind[i] = unordered.kind[order[i]!]!;
    row[i] = unordered.row[order[i]!]!;
  }
  const made = { version: table.version, atNs, kind, row };
  moments.set(table, made);
  return made;
}

function collectMoments(table: RunTable): Moments {
  const most = 3 * table.rows;
  const [atNs, kind, row] = [new Float64Array(most), new Uint8Array(most), new Uint32Array(most)];
  const logEndNs = endOf(table);
  let n = 0;
  const add = (ns: number, what: number, of: number): void => {
    if (Number.isNaN(ns) || ns === Infinity) return;
    atNs[n] = ns;
    kind[n] = what;
    row[n++] = of;
  };
  for (let of = 0; of < table.rows; of++) {
    const ready = table.readyNs[of]!;
    const claimed = table.claimedNs[of]!;
    const over = table.updatedNs[of]!;
    add(ready <= claimed || Number.isNaN(claimed) ? ready : claimed, READY, of);
    if (Number.isNaN(claimed)) {
      if (!Number.isNaN(ready)) add(over, GONE, of);
      continue;
    }
    add(claimed, CLAIMED, of);
    add(Math.max(claimed, Number.isNaN(over) ? logEndNs : over), OVER, of);
  }
  return { version: table.version, atNs: atNs.subarray(0, n), kind: kind.subarray(0, n), row: row.subarray(0, n) };
}

/** Bytes that tasks read, by how they came. */
export interface Traffic {
  /** Through the store. */
  readonly movedBytes: number;
  /** Read in the memory of the worker that had made them. */
  readonly keptBytes: number;
  readonly inlineBytes: number;
  readonly edges: number;
}

/** More edges than this are not counted on a page; the figures are then not known. */
const MOST_EDGES = 2_000_000;

const traffics = new WeakMap<GraphIndex, { version: number; traffic: Traffic | undefined }>();

/** What moved in the whole run; undefined where it has too many edges to add up here. */
export function trafficOf(index: GraphIndex, table: RunTable): Traffic | undefined {
  const known = traffics.get(index);
  if (known?.version === table.version) return known.traffic;
  const traffic = addTraffic(index, table);
  traffics.set(index, { version: table.version, traffic });
  return traffic;
}

function addTraffic(index: GraphIndex, table: RunTable): Traffic | undefined {
  const chains = nodeRowsOf(table);
  const sums = { store: 0, local: 0, inline: 0 };
  let edges = 0;
  for (let row = 0; row < table.rows; row++) {
    if (Number.isNaN(table.startedNs[row]!)) continue;
    for (const parent of index.parents(table.node[row]!)) {
      if (++edges > MOST_EDGES) return undefined;
      const source = sourceOf(table, parent, row, chains);
      if (source < 0 || table.outcome[source] !== Outcome.ok) continue;
      const bytes = sizeOf(table, source);
      if (!Number.isNaN(bytes)) sums[viaOf(table, source, row)] += bytes;
    }
  }
  return { movedBytes: sums.store, keptBytes: sums.local, inlineBytes: sums.inline, edges };
}
