// The stretches of time that a question about history is about.

import { daysOf, type Period } from '../../state/period';

const DAY_MS = 86_400_000;

/** What the chosen period is compared with. */
export type Against = 'none' | 'before' | 'half';

/** From and to, half open, as the service takes them; undefined ends are open. */
export interface Range {
  readonly from?: string;
  readonly to?: string;
}

/** What the table shows, and the two parts that its last column compares. */
export interface Ranges {
  readonly whole: Range;
  /** The later part; undefined where nothing is compared. */
  readonly later: Range | undefined;
  readonly earlier: Range | undefined;
}

function range(fromMs: number, toMs: number): Range {
  const text = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');
  return { from: text(fromMs), to: text(toMs) };
}

/** Whole days of UTC, the present one included, so that a question asked twice a day is the same one. */
export function rangesOf(period: Period, against: Against, nowMs: number): Ranges {
  const days = daysOf(period);
  if (days === undefined) return { whole: {}, later: undefined, earlier: undefined };
  const end = (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS;
  const begin = end - days * DAY_MS;
  const whole = range(begin, end);
  if (against === 'before') return { whole, later: whole, earlier: range(begin - days * DAY_MS, begin) };
  if (against === 'half' && days > 1) {
    const middle = end - Math.floor(days / 2) * DAY_MS;
    return { whole, later: range(middle, end), earlier: range(begin, middle) };
  }
  return { whole, later: undefined, earlier: undefined };
}

/** What the earlier part is called; all time and a single day have no earlier half. */
export function againstNames(period: Period): { readonly value: Against; readonly label: string }[] {
  const days = daysOf(period);
  if (days === undefined) return [{ value: 'none', label: 'nothing' }];
  const before = days === 1 ? 'the 24 hours before' : `the ${days} days before`;
  const names: { value: Against; label: string }[] = [
    { value: 'none', label: 'nothing' },
    { value: 'before', label: before },
  ];
  if (days > 1) names.push({ value: 'half', label: `its first ${Math.ceil(days / 2)} days` });
  return names;
}
