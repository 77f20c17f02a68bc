import { describe, expect, it } from 'vitest';

import {
  basisText,
  boundText,
  cellTitle,
  cellValue,
  exactness,
  leastValue,
  leftOutText,
  lowerQuartile,
  shiftOf,
  usualCell,
} from '../../../src/view/pages/insights/statistic';
import { historyPart } from './history-part';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

describe('figures of a row', () => {
  it('shows no percentile of too few tasks, and says how many it needs', () => {
    const few = historyPart('mAdd', 12, 1e6, 2e6);
    expect(cellValue(few, 'p50')).toBe(1e6);
    expect(cellValue(few, 'p90')).toBe(1.8e6);
    expect(cellValue(few, 'p95')).toBeNull();
    expect(cellTitle(few, 'execute_ns', 'p95')).toBe('p95 needs n ≥ 20, there are 12');
    expect(cellTitle(few, 'execute_ns', 'p99')).toBe('p99 needs n ≥ 100, there are 12');
    expect(usualCell(few)).toBe('p50');
    expect(usualCell(historyPart('mAdd', 20, 1e6, 2e6))).toBe('p95');
  });

  it('asks for tasks from the lower end of an estimate on, or it would miss those that it stands for', () => {
    const part = historyPart('pass', 1000, 900, 1002, { p95: { value: 1002, low: 1000, high: 1004 }, max: 1e15 });
    expect(leastValue(part, 'p95')).toBe(1000);
    expect(leastValue(part, 'max')).toBe(1e15);
    expect(leastValue(historyPart('pass', 5, 1, 2), 'p95')).toBeNull();
  });

  it('says which runs have no part, and why', () => {
    expect(leftOutText([])).toBe('');
    expect(
      leftOutText([
        { reason: 'not_measured', runs: 3 },
        { reason: 'unreadable', runs: 1 },
      ]),
    ).toBe(
      '3 runs left out: imported, and their recordings do not say when tasks could start, or how they were placed; ' +
        '1 run left out: damaged, in part or as a whole',
    );
  });

  it('carries the bounds of an approximate figure', () => {
    const part = historyPart('mAdd', 600, 1e6, 2e6, {
      exact: false,
      bound: 0.005,
      p95: { value: 2e6, low: 1.99e6, high: 2.01e6 },
    });
    expect(plain(cellTitle(part, 'execute_ns', 'p95'))).toBe('Between 1.99 ms and 2.01 ms');
    expect(exactness(part)).toContain('within');
    expect(plain(boundText(0.005))).toBe('± 0.5 %');
    expect(exactness(historyPart('mAdd', 5, 1, 2))).toContain('Exact');
    expect(lowerQuartile(part)).toBe(0.9e6);
  });

  it('compares medians, and is loud only about changes that enough tasks support', () => {
    const before = historyPart('mAdd', 40, 1e6, 2e6);
    expect(shiftOf(before, historyPart('mAdd', 40, 1.2e6, 2e6))).toMatchObject({ ratio: 1.2, loud: true });
    expect(shiftOf(before, historyPart('mAdd', 40, 1.04e6, 2e6))?.loud).toBe(false);
    expect(shiftOf(before, historyPart('mAdd', 5, 1.2e6, 2e6))?.loud).toBe(false);
    expect(shiftOf(historyPart('mAdd', 40, 0, 0), before)).toBeUndefined();
    expect(shiftOf(undefined, before)).toBeUndefined();
  });

  it('says what a table rests on', () => {
    expect(basisText([historyPart('a', 1200, 1, 1), historyPart('b', 1, 1, 1)])).toBe('1,201 tasks of 3 runs');
    // No row counts the runs of the others.
    expect(basisText([historyPart('a', 1200, 1, 1), historyPart('b', 1, 1, 1, { runs: 7 })])).toBe(
      '1,201 tasks of at least 7 runs',
    );
  });
});
