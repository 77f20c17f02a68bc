// The table of functions: which took the time comes first, and which columns have room.

import type { TextMeasurer } from '../../draw/text-measurer';
import type { FunctionName } from '../../model/function-names';
import { type FunctionStatistics, P95_NEEDS } from '../../model/statistics';

export const statisticsColumns = ['function', 'sum', 'share', 'cpu', 'n', 'median', 'p95', 'max'] as const;
export type StatisticsColumn = (typeof statisticsColumns)[number];

export interface StatisticsSort {
  readonly column: StatisticsColumn;
  readonly order: 'asc' | 'desc';
}

export const BY_SUM: StatisticsSort = { column: 'sum', order: 'desc' };
const BY_MAX: StatisticsSort = { column: 'max', order: 'desc' };

/** The order that a table has: where values do not add up, one by their sum is one by the greatest of them. */
export function usableSort(sort: StatisticsSort, adds: boolean): StatisticsSort {
  return adds || (sort.column !== 'sum' && sort.column !== 'share') ? sort : BY_MAX;
}

/** The other order of the same column, or the natural one of another: names ascending, figures descending. */
export function nextStatisticsSort(sort: StatisticsSort, column: StatisticsColumn): StatisticsSort {
  if (sort.column === column) return { column, order: sort.order === 'asc' ? 'desc' : 'asc' };
  return { column, order: column === 'function' ? 'asc' : 'desc' };
}

/**
 * Functions in the order of a column. Give it the statistics of the whole run, not those of the playhead, so that rows
 * stay where they are while it moves. What is not known goes last, whichever way the rest is sorted.
 */
export function sortedFunctions(
  whole: readonly FunctionStatistics[],
  names: readonly FunctionName[],
  { column, order }: StatisticsSort,
  cpuShares: readonly number[] = [],
): number[] {
  const sign = order === 'asc' ? 1 : -1;
  const byName = (a: number, b: number): number => compareText(names[a]?.label ?? '', names[b]?.label ?? '');
  const numbers = whole.map((one) => one.function);
  if (column === 'function') return numbers.sort((a, b) => sign * byName(a, b));
  const keys = new Map(
    whole.map((one) => [one.function, column === 'cpu' ? (cpuShares[one.function] ?? Number.NaN) : keyOf(one, column)]),
  );
  return numbers.sort((a, b) => compareKnown(keys.get(a)!, keys.get(b)!, sign) || byName(a, b));
}

function keyOf(one: FunctionStatistics, column: Exclude<StatisticsColumn, 'function' | 'cpu'>): number {
  switch (column) {
    case 'sum':
    case 'share':
      return one.n === 0 ? Number.NaN : one.sum;
    case 'n':
      return one.total;
    case 'median':
      return one.p50;
    case 'p95':
      return one.p95;
    case 'max':
      return one.max;
  }
}

function compareKnown(a: number, b: number, sign: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return sign * (a - b);
}

const collator = new Intl.Collator('en', { numeric: true });

function compareText(a: string, b: string): number {
  return collator.compare(a, b);
}

/** Widths of the columns in CSS pixels, 0 where there is no room for one; the function's name takes what is left. */
export interface StatisticsWidths {
  readonly namePx: number;
  readonly figurePx: number;
  readonly sumPx: number;
  readonly sharePx: number;
  readonly cpuPx: number;
  readonly countPx: number;
  /** The count says of how many. */
  readonly hasTotals: boolean;
  readonly p95Px: number;
  readonly maxPx: number;
  readonly stripPx: number;
}

/** Before what a word may begin: parts of a name that differ are shown from there on. */
const WORD_END = /[\s.:/]/;

const NAME_PX = 84;
/** Holds 21.3 ms and 1h 29m. */
const FIGURE_PX = 57;
const SHARE_PX = 46;
const DIGIT_PX = 6.7;
const CELL_PX = 10;
/** Px next to the name, and what the last column has at its right beyond other cells. */
const OUTSIDE_PX = 35;
const STRIP_LEAST_PX = 36;
const STRIP_MOST_PX = 240;
/** What names may grow by before the strip does. */
const NAME_MORE_PX = 60;

