// Values of this run over the middle half of the past, on a scale of "times the median" that all functions share.

import type { Past } from './history-rank';

/** What a strip shows of one function; empty strips keep their place. */
export interface Strip {
  /** SVG path of one tick per value, each half pixel once. */
  readonly ticks: string;
  /** Middle half of the past: x and width; null without a past. */
  readonly band: { readonly x: number; readonly width: number } | null;
  /** Where the median of this run lies, null before the first value. */
  readonly median: number | null;
  /** Where 1 × lies. */
  readonly one: number;
  readonly text: string;
}

/** The shared scale: logarithmic, so that twice and half lie equally far from one. */
export interface StripScale {
  readonly low: number;
  readonly high: number;
  readonly widthPx: number;
}

/** The ends of a scale, before it is known how wide it is drawn. */
export type StripEnds = Pick<StripScale, 'low' | 'high'>;

const NARROWEST = 0.7;
const WIDEST = 1.6;
/** Beyond this a value is drawn at the edge: one straggler must not squeeze all others together. */
const FARTHEST = 8;

/** Ends that hold all ratios, within bounds; they do not depend on the moment, so that nothing jumps. */
export function stripEnds(ratios: Iterable<number>): StripEnds {
  let low = NARROWEST;
  let high = WIDEST;
  for (const ratio of ratios) {
    if (!(ratio > 0)) continue;
    low = Math.min(low, Math.max(ratio, 1 / FARTHEST));
    high = Math.max(high, Math.min(ratio, FARTHEST));
  }
  return { low, high };
}

/** Pixel of a ratio, 1 px in from both ends. */
export function stripPx(scale: StripScale, ratio: number): number {
  const bounded = Math.max(scale.low, Math.min(scale.high, ratio));
  const share = Math.log(bounded / scale.low) / Math.log(scale.high / scale.low);
  return Math.round((share * (scale.widthPx - 2) + 1) * 2) / 2;
}

/** The strip of one function. Without a past its own median is the measure. */
export function stripOf(
  values: ArrayLike<number>,
  medianNow: number,
  past: Past | undefined,
  scale: StripScale,
): Strip {
  const one = stripPx(scale, 1);
  const measure = measureOf(past, medianNow);
  if (!(measure > 0)) return { ticks: '', band: null, median: null, one, text: 'nothing yet' };
  const places = new Set<number>();
  for (let i = 0; i < values.length; i++) places.add(stripPx(scale, values[i]! / measure));
  const ticks = [...places].map((x) => `M${String(x)} 5v6`).join('');
  const known = !Number.isNaN(medianNow);
  return {
    ticks,
    band: bandOf(past, measure, scale),
    median: known ? stripPx(scale, medianNow / measure) : null,
    one,
    text: known ? `median ${(medianNow / measure).toFixed(2)} × ${past ? 'the past' : 'its own'}` : 'nothing yet',
  };
}

/** The value that counts as 1 ×. */
export function measureOf(past: Past | undefined, medianNow: number): number {
  return past?.p50 ?? medianNow;
}

function bandOf(past: Past | undefined, measure: number, scale: StripScale): Strip['band'] {
  if (!past || past.p25 === null || past.p75 === null) return null;
  const x = stripPx(scale, past.p25 / measure);
  return { x, width: Math.max(2, stripPx(scale, past.p75 / measure) - x) };
}

/** Room that a mark takes. */
const MARK_PX = 24;

/** Marks under the strips: whole ratios that lie well inside. */
export function stripMarks(scale: StripScale): { readonly x: number; readonly text: string }[] {
  const all = [0.25, 0.5, 1, 2, 4, 8];
  const inside = all.filter((ratio) => ratio >= scale.low * 1.05 && ratio <= scale.high / 1.05);
  const marks = inside.map((ratio) => ({ x: stripPx(scale, ratio), text: `${String(ratio)}×` }));
  const one = stripPx(scale, 1);
  let last = -Infinity;
  // 1 × always has its mark; others where they do not touch it or one another.
  return marks.filter(({ x }) => {
    const free = x === one || (x - last >= MARK_PX && Math.abs(x - one) >= MARK_PX);
    if (free) last = x;
    return free;
  });
}
