// The key figures of a run: how its slots spent their time and what moved.

import { sizeOf, viaOf } from './edges';
import type { GraphIndex } from './graph-index';
import { busyBetween, busyNs, type Lanes } from './lanes';
import { type Lately, latelyAt } from './lately';
import { nodeRowsOf } from './node-rows';
import { peakSlots, slotsAt, slotTimeNs } from './presence';
import { isDone, Outcome, type RunTable } from './run-table';
import { standstillsOf } from './standstill';
import { endOf, sourceOf } from './states';

/** Key figures as of a moment; of an ended run as a whole. */
export interface RunFigures {
  /** Time since the run's start, or its makespan. */
  readonly elapsedNs: number;
  /** The most slots that existed at once. */
  readonly slots: number;
  /** Those that exist at the moment. */
  readonly slotsThere: number;
  /** Slots that existed on average. */
  readonly slotsMean: number;
  /** Time that slots were busy, added up. */
  readonly busyNs: number;
  /** Time that slots were idle because the run was paused, added up. */
  readonly pausedNs: number;
  /** Share of the time for which slots existed in which they were busy; idle time of pauses does not count. */
  readonly busyShare: number;
  /** The same for the last second. */
  readonly lately: Lately;
}

/** What the service calls the makespan: from the first claim to the last end. */
export function makespanOf(table: RunTable): { readonly fromNs: number; readonly toNs: number } {
  let [fromNs, toNs] = [Infinity, -Infinity];
  for (let row = 0; row < table.rows; row++) {
    if (table.claimedNs[row]! < fromNs) fromNs = table.claimedNs[row]!;
    if (table.updatedNs[row]! > toNs && table.outcome[row] !== Outcome.skipped) toNs = table.updatedNs[row]!;
  }
  return fromNs <= toNs ? { fromNs, toNs } : { fromNs: 0, toNs: 0 };
}

/** Figures as of a moment, since the run's start; at the end of a run that is over, of its makespan. */
export function figuresAt(table: RunTable, lanes: Lanes, atNs: number): RunFigures {
  const { fromNs, toNs } = atNs >= endOf(table) ? makespanOf(table) : { fromNs: 0, toNs: Math.max(0, atNs) };
  const elapsedNs = toNs - fromNs;
  const slotNs = slotTimeNs(table, lanes, fromNs, toNs);
  let busy = 0;
  for (const lane of lanes.lanes) busy += busyNs(lane, toNs);
  const pausedNs = idleInPauses(table, lanes, fromNs, toNs);
  return {
    elapsedNs,
    slots: peakSlots(table, lanes),
    slotsThere: slotsAt(table, lanes, toNs),
    slotsMean: elapsedNs > 0 ? slotNs / elapsedNs : 0,
    busyNs: busy,
    pausedNs,
    busyShare: slotNs > pausedNs ? busy / (slotNs - pausedNs) : NaN,
    lately: latelyAt(table, lanes, toNs),
  };
}

/** Time of slots within pauses of the run in which they were idle: what still ran counts as busy. */
function idleInPauses(table: RunTable, lanes: Lanes, fromNs: number, toNs: number): number {
  let total = 0;
  for (const pause of standstillsOf(table)) {
    const [from, to] = [Math.max(pause.fromNs, fromNs), Math.min(pause.toNs, toNs)];
    if (pause.kind !== 'paused' || from >= to) continue;
    total += slotTimeNs(table, lanes, from, to);
    for (const lane of lanes.lanes) total -= busyBetween(lane, from, to);
  }
  return Math.max(0, total);
}

/** Bytes that tasks read, by how they came. */
export interface Traffic {
  /** Through the store. */
  readonly movedBytes: number;
  /** Read in the memory of the worker that had made them. */
  readonly keptBytes: number;
  readonly inlineBytes: number;
  readonly edges: number;
  /** Edges of which it is not known how much was read. */
  readonly unsized: number;
}

/** More edges than this are not counted on a page; the figures are then not known. */
const MOST_EDGES = 2_000_000;

const traffics = new WeakMap<GraphIndex, { version: number; traffic: Traffic | undefined }>();

/** What moved in the whole run; undefined where it has too many edges to add up here. */
export function trafficOf(index: GraphIndex, table: RunTable): Traffic | undefined {
  const known = traffics.get(index);
  if (known?.version === table.version) return known.traffic;
  const traffic = trafficBetween(index, table, -Infinity, Infinity);
  traffics.set(index, { version: table.version, traffic });
  return traffic;
}

/** The same of what attempts read that started in [fromNs, toNs). */
export function trafficBetween(index: GraphIndex, table: RunTable, fromNs: number, toNs: number): Traffic | undefined {
  const chains = nodeRowsOf(table);
  const sums = { store: 0, local: 0, inline: 0 };
  let [edges, unsized] = [0, 0];
  for (let row = 0; row < table.rows; row++) {
    if (!(table.startedNs[row]! >= fromNs && table.startedNs[row]! < toNs)) continue;
    for (const parent of index.parents(table.node[row]!)) {
      if (++edges > MOST_EDGES) return undefined;
      const source = sourceOf(table, parent, row, chains);
      if (source < 0 || !isDone(table.outcome[source]!)) continue;
      const read = index.readBytes(parent, table.node[row]!);
      const bytes = read ?? sizeOf(table, source);
      if (Number.isNaN(bytes)) unsized++;
      else sums[read === undefined ? viaOf(table, source, row) : 'store'] += bytes;
    }
  }
  return { movedBytes: sums.store, keptBytes: sums.local, inlineBytes: sums.inline, edges, unsized };
}
