// What to expect of the next run of a workflow, from those like it.

import type { RunSummary } from '../../../api/schema';
import { quantile } from '../../../model/quantile';

/** Fewer runs with the very same parameters than this say less than all runs of the workflow. */
const ALIKE = 5;

export interface Expectation {
  /** Makespans, ascending, ns. */
  readonly makespansNs: readonly number[];
  readonly p25Ns: number;
  readonly medianNs: number;
  readonly p75Ns: number;
  /** They all had the parameters that are set now. */
  readonly alike: boolean;
}

/** Undefined where nothing has succeeded yet. Made-up schedules (imported traces) do not predict anything. */
export function expectation(
  runs: readonly RunSummary[],
  params: Readonly<Record<string, string>>,
): Expectation | undefined {
  const real = runs.filter((run) => run.imported === null);
  const same = real.filter((run) => Object.entries(params).every(([name, value]) => run.params[name] === value));
  const alike = same.length >= ALIKE || (same.length > 0 && same.length === real.length);
  const makespansNs = (alike ? same : real).map((run) => run.makespan_ns).sort((a, b) => a - b);
  if (makespansNs.length === 0) return undefined;
  return {
    makespansNs,
    p25Ns: quantile(makespansNs, 0.25),
    medianNs: quantile(makespansNs, 0.5),
    p75Ns: quantile(makespansNs, 0.75),
    alike,
  };
}
