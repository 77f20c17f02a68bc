// The question of the what-if tab, its place in the address, and the lanes that answer it.

import { NO_WORKER, type RunTable } from './run-table';

/** What would be otherwise; null and false are as it was. */
export interface WhatIf {
  readonly slots: number | null;
  readonly workers: number | null;
  /** A function, and how many times as fast it is. */
  readonly faster: { readonly name: string; readonly times: number } | null;
  /** How many times as fast transfers are. */
  readonly bandwidth: number | null;
  readonly withoutRetries: boolean;
  readonly noQueue: boolean;
}

export const unchanged: WhatIf = {
  slots: null,
  workers: null,
  faster: null,
  bandwidth: null,
  withoutRetries: false,
  noQueue: false,
};

const MOST_SLOTS = 4096;
const MOST_WORKERS = 1024;
const MOST_TIMES = 1e6;

/** A question as text, as the query of the API has it; empty for none. */
export function formatWhatIf(question: WhatIf): string {
  const query = new URLSearchParams();
  if (!question.noQueue) {
    if (question.slots !== null) query.set('slots', String(question.slots));
    if (question.workers !== null) query.set('workers', String(question.workers));
  }
  if (question.faster !== null) query.set('faster', `${question.faster.name}=${question.faster.times}`);
  if (question.bandwidth !== null) query.set('bandwidth', String(question.bandwidth));
  if (question.withoutRetries) query.set('without_retries', 'true');
  if (question.noQueue) query.set('no_queue', 'true');
  return query.toString();
}

/** The inverse of formatWhatIf; what is out of bounds is dropped. */
export function parseWhatIf(text: string): WhatIf {
  const query = new URLSearchParams(text);
  const faster = query.get('faster') ?? '';
  const at = faster.lastIndexOf('=');
  const times = positive(faster.slice(at + 1), MOST_TIMES);
  const noQueue = query.get('no_queue') === 'true';
  return {
    slots: noQueue ? null : whole(query.get('slots'), MOST_SLOTS),
    workers: noQueue ? null : whole(query.get('workers'), MOST_WORKERS),
    faster: at > 0 && times !== null ? { name: faster.slice(0, at), times } : null,
    bandwidth: positive(query.get('bandwidth'), MOST_TIMES),
    withoutRetries: query.get('without_retries') === 'true',
    noQueue,
  };
}

function whole(text: string | null, most: number): number | null {
  const value = Number(text);
  return text !== null && Number.isInteger(value) && value >= 1 && value <= most ? value : null;
}

function positive(text: string | null, most: number): number | null {
  const value = Number(text);
  return text !== null && text !== '' && value >= 1 / most && value <= most ? value : null;
}

/** Time in which a lane was busy, for a picture that is so wide that one part of `parts` is a pixel. */
export interface BusySpan {
  readonly lane: number;
  readonly fromNs: number;
  readonly toNs: number;
}

/** Attempts as columns of equal length, sorted in any way. */
export interface Attempts {
  readonly worker: ArrayLike<number>;
  readonly slot: ArrayLike<number>;
  readonly claimed: ArrayLike<number>;
  readonly over: ArrayLike<number>;
}

/**
 * When each lane was busy, lanes in the order of worker and slot; gaps of less than a part of the whole are closed, so
 * that there are at most lanes × parts spans, whatever the number of attempts.
 */
export function busySpans(attempts: Attempts, wholeNs: number, parts: number): { lanes: number; spans: BusySpan[] } {
  const order = Array.from(attempts.worker, (_, i) => i).sort(
    (a, b) =>
      attempts.worker[a]! - attempts.worker[b]! ||
      attempts.slot[a]! - attempts.slot[b]! ||
      attempts.claimed[a]! - attempts.claimed[b]!,
  );
  const spans: BusySpan[] = [];
  let lane = -1;
  let before = -1;
  for (const i of order) {
    const [fromNs, toNs] = [attempts.claimed[i]!, attempts.over[i]!];
    const isNew =
      before < 0 || attempts.worker[i] !== attempts.worker[before] || attempts.slot[i] !== attempts.slot[before];
    if (isNew) lane++;
    const last = spans.at(-1);
    if (!isNew && last && fromNs - last.toNs < wholeNs / parts)
      spans[spans.length - 1] = { ...last, toNs: Math.max(last.toNs, toNs) };
    else spans.push({ lane, fromNs, toNs });
    before = i;
  }
  return { lanes: lane + 1, spans };
}

/** The attempts of a table that were claimed and are over, from a moment on. */
export function recordedAttempts(table: RunTable, fromNs: number): Attempts {
  const rows = Array.from({ length: table.rows }, (_, row) => row).filter(
    (row) => table.worker[row] !== NO_WORKER && table.updatedNs[row]! >= table.claimedNs[row]!,
  );
  return {
    worker: rows.map((row) => table.worker[row]!),
    slot: rows.map((row) => table.slot[row]!),
    claimed: rows.map((row) => table.claimedNs[row]! - fromNs),
    over: rows.map((row) => table.updatedNs[row]! - fromNs),
  };
}

/** Columns of an answer with its lanes, or none without. */
export function simulatedAttempts(
  lanes: { worker: number[]; slot: number[]; claimed_ns: number[]; over_ns: number[] } | undefined,
): Attempts {
  return {
    worker: lanes?.worker ?? [],
    slot: lanes?.slot ?? [],
    claimed: lanes?.claimed_ns ?? [],
    over: lanes?.over_ns ?? [],
  };
}

/** A point of the curve, x by the logarithm of slots and y by makespan, both from 0 to 1. */
export interface CurvePoint {
  readonly slots: number;
  readonly x: number;
  readonly y: number;
}

/** Points in order of slots as shares of the greatest number of slots and the longest makespan. */
export function curvePoints(points: readonly { slots: number; makespan_ns: number }[]): CurvePoint[] {
  const most = Math.log2(Math.max(2, ...points.map((p) => p.slots)));
  const longest = Math.max(1, ...points.map((p) => p.makespan_ns));
  return points.map((p) => ({ slots: p.slots, x: Math.log2(p.slots) / most, y: p.makespan_ns / longest }));
}
