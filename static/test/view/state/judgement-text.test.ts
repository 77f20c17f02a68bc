import { expect, test } from 'vitest';

import type { JudgedFunction, Judgement, Outliers } from '../../../src/api/schema';
import { functionsText, judgedName, outliersText, standingText } from '../../../src/view/state/judgement-text';

const blur: JudgedFunction = {
  function: 'blur',
  version: 2,
  tasks: 40,
  median_ns: 1.4e9,
  exact: true,
  bound: 0,
  n: 30,
  slower_than: 30,
  slower: 0,
  peers_median_ns: 1e9,
  ratio: 1.4,
  limit_ns: 1.2e9,
  slow: true,
};
const outliers: Outliers = {
  method: '',
  runs: 30,
  tasks: 1200,
  n: 40,
  unjudged: 1,
  needs: 100,
  found: 3,
  expected: 0.4,
  outliers: [],
};

function judgement(functions: JudgedFunction[]): Judgement {
  return {
    run: 'r',
    peers: 'same',
    terms: [],
    n: 30,
    makespan: {
      makespan_ns: 1,
      level: 0.02,
      method: '',
      slower_than: 0,
      slower: 0,
      peers_median_ns: null,
      ratio: null,
      limit_ns: null,
      slow: false,
    },
    functions: { level: 0.02, method: '', slow: functions.filter((one) => one.slow).length, functions },
    outliers,
  };
}

test('functions are named where they are slow', () => {
  const usual = { ...blur, slow: false, function: 'sum', version: 0 };
  const few = { ...usual, n: 7, needs: 25, limit_ns: null };
  expect(judgedName(blur)).toBe('blur@2');
  expect(functionsText(judgement([blur, usual]))).toBe(
    'Slower than usual: blur@2 (1.40×). Of unchanged runs at most 2\u00a0% have any slow function.',
  );
  expect(functionsText(judgement([usual, few]))).toBe(
    'No function is slower than usual; 1 function not judged, as too few runs have it. Of unchanged runs at most 2\u00a0% have any slow function.',
  );
  expect(functionsText(judgement([few]))).toBe('Not enough runs to call a function slow: there are 30, it takes 25.');
  expect(standingText(blur)).toBe('30 of 30');
  expect(standingText({ ...blur, n: 0 })).toBe('–');
});

test('outliers are counted next to what chance gives', () => {
  expect(outliersText(outliers)).toBe(
    '3 of 40 tasks took longer than the 99th percentile of tasks like them in 30 earlier runs; chance alone gives 0.4. 1 task has fewer than 100 like it.',
  );
  expect(outliersText({ ...outliers, n: 0, unjudged: 41 })).toBe(
    'No task is judged. 41 tasks have fewer than 100 like them.',
  );
});
