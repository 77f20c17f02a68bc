// When a live run is expected to end, from the makespans of its workflow's past runs.

import { quantile } from '../../model/quantile';

export interface ExpectedEnd {
  readonly p25Ns: number;
  readonly p50Ns: number;
  readonly p75Ns: number;
  readonly runs: number;
}

/** With fewer past runs a quartile is one of them. */
export const LEAST_RUNS = 5;

/** The middle half of the past; null with too little of it. */
export function expectedEnd(makespans: readonly number[]): ExpectedEnd | null {
  if (makespans.length < LEAST_RUNS) return null;
  const ascending = [...makespans].sort((a, b) => a - b);
  const p75Ns = quantile(ascending, 0.75);
  return { p25Ns: quantile(ascending, 0.25), p50Ns: quantile(ascending, 0.5), p75Ns, runs: makespans.length };
}

const STEPS = [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
const ROOM = 1.06;
/** A run that has just started shows this much of what is to come. */
const LEAST_NS = 1e8;

/** End of the axis of a live run: the expected end, or the next round length; it grows in steps, so that bars rest between. */
export function liveAxisNs(nowNs: number, expected: ExpectedEnd | null): number {
  const needs = Math.max(nowNs * ROOM, (expected?.p75Ns ?? 0) * ROOM, LEAST_NS);
  const power = 10 ** Math.floor(Math.log10(needs));
  const step = STEPS.find((s) => s * power >= needs) ?? 10;
  return step * power;
}
