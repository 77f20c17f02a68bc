import { describe, expect, it } from 'vitest';

import { expectation } from '../../../src/view/pages/runs/expectation';
import { runSummary } from './run-summary';

const imported = { format: 'WfFormat 1.5', recorded_ns: 1, explained_ns: 1, dated: true, lanes: '' };
const run = (seconds: number, n: string) => runSummary({ makespan_ns: seconds * 1e9, params: { n } });

describe('what to expect of the next run', () => {
  it('looks at runs with the same parameters where there are enough of them', () => {
    const runs = [...[1, 2, 3, 4, 5].map((s) => run(s, '8')), run(90, '64')];
    const expected = expectation(runs, { n: '8' });
    expect(expected).toMatchObject({ p25Ns: 2e9, medianNs: 3e9, p75Ns: 4e9, alike: true });
  });

  it('else looks at all runs of the workflow and says that they differ', () => {
    const expected = expectation([run(1, '8'), run(2, '8'), run(90, '64')], { n: '8' });
    expect(expected?.alike).toBe(false);
    expect(expected?.makespansNs).toEqual([1e9, 2e9, 90e9]);
  });

  it('counts a single run like it as like it', () => {
    expect(expectation([run(1, '8')], { n: '8' })?.alike).toBe(true);
  });

  it('does not predict from schedules that were made up', () => {
    expect(expectation([runSummary({ imported })], {})).toBeUndefined();
    expect(expectation([], {})).toBeUndefined();
  });
});
