// What to expect of a run of a workflow, from the past ones like it.

import type { Prediction, RunSummary } from '../../../api/schema';
import { count, counted, durationText } from '../../../model/format';
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

/** What the form says of the next run. */
export interface Outlook {
  readonly lowNs: number;
  readonly highNs: number;
  readonly medianNs: number;
  /** Marked in the picture; undefined where the ends say no less. */
  readonly band: readonly [number, number] | undefined;
  readonly line: string;
  readonly notes: readonly string[];
}

/** The prediction where there is one, else what past runs took. */
export function outlook(past: Expectation, predicted: Prediction | undefined): Outlook {
  if (predicted?.makespan !== undefined) return predictedOutlook(predicted, predicted.makespan);
  const runs = past.makespansNs.length;
  const few = runs < ENOUGH;
  const which = past.alike ? 'like this' : 'with other parameters';
  const lowNs = few ? past.makespansNs[0]! : past.p25Ns;
  const highNs = few ? past.makespansNs.at(-1)! : past.p75Ns;
  const all = runs === 1 ? `The one run ${which} so far` : `All ${count(runs)} runs ${which}`;
  const notes = past.alike ? [] : ['None had the parameters above, so this one may take any other time.'];
  if (predicted?.missing) notes.push(`Nothing is predicted: ${predicted.missing}.`);
  return {
    lowNs,
    highNs,
    medianNs: past.medianNs,
    band: few ? undefined : [lowNs, highNs],
    line: few ? all : `p25 to p75 of ${count(runs)} runs ${which}; median ${durationText(past.medianNs)}`,
    notes,
  };
}

function predictedOutlook(of: Prediction, { p10_ns, p50_ns, p90_ns }: NonNullable<Prediction['makespan']>): Outlook {
  const from = `from ${counted(of.runs, 'run')} ${of.peers === 'same' ? 'like this' : 'with other parameters'}`;
  const { runs, within_p90: within } = of.calibration;
  const record = `${count(within)} of the last ${count(runs)} took at most their p90; nine in ten should.`;
  return {
    lowNs: p10_ns,
    highNs: p90_ns,
    medianNs: p50_ns,
    band: [p10_ns, p90_ns],
    line: `Expected ${durationText(p50_ns)}, p10 to p90 above, ${from}`,
    notes: of.peers === 'same' ? (runs > 0 ? [record] : []) : ['Nothing shows how far this is off.'],
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
