import { describe, expect, it } from 'vitest';

import { TextMeasurer } from '../../../src/draw/text-measurer';
import { functionNames } from '../../../src/model/function-names';
import type { FunctionStatistics } from '../../../src/model/statistics';
import {
  BY_SUM,
  fittedNames,
  nextStatisticsSort,
  sortedFunctions,
  statisticsColumns,
  statisticsWidths,
} from '../../../src/view/state/statistics-rows';

const NAMES = ['lab.genome.index', 'lab.genome.map', 'lab.genome.merge', 'lab.genome.report'];

function one(fn: number, values: readonly number[]): FunctionStatistics {
  const n = values.length;
  const sorted = Float64Array.from(values).sort();
  const sum = values.reduce((all, value) => all + value, 0);
  const known = (value: number | undefined): number => value ?? Number.NaN;
  return {
    function: fn,
    n,
    done: n,
    total: Math.max(1, n),
    p50: known(sorted[n >> 1]),
    p95: Number.NaN,
    mean: sum / n,
    sum,
    min: known(sorted[0]),
    max: known(sorted[n - 1]),
    values: sorted,
  };
}

describe('functions in the table of statistics', () => {
  const names = functionNames(NAMES);
  const whole = [one(0, [90]), one(1, [10, 20, 30, 40, 50]), one(2, []), one(3, [60])];
  const sortedBy = (column: (typeof statisticsColumns)[number], order: 'asc' | 'desc'): number[] =>
    sortedFunctions(whole, names, { column, order });

  it('begin with the one that took most time in all, and end with those that took none', () => {
    expect(sortedFunctions(whole, names, BY_SUM)).toEqual([1, 0, 3, 2]);
    expect(sortedBy('sum', 'asc')).toEqual([3, 0, 1, 2]);
  });

  it('are sorted by any column, either way, and by name where the figures are equal', () => {
    expect(sortedBy('function', 'asc')).toEqual([0, 1, 2, 3]);
    expect(sortedBy('function', 'desc')).toEqual([3, 2, 1, 0]);
    expect(sortedBy('n', 'desc')).toEqual([1, 0, 2, 3]);
    expect(sortedBy('median', 'desc')).toEqual([0, 3, 1, 2]);
    expect(sortedBy('max', 'desc')).toEqual([0, 3, 1, 2]);
    for (const column of statisticsColumns) expect([...sortedBy(column, 'asc')].sort()).toEqual([0, 1, 2, 3]);
  });

  it('turn round at a second click, and begin with names from A and figures from the largest', () => {
    expect(nextStatisticsSort(BY_SUM, 'sum')).toEqual({ column: 'sum', order: 'asc' });
    expect(nextStatisticsSort(BY_SUM, 'function')).toEqual({ column: 'function', order: 'asc' });
    expect(nextStatisticsSort(BY_SUM, 'max')).toEqual({ column: 'max', order: 'desc' });
  });

  it('have their whole names where all fit, else what tells them apart', () => {
    const measurer = new TextMeasurer((_, text) => text.length * 7);
    const long = functionNames(['NF.SAREK.PREPARE.INDEX', 'NF.SAREK.QC.STATS', 'NF.SAREK.RECALIBRATED.STATS']);
    expect(fittedNames(names, measurer, '', 130)).toEqual(NAMES);
    expect(fittedNames(long, measurer, '', 200)).toEqual(long.map(({ whole: name }) => name));
    expect(fittedNames(long, measurer, '', 84)).toEqual(['INDEX', 'QC.STATS', '…RATED.STATS']);
  });
});

describe('columns of the table of statistics', () => {
  it('are all there in the width that the panel has in a window of 1280', () => {
    const { maxPx, stripPx, namePx } = statisticsWidths(432, 4, true);
    expect(maxPx).toBeGreaterThan(0);
    expect(stripPx).toBeGreaterThan(0);
    expect(namePx).toBeGreaterThan(80);
  });

  it('never take more than the table has, and come one after another', () => {
    let before = 0;
    for (let px = 300; px < 1200; px += 7) {
      const { namePx, figurePx, sharePx, countPx, maxPx, stripPx, p95Px, hasTotals } = statisticsWidths(px, 4, true);
      const all = namePx + 2 * figurePx + sharePx + countPx + maxPx + p95Px + stripPx;
      if (namePx > 0 && px > 330) expect(all).toBeLessThanOrEqual(px);
      const columns = [maxPx, stripPx, p95Px, hasTotals].filter(Boolean).length;
      expect(columns).toBeGreaterThanOrEqual(before);
      before = columns;
    }
    expect(before).toBe(4);
  });
});
