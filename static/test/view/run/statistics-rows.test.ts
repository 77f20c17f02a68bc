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
  usableSort,
} from '../../../src/view/state/statistics-rows';

const CONTENT = { countChars: 4, hasP95: true, adds: true, hasCpu: false };
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

  it('are sorted by CPU share, which is not one of the values, with those last of which it is not known', () => {
    expect(sortedFunctions(whole, names, { column: 'cpu', order: 'desc' }, [0.2, Number.NaN, 1.7, 0.4])).toEqual([
      2, 3, 0, 1,
    ]);
    expect(sortedFunctions(whole, names, { column: 'cpu', order: 'asc' }, [0.2, Number.NaN, 1.7, 0.4])).toEqual([
      0, 3, 2, 1,
    ]);
  });

  it('are sorted by the greatest value where values do not add up', () => {
    expect(usableSort(BY_SUM, false)).toEqual({ column: 'max', order: 'desc' });
    expect(usableSort({ column: 'n', order: 'asc' }, false)).toEqual({ column: 'n', order: 'asc' });
    expect(usableSort(BY_SUM, true)).toEqual(BY_SUM);
  });

  it('have their whole names where all fit, else what distinguishes them', () => {
    const measurer = new TextMeasurer((_, text) => text.length * 7);
    const long = functionNames(['NF.SAREK.PREPARE.INDEX', 'NF.SAREK.QC.STATS', 'NF.SAREK.RECALIBRATED.STATS']);
    expect(fittedNames(names, measurer, '', 130)).toEqual(NAMES);
    expect(fittedNames(long, measurer, '', 200)).toEqual(long.map(({ whole: name }) => name));
    const alike = functionNames([
      'AB.FASTQC_TRIM_STATS_ALL',
      'AB.BCFTOOLS_TRIM_STATS_ALL',
      'AB.MULTIQC_STATS_ALL_READS',
    ]);
    const cut = fittedNames(alike, measurer, '', 84);
    expect(new Set(cut).size, 'no two rows read the same').toBe(3);
    expect(fittedNames(long, measurer, '', 84)).toEqual(['INDEX', 'QC.STATS', 'RECALIBRATE…']);
  });

  it('begin where they differ if they would be cut alike', () => {
    const measurer = new TextMeasurer((_, text) => text.length * 6);
    const stages = functionNames([
      'parquet at Accessor.java:0: WriteFiles after WholeStageCodegen (1)',
      'parquet at Accessor.java:0: Exchange after WholeStageCodegen (1)',
      'count at Accessor.java:0: WholeStageCodegen (1)',
      'collect at /app/events.py:102: Exchange after WholeStageCodegen (2)',
      'collect at /app/events.py:111: Exchange after WholeStageCodegen (2)',
      'collect at /app/events.py:111: Exchange after WholeStageCodegen (3)',
    ]);
    expect(fittedNames(stages, measurer, '', 100)).toEqual([
      'parq…Write…n (1)',
      'parq…Excha…n (1)',
      'count at Access…',
      'coll…102: …n (2)',
      'coll…111: …n (2)',
      '…tageCodegen (3)',
    ]);
  });
});

describe('columns of the table of statistics', () => {
  it('are all there in the width that the panel has in a window of 1280', () => {
    const { maxPx, stripPx, namePx } = statisticsWidths(432, CONTENT);
    expect(maxPx).toBeGreaterThan(0);
    expect(stripPx).toBeGreaterThan(0);
    expect(namePx).toBeGreaterThan(80);
    expect(statisticsWidths(432, { ...CONTENT, hasCpu: true }).stripPx).toBeGreaterThan(0);
  });

  it('of sums and shares exist where values add up, and that of CPU shares where any are known', () => {
    const columns = (adds: boolean, hasCpu: boolean): boolean[] => {
      const { sumPx, sharePx, cpuPx } = statisticsWidths(600, { ...CONTENT, adds, hasCpu });
      return [sumPx > 0, sharePx > 0, cpuPx > 0];
    };
    expect(columns(true, false)).toEqual([true, true, false]);
    expect(columns(false, true)).toEqual([false, false, true]);
  });

  it.each([CONTENT, { ...CONTENT, hasCpu: true }])(
    'never take more than the table has, and come in turn',
    (content) => {
      let before = 0;
      for (let px = 300; px < 1200; px += 7) {
        const { hasTotals, ...widths } = statisticsWidths(px, content);
        const { namePx, maxPx, stripPx, p95Px } = widths;
        const all = Object.values(widths).reduce((sum, one) => sum + one);
        if (namePx > 0 && px > 380) expect(all).toBeLessThanOrEqual(px);
        const columns = [maxPx, stripPx, p95Px, hasTotals].filter(Boolean).length;
        expect(columns).toBeGreaterThanOrEqual(before);
        before = columns;
      }
      expect(before).toBe(4);
    },
  );
});
