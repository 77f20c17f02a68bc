// Where one execute time stands among those of past runs, in words and as a small histogram.

import { count, ratio } from '../../model/format';

/** Part of a digest over past runs that the rank needs; what GET /stats answers has it. */
export interface Past {
  readonly n: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly p25: number | null;
  readonly p50: number | null;
  readonly p75: number | null;
  readonly bins: readonly Bin[];
  /** The distribution function: the share p of the past is at most x; ascending. */
  readonly ecdf: readonly { readonly x: number; readonly p: number }[];
}

export interface Bin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** A quantile as the service sends it. */
interface SentQuantile {
  readonly value: number | null;
}

/** A part of the history as the service sends it. */
export interface SentHistory {
  readonly key: string;
  readonly n: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly quantiles: readonly (SentQuantile & { readonly q: number })[];
  readonly histogram?: readonly Bin[] | null;
  readonly ecdf?: readonly { readonly x: number; readonly p: number }[] | null;
}

/** History by function: name, with @version above 0. */
export function pastByFunction(groups: readonly SentHistory[]): ReadonlyMap<string, Past> {
  return new Map(groups.map((group) => [group.key, toPast(group)]));
}

function toPast(sent: SentHistory): Past {
  const at = (q: number): number | null => sent.quantiles.find((one) => one.q === q)?.value ?? null;
  return {
    n: sent.n,
    min: sent.min,
    max: sent.max,
    p25: at(0.25),
    p50: at(0.5),
    p75: at(0.75),
    bins: sent.histogram ?? [],
    ecdf: sent.ecdf ?? [],
  };
}

/** A function that was never executed before. */
export const NO_PAST: Past = { n: 0, min: null, max: null, p25: null, p50: null, p75: null, bins: [], ecdf: [] };

/** History of one function; undefined where either is not known yet. */
export function pastOf(
  past: ReadonlyMap<string, Past> | undefined,
  name: { readonly function: string; readonly version: number } | undefined,
): Past | undefined {
  if (!past || !name) return undefined;
  const key = name.version > 0 ? `${name.function}@${String(name.version)}` : name.function;
  return past.get(key) ?? NO_PAST;
}

/** What the value is: still growing, final, of an attempt that failed or was cached, or not there yet. */
export type RankStage = 'none' | 'running' | 'done' | 'failed' | 'cached';

/** The share of the past that lies below the value; NaN where there is no past. */
export function shareBelow(past: Past, value: number): number {
  if (past.n === 0 || past.ecdf.length === 0) return Number.NaN;
  let low = 0;
  let high = past.ecdf.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (past.ecdf[middle]!.x < value) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : past.ecdf[low - 1]!.p;
}

/** How many of the past lie below the value. */
export function below(past: Past, value: number): number {
  const share = shareBelow(past, value);
  return Number.isNaN(share) ? 0 : Math.min(past.n, Math.round(share * past.n));
}

/** A piece of a sentence; what is strong is the figure in it. */
export interface Piece {
  readonly text: string;
  readonly strong?: boolean;
}

export interface RankInput {
  readonly past: Past;
  readonly valueNs: number;
  readonly stage: RankStage;
  readonly attempt: number;
  readonly duration: (ns: number) => string;
  readonly count: (n: number) => string;
}

/** The sentence over the histogram. */
export function rankSentence(input: RankInput): readonly Piece[] {
  const { past, valueNs, stage, duration, count } = input;
  const value = { text: duration(valueNs), strong: true };
  if (stage === 'failed') {
    return [
      { text: `Attempt ${String(input.attempt)} failed after ` },
      value,
      { text: '; failed attempts are not ranked' },
    ];
  }
  if (stage === 'cached') return [{ text: 'Not executed, but cached; cached tasks are not ranked' }];
  if (past.n === 0 || past.p50 === null) {
    if (stage === 'none') return [{ text: 'Not executed, and never before' }];
    return [
      { text: stage === 'done' ? 'Executed in ' : 'Executing for ' },
      value,
      { text: '; nothing in the past to compare it with' },
    ];
  }
  const median = { text: duration(past.p50), strong: true };
  if (stage === 'none') return [{ text: `Not executed; the median of ${count(past.n)} past is ` }, median];
  const rank = below(past, valueNs);
  if (stage === 'running') {
    if (rank * 2 < past.n)
      return [{ text: 'Executing for ' }, value, { text: `; the median of ${count(past.n)} past is ` }, median];
    return [
      { text: 'Executing for ' },
      value,
      { text: ', longer than ' },
      { text: `${count(rank)} of ${count(past.n)}`, strong: true },
      { text: ' past already' },
    ];
  }
  return [
    { text: 'Execute ' },
    value,
    { text: ' is longer than ' },
    { text: `${count(rank)} of ${count(past.n)}`, strong: true },
    { text: ` past${timesMedian(valueNs, past.p50)}` },
  ];
}

function timesMedian(value: number, median: number): string {
  return median > 0 ? `, ${ratio(value / median)} the median` : '';
}

/** One bar of the histogram, in shares of width and height. */
export interface HistogramBar {
  readonly x: number;
  readonly width: number;
  readonly height: number;
  readonly count: number;
  readonly text: string;
}

export interface Histogram {
  readonly bars: readonly HistogramBar[];
  readonly log: boolean;
  readonly lowNs: number;
  readonly highNs: number;
  /** Places of a value on the axis, 0 … 1. */
  place(value: number): number;
  /** The same for the middle of a label, which must not leave the axis. */
  labelShare(value: number): number;
}

/** A histogram as shapes; logarithmic where the past spans more than a factor of three, as execute times do. */
export function histogramOf(past: Past, valueNs: number, duration: (ns: number) => string): Histogram | null {
  const first = past.bins[0];
  const last = past.bins.at(-1);
  if (!first || !last || past.min === null || past.max === null) return null;
  const value = valueNs > 0 ? valueNs : past.min;
  const low = Math.max(0.5, Math.min(past.min, value) * 0.95);
  const high = Math.max(past.max, value, low + 1) * 1.05;
  const log = high / low > 3;
  const unit = (v: number): number =>
    log ? Math.log(Math.max(v, low) / low) / Math.log(high / low) : (v - low) / (high - low);
  const place = (v: number): number => Math.max(0, Math.min(1, unit(v)));
  const top = Math.max(...past.bins.map((bin) => bin.count), 1);
  const bars = past.bins
    .filter((bin) => bin.count > 0)
    .map((bin) => ({
      x: place(bin.low),
      width: Math.max(0.004, place(bin.high) - place(bin.low)),
      height: bin.count / top,
      count: bin.count,
      text: `${count(bin.count)} from ${duration(bin.low)} to ${duration(bin.high)}`,
    }));
  const labelShare = (v: number): number => Math.max(0.34, Math.min(0.66, place(v)));
  return { bars, log, lowNs: low, highNs: high, place, labelShare };
}
