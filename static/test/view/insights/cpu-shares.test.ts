import { expect, it } from 'vitest';

import { cpuSharesOf } from '../../../src/view/pages/insights/insights.svelte';
import { historyPart } from './history-part';

it('CPU shares are of the rows in which the CPU time of every task is known', () => {
  const cpu = [
    historyPart('waits', 4, 1e9, 1e9, { sum: 1e9 }),
    historyPart('in part', 3, 1e9, 1e9, { sum: 3e9 }),
    historyPart('two cores', 2, 1e9, 1e9, { sum: 8e9 }),
    historyPart('no time', 1, 0, 0, { sum: 0 }),
  ];
  const execute = [
    historyPart('no time', 1, 0, 0, { sum: 0 }),
    historyPart('two cores', 2, 1e9, 1e9, { sum: 4e9 }),
    historyPart('in part', 4, 1e9, 1e9, { sum: 4e9 }),
    historyPart('waits', 4, 1e9, 1e9, { sum: 20e9 }),
    historyPart('unknown', 4, 1e9, 1e9, { sum: 20e9 }),
  ];
  expect([...cpuSharesOf(cpu, execute)]).toEqual([
    ['waits', 0.05],
    ['two cores', 2],
  ]);
});
