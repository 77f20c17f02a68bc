// When each worker took part in a run.

import type { Lanes } from './lanes';
import { isLoss, MarkKind, type RunTable, workerOf } from './run-table';

/** A worker was there from one moment up to another. */
export interface Presence {
  /** 0 where nobody told. */
  readonly fromNs: number;
  /** Infinity while it is there. */
  readonly toNs: number;
  /** It went without a word. */
  readonly lost: boolean;
}

const always: Presence = { fromNs: 0, toNs: Infinity, lost: false };
const cache = new WeakMap<RunTable, { version: number; presences: ReadonlyMap<number, Presence> }>();

/** The workers that the log tells of, by number. */
export function presencesOf(table: RunTable): ReadonlyMap<number, Presence> {
  const known = cache.get(table);
  if (known?.version === table.version) return known.presences;
  const presences = new Map<number, Presence>();
  let finishedNs = Infinity;
  for (const mark of table.marks) {
    // With a run that ended its workers went; in the next revision of it they have other numbers.
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

/** Slots of the workers that are there at a moment. */
export function slotsAt(table: RunTable, lanes: Lanes, atNs: number): number {
  const presences = presencesOf(table);
  let slots = 0;
  for (const { worker, slots: own } of lanes.workers) {
    if (isWithin(presences.get(worker) ?? always, atNs)) slots += own.length;
  }
  return slots;
}

/** A worker takes part at a moment. */
export function isThere(table: RunTable, worker: number, atNs: number): boolean {
  return isWithin(presencesOf(table).get(worker) ?? always, atNs);
}

function isWithin({ fromNs, toNs }: Presence, atNs: number): boolean {
  return fromNs <= atNs && atNs <= toNs;
}

const peaks = new WeakMap<Lanes, number>();

/** The most slots that were there at once: a worker that was cut off and came back has lanes twice. */
export function peakSlots(table: RunTable, lanes: Lanes): number {
  const known = peaks.get(lanes);
  if (known !== undefined) return known;
  const presences = presencesOf(table);
  const changes: { readonly atNs: number; readonly slots: number }[] = [];
  for (const { worker, slots } of lanes.workers) {
    const { fromNs, toNs } = presences.get(worker) ?? always;
    changes.push({ atNs: fromNs, slots: slots.length }, { atNs: toNs, slots: -slots.length });
  }
  // Who goes as another comes has made room for it.
  changes.sort((a, b) => a.atNs - b.atNs || a.slots - b.slots);
  let [now, peak] = [0, 0];
  for (const { slots } of changes) peak = Math.max(peak, (now += slots));
  peaks.set(lanes, peak);
  return peak;
}
