import { expect, test } from 'vitest';

import type { Trend } from '../../../src/api/schema';
import { changeLines, changeRules, changesBasis } from '../../../src/view/pages/insights/changes';
import { historyPart } from './history-part';

const change = {
  since: '2026-03-12T14:05:00Z',
  run: 'r12',
  previous: 'r11',
  before_n: 11,
  after_n: 20,
  ratio: 1.3,
  low: 1.25,
  high: 1.36,
  p: 0.001,
  with: ['version 4 of blur'],
  text: 'Since 12 March 1.30 × (1.25 to 1.36), with version 4 of blur; 11 runs before, 20 after.',
};
const trend: Trend = {
  workflow: 'w',
  terms: ['n=1000'],
  n: 31,
  others: 4,
  level: 0.02,
  method: '',
  series: [
    { function: '', n: 31, changes: [{ ...change, run: 'r13' }] },
    { function: 'blur', n: 31, changes: [change, { ...change, since: '2026-04-01T00:00:00Z', run: 'r30' }] },
    { function: 'sum', n: 31, changes: [] },
  ],
};

test('the makespan comes first, then the latest changes, and functions lead to their rows', () => {
  const parts = [
    historyPart('blur@3', 9, 1, 2, { function: 'blur' }),
    historyPart('blur@4', 9, 1, 2, { function: 'blur' }),
  ];
  expect(changeLines(trend, parts).map(({ name, key, run }) => [name, key, run])).toEqual([
    ['Makespan', undefined, 'r13'],
    ['blur', 'blur@4', 'r30'],
    ['blur', 'blur@4', 'r12'],
  ]);
});

test('what was searched is said, also where it is too little', () => {
  expect(changesBasis(trend)).toBe(
    '3 changes over 31 runs with n=1000, without 4 with other parameters; at most 2\u00a0% of unchanged histories have any.',
  );
  expect(changesBasis({ ...trend, n: 7, needs: 20, series: [] })).toBe(
    'Changes are looked for from 20 runs with the same parameters on; so far there are 7 runs with n=1000.',
  );
});

test('rules stand before the first day of a change of the function', () => {
  const rules = changeRules(trend, historyPart('blur@4', 9, 1, 2, { function: 'blur' }));
  expect(rules.map(({ x, text }) => [new Date(x * 1000).toISOString(), text])).toEqual([
    ['2026-03-11T12:00:00.000Z', '1.30×'],
    ['2026-03-31T12:00:00.000Z', '1.30×'],
  ]);
  expect(changeRules(trend, historyPart('', 9, 1, 2))).toEqual([]);
  expect(changeRules(undefined, historyPart('blur', 9, 1, 2))).toEqual([]);
});
