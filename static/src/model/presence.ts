// When each worker took part in a run.

import type { Lane, Lanes } from './lanes';
import { isLoss, MarkKind, type RunTable, workerOf } from './run-table';

/** A worker took part from one moment up to another. */
export interface Presence {
  /** 0 where the log does not say. */
  readonly fromNs: number;
  /** Infinity while it takes part. */
  readonly toNs: number;
  /** It went without a word. */
  readonly lost: boolean;
}

const always: Presence = { fromNs: 0, toNs: Infinity, lost: false };
const cache = new WeakMap<RunTable, { version: number; presences: ReadonlyMap<number, Presence> }>();

/** The workers that the log names, by number. */
export function presencesOf(table: RunTable): ReadonlyMap<number, Presence> {
  const known = cache.get(table);
  if (known?.version === table.version) return known.presences;
  const presences = new Map<number, Presence>();
  let finishedNs = Infinity;
  for (const mark of table.marks) {
    // When a run ends its workers leave; in its next revision they have other numbers.
    if (mark.kind === MarkKind.runFinished) finishedNs = mark.atNs;
    if (mark.kind === MarkKind.runStarted && finishedNs < Infinity) {
      for (const [worker, of] of presences) presences.set(worker, { ...of, toNs: Math.min(of.toNs, finishedNs) });
    }
    const worker = workerOf(mark);
    const before = presences.get(worker) ?? always;
    if (mark.kind === MarkKind.workerStarted && !presences.has(worker)) {
      presences.set(worker, { ...before, fromNs: mark.atNs });
    } else if (mark.kind === MarkKind.workerStopped) {
      presences.set(worker, { ...before, toNs: mark.atNs, lost: isLoss(mark) });
    }
  }
  cache.set(table, { version: table.version, presences });
  return presences;
}

/** From one moment up to another. */
export interface Span {
  readonly fromNs: number;
  readonly toNs: number;
}

/**
 * When a slot existed: as long as its worker took part; one beyond its worker's processors, from its first claim to its
 * last end.
 */
export function spanOf(table: RunTable, lane: Lane): Span {
  return spanIn(presencesOf(table), lane);
}

function spanIn(presences: ReadonlyMap<number, Presence>, lane: Lane): Span {
  const there = presences.get(lane.worker) ?? always;
  if (!lane.extra) return there;
  const fromNs = Math.max(there.fromNs, lane.startNs[0] ?? Infinity);
  return { fromNs, toNs: Math.max(fromNs, Math.min(there.toNs, lane.reachNs.at(-1) ?? -Infinity)) };
}

/** Slots that exist at a moment. */
export function slotsAt(table: RunTable, lanes: Lanes, atNs: number): number {
  const presences = presencesOf(table);
  let slots = 0;
  for (const lane of lanes.lanes) if (isWithin(spanIn(presences, lane), atNs)) slots++;
  return slots;
}

/** A worker takes part at a moment. */
export function isThere(table: RunTable, worker: number, atNs: number): boolean {
  return isWithin(presencesOf(table).get(worker) ?? always, atNs);
}

function isWithin({ fromNs, toNs }: Span, atNs: number): boolean {
  return fromNs <= atNs && atNs <= toNs;
}

/** How the number of slots changes. */
export interface SlotChange {
  readonly atNs: number;
  readonly slots: number;
}

const changesOf = new WeakMap<Lanes, readonly SlotChange[]>();

/** All changes of the number of slots, ascending. At equal moments leaving comes before joining. */
export function slotChanges(table: RunTable, lanes: Lanes): readonly SlotChange[] {
  const known = changesOf.get(lanes);
  if (known !== undefined) return known;
  const changes: SlotChange[] = [];
  for (const lane of lanes.lanes) {
    const { fromNs, toNs } = spanOf(table, lane);
    if (fromNs === Infinity) continue;
    changes.push({ atNs: fromNs, slots: 1 }, { atNs: toNs, slots: -1 });
  }
  changes.sort((a, b) => (a.atNs === b.atNs ? a.slots - b.slots : a.atNs - b.atNs)); // Infinity - Infinity is NaN
  changesOf.set(lanes, changes);
  return changes;
}

/** The most slots that existed at once: a worker that was cut off and came back has lanes twice. */
export function peakSlots(table: RunTable, lanes: Lanes): number {
  let [now, peak] = [0, 0];
  for (const { slots } of slotChanges(table, lanes)) peak = Math.max(peak, (now += slots));
  return peak;
}

/** Time of all slots between two moments, added up: each counts while it exists. */
export function slotTimeNs(table: RunTable, lanes: Lanes, fromNs: number, toNs: number): number {
  const presences = presencesOf(table);
  let total = 0;
  for (const lane of lanes.lanes) {
    const span = spanIn(presences, lane);
    total += Math.max(0, Math.min(span.toNs, toNs) - Math.max(span.fromNs, fromNs));
  }
  return total;
}