/** What a table of statistics has to show. */
export interface StatisticsContent {
  /** Characters of the longest count. */
  readonly countChars: number;
  /** Any function has enough values for a p95. */
  readonly hasP95: boolean;
  /** Values add up, so that there are sums and shares. */
  readonly adds: boolean;
  /** CPU shares are known. */
  readonly hasCpu: boolean;
}

/**
 * Widths for a table of this width. The strip, which has the maximum too, then maximum, totals of counts and p95 come as room
 * allows: the sum and what it is made of are always there, and so is the CPU share where it is known.
 */
export function statisticsWidths(tablePx: number, content: StatisticsContent): StatisticsWidths {
  const { countChars, hasP95, adds, hasCpu } = content;
  const leastPx = Math.round(Math.max(3, countChars) * DIGIT_PX) + CELL_PX;
  const sumPx = adds ? FIGURE_PX : 0;
  const sharePx = adds ? SHARE_PX : 0;
  const cpuPx = hasCpu ? SHARE_PX : 0;
  let free = tablePx - OUTSIDE_PX - NAME_PX - FIGURE_PX - sumPx - sharePx - cpuPx - leastPx;
  const take = (px: number): number => {
    if (free < px) return 0;
    free -= px;
    return px;
  };
  const strip = take(STRIP_LEAST_PX + CELL_PX);
  const maxPx = take(FIGURE_PX);
  const totalPx = take(Math.round((countChars + 1) * DIGIT_PX));
  const p95Px = hasP95 && free >= FIGURE_PX + NAME_MORE_PX ? take(FIGURE_PX) : 0;
  const more = strip === 0 ? 0 : Math.max(0, Math.min(STRIP_MOST_PX - STRIP_LEAST_PX, free - NAME_MORE_PX) / 2);
  const namePx = NAME_PX + free - more;
  const stripPx = strip === 0 ? 0 : STRIP_LEAST_PX + more;
  const countPx = leastPx + totalPx;
  const hasTotals = totalPx > 0;
  return { namePx, figurePx: FIGURE_PX, sumPx, sharePx, cpuPx, countPx, hasTotals, p95Px, maxPx, stripPx };
}

/** Whether any function has enough values for a p95. */
export function hasP95(whole: readonly FunctionStatistics[]): boolean {
  return whole.some((one) => one.n >= P95_NEEDS);
}

/**
 * Names as rows show them: all whole where all of them fit, else each in the longest wording that does, or what distinguishes
 * it from the others. Those that would be cut alike, as their ends are the same, show where they differ.
 */
export function fittedNames(
  names: readonly FunctionName[],
  measurer: TextMeasurer,
  font: string,
  roomPx: number,
): readonly string[] {
  if (names.every(({ whole }) => measurer.width(font, whole) <= roomPx)) return names.map(({ whole }) => whole);
  const texts = names.map((name) =>
    measurer.width(font, name.label) <= roomPx
      ? name.label
      : measurer.fitTelling(font, { ...name, text: name.brief }, roomPx),
  );
  const alike = new Map<string, string[]>();
  texts.forEach((text, i) => alike.set(text, [...(alike.get(text) ?? []), names[i]!.whole]));
  const froms = new Map(
    [...alike].filter(([, those]) => those.length > 1).map(([text, those]) => [text, differFrom(those)]),
  );
  return texts.map((text, i) => {
    const from = froms.get(text);
    return from === undefined ? text : measurer.fitFrom(font, names[i]!.whole, from, roomPx) || text;
  });
}

/** Where the first word begins in which texts differ. */
function differFrom(texts: readonly string[]): number {
  const [first = ''] = texts;
  let same = 0;
  while (same < first.length && texts.every((text) => text[same] === first[same])) same++;
  while (same > 0 && !WORD_END.test(first[same - 1]!)) same--;
  return same;
}
