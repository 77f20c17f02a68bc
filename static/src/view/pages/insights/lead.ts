// The sentence that the insights open with: computed, and plain where nothing stands out.

import type { HistoryPart } from '../../../api/schema';
import { count, counted, factorText, percent, ratio } from '../../../model/format';
import { kindOf, unitOf } from '../../../model/metric';
import type { InsightMetric } from './insights-url';
import { cellValue, keyName, type Shift, shiftOf, valueText, weightOf } from './statistic';

/** A piece of a sentence; one with a key leads to the row of that key. */
export interface Span {
  readonly text: string;
  readonly key?: string;
}

export interface Lead {
  readonly first: readonly Span[];
  readonly second: readonly Span[];
}

interface Shifted {
  readonly part: HistoryPart;
  readonly shift: Shift;
}

const name = (part: HistoryPart): Span => ({ text: keyName(part), key: part.key });

/** The sentences for a table, compared with an earlier stretch where there is one. */
export function leadOf(
  metric: InsightMetric,
  parts: readonly HistoryPart[],
  earlier: readonly HistoryPart[] | undefined,
  later: readonly HistoryPart[] | undefined,
): Lead {
  if (parts.length === 0) return { first: [{ text: 'No task of these runs has this measurement.' }], second: [] };
  if (earlier !== undefined && later !== undefined) {
    const shifted = parts.flatMap((part): Shifted[] => {
      const same = (other: HistoryPart): boolean => other.key === part.key;
      const shift = shiftOf(earlier.find(same), later.find(same));
      return shift === undefined ? [] : [{ part, shift }];
    });
    return shiftLead(metric, shifted);
  }
  return shareLead(metric, parts);
}

function shiftLead(metric: InsightMetric, shifted: readonly Shifted[]): Lead {
  if (shifted.length === 0) {
    return { first: [{ text: 'There is nothing to compare with: the earlier stretch has no such task.' }], second: [] };
  }
  // What a change costs in total: a large factor on a function that takes nothing is not worth a sentence.
  const cost = ({ shift }: Shifted): number => Math.abs(shift.ratio - 1) * Math.abs(shift.later.sum);
  const loud = shifted.filter(({ shift }) => shift.loud).sort((a, b) => cost(b) - cost(a));
  const [most, ...others] = loud;
  if (most === undefined) {
    return {
      first: [{ text: 'Nothing moved by more than 5 % against the earlier stretch.' }],
      second: [
        {
          text: `${counted(shifted.length, 'function')} compared by ${shifted.length === 1 ? 'its' : 'their'} medians.`,
        },
      ],
    };
  }
  return { first: mostChanged(metric, most), second: alsoChanged(others) };
}

function mostChanged(metric: InsightMetric, { part, shift }: Shifted): Span[] {
  const up = shift.ratio > 1;
  const { name: what, words } = kindOf(metric);
  const factor = factorText(up ? shift.ratio : 1 / shift.ratio);
  const high = cellValue(shift.earlier, 'p95') !== null && cellValue(shift.later, 'p95') !== null;
  const from = high ? cellValue(shift.earlier, 'p95') : cellValue(shift.earlier, 'p50');
  const to = high ? cellValue(shift.later, 'p95') : cellValue(shift.later, 'p50');
  const figure = `${high ? 'p95' : 'the median'} went from ${valueText(metric, from)} to ${valueText(metric, to)}`;
  return [name(part), { text: ` is ${factor} ${words[up ? 0 : 1]} in ${what} than before: ${figure}.` }];
}

/** As many further changes as a line has room for. */
const NAMED = 4;

function alsoChanged(others: readonly Shifted[]): Span[] {
  if (others.length === 0) return [{ text: 'No other function moved by more than 5 %.' }];
  const spans: Span[] = [{ text: 'Also: ' }];
  for (const [i, { part, shift }] of others.slice(0, NAMED).entries()) {
    spans.push({ text: i === 0 ? '' : ', ' }, name(part), { text: ` ${factorText(shift.ratio)}` });
  }
  const left = others.length - NAMED;
  spans.push({ text: left > 0 ? ` and ${count(left)} more.` : '.' });
  return spans;
}

function shareLead(metric: InsightMetric, parts: readonly HistoryPart[]): Lead {
  const { amount, adds } = kindOf(metric);
  const whole = parts.reduce((sum, part) => sum + part.sum, 0);
  const most = parts.reduce((a, b) => (weightOf(metric, b) > weightOf(metric, a) ? b : a));
  if (whole <= 0) {
    const verb = unitOf(metric) === 'ns' ? 'took' : 'has';
    return { first: [{ text: `No task ${verb} any ${amount}: every value is 0.` }], second: [] };
  }
  const share = adds ? `takes ${percent(most.sum / whole)} of all ${amount}` : `has the highest ${amount}`;
  const p95 = cellValue(most, 'p95') === null ? '' : `, p95 ${valueText(metric, cellValue(most, 'p95'))}`;
  const figures = `median ${valueText(metric, cellValue(most, 'p50'))}${p95}, over ${counted(most.n, 'task')}.`;
  const first =
    parts.length > 1 ? [name(most), { text: ` ${share}: ${figures}` }] : [name(most), { text: `: ${figures}` }];
  return { first, second: uneven(metric, parts) };
}

/** A p95 of at least so many medians is worth a sentence. */
const UNEVEN = 2;

/** One task with at least this share of the time of its function is worth a sentence, where there are so many tasks. */
const ALONE = 0.5;
const MANY = 20;

function uneven(metric: InsightMetric, parts: readonly HistoryPart[]): Span[] {
  return alone(metric, parts) ?? widest(metric, parts);
}

/** A single task that has most of what all tasks of its function have, which no quantile up to p95 shows. */
function alone(metric: InsightMetric, parts: readonly HistoryPart[]): Span[] | undefined {
  const { adds, amount } = kindOf(metric);
  if (!adds) return undefined;
  const [part] = parts
    .filter((one) => one.n >= MANY && one.sum > 0 && (one.max ?? 0) / one.sum >= ALONE)
    .sort((a, b) => (b.max ?? 0) - (a.max ?? 0));
  if (part === undefined) return undefined;
  const share = percent((part.max ?? 0) / part.sum);
  return [
    { text: 'One task has most of ' },
    name(part),
    { text: `: ${valueText(metric, part.max)}, ${share} of the ${amount} of ${counted(part.n, 'task')}.` },
  ];
}

function widest(metric: InsightMetric, parts: readonly HistoryPart[]): Span[] {
  const known = parts.filter((part) => cellValue(part, 'p50') !== null && cellValue(part, 'p95') !== null);
  if (known.length === 0) return [{ text: 'There are too few tasks for a p95 of any function.' }];
  /** Infinite where half of the values are 0 and a p95 is not. */
  const spread = (part: HistoryPart): number => {
    const median = cellValue(part, 'p50') ?? 0;
    const high = cellValue(part, 'p95') ?? 0;
    return high === median ? 1 : high / median;
  };
  const most = known.reduce((a, b) => (spread(b) > spread(a) ? b : a));
  if (spread(most) < UNEVEN)
    return [{ text: 'No function is uneven: every p95 that is known is below twice its median.' }];
  const high = valueText(metric, cellValue(most, 'p95'));
  const times = spread(most) === Infinity ? 'where its median is 0' : `is ${ratio(spread(most))} its median`;
  return [
    { text: 'Most uneven is ' },
    name(most),
    { text: `: its p95${spread(most) === Infinity ? ` is ${high}, ${times}` : `, ${high}, ${times}`}.` },
  ];
}
