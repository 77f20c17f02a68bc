// When a live run is expected to end.

import type { EndPrediction } from '../../api/schema';

/** Moments of the run, ns; nine in ten such runs end before p90Ns. */
export interface ExpectedEnd {
  readonly p10Ns: number;
  readonly p50Ns: number;
  readonly p90Ns: number;
  /** Earlier runs that it comes from. */
  readonly runs: number;
}

/** What the service has predicted; null where it has too little for that. */
export function expectedEnd(prediction: EndPrediction | undefined): ExpectedEnd | null {
  if (prediction?.end === undefined) return null;
  const { p10_ns: p10Ns, p50_ns: p50Ns, p90_ns: p90Ns } = prediction.end;
  return { p10Ns, p50Ns, p90Ns, runs: prediction.runs };
}

const STEPS = [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
const ROOM = 1.06;
/** A run that has just started shows this much of what is to come. */
const LEAST_NS = 1e8;

/** End of the axis of a live run: the expected end, or the next round length; it grows in steps, so that bars rest between. */
export function liveAxisNs(nowNs: number, expected: ExpectedEnd | null): number {
  const needs = Math.max(nowNs * ROOM, (expected?.p90Ns ?? 0) * ROOM, LEAST_NS);
  const power = 10 ** Math.floor(Math.log10(needs));
  const step = STEPS.find((s) => s * power >= needs) ?? 10;
  return step * power;
}
