// What to expect of a run of a workflow, from the past ones like it.

import type { RunSummary } from '../../../api/schema';
import { quantile } from '../../../model/quantile';
import { type Asked, isComparable, isLike } from './likeness';

/** Runs from which on quartiles say more than the least and the greatest; with fewer nothing is predicted. */
export const ENOUGH = 5;

export interface Expectation {
  /** Makespans, ascending, ns. */
  readonly makespansNs: readonly number[];
  readonly p25Ns: number;
  readonly medianNs: number;
  readonly p75Ns: number;
  /** They had the same parameters; else others, which may make them a poor guide. */
  readonly alike: boolean;
}

/** From the runs like it, else from all of the workflow; undefined where none of them shows it. Schedules that were made up do not. */
export function expectation(runs: readonly RunSummary[], asked: Asked): Expectation | undefined {
  const real = runs.filter((run) => isComparable(run) && run.imported === null);
  const like = real.filter((run) => isLike(run, asked));
  const makespansNs = (like.length > 0 ? like : real).map((run) => run.makespan_ns).sort((a, b) => a - b);
  if (makespansNs.length === 0) return undefined;
  return {
    makespansNs,
    p25Ns: quantile(makespansNs, 0.25),
    medianNs: quantile(makespansNs, 0.5),
    p75Ns: quantile(makespansNs, 0.75),
    alike: like.length > 0,
  };
}

/** How long a live run should take; undefined without enough runs like it before it. */
export function expectedMakespanNs(peers: readonly RunSummary[]): number | undefined {
  if (peers.length < ENOUGH) return undefined;
  return quantile(
    peers.map((run) => run.makespan_ns).sort((a, b) => a - b),
    0.5,
  );
}
