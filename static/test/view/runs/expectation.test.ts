import { describe, expect, it } from 'vitest';

import { expectation } from '../../../src/view/pages/runs/expectation';
import { runSummary } from './run-summary';

const run = (seconds: number, n: string, more: Parameters<typeof runSummary>[0] = {}) =>
  runSummary({ makespan_ns: seconds * 1e9, params: { n }, ...more });

describe('what to expect of the next run', () => {
  it('looks at runs with the same parameters alone, however few they are', () => {
    const runs = [...[1, 2, 3, 4, 5].map((s) => run(s, '8')), run(90, '64')];
    expect(expectation(runs, { params: { n: '8' } })).toMatchObject({
      p25Ns: 2e9,
      medianNs: 3e9,
      p75Ns: 4e9,
      alike: true,
    });
    expect(expectation(runs, { params: { n: '64' } })).toMatchObject({ makespansNs: [90e9], alike: true });
  });

  it('distinguishes runs with another input', () => {
    const runs = [1, 9].map((s) => run(s, '8', { params: { n: '8', input: 'x' }, inputs: { input: s * 1000 } }));
    const expected = expectation(runs, { params: { n: '8' }, inputs: { input: 1001 } });
    expect(expected).toMatchObject({ makespansNs: [1e9], alike: true });
  });

  it('else looks at all runs of the workflow and says that they differ', () => {
    const expected = expectation([run(1, '8'), run(2, '8')], { params: { n: '9' } });
    expect(expected).toMatchObject({ makespansNs: [1e9, 2e9], alike: false });
  });

  it('does not predict from what was made up, failed, or paused between two revisions', () => {
    const imported = {
      recorded_ns: 0,
      bytes_in: null,
      bytes_moved: null,
      bytes_out: null,
      cpu_ns: null,
      explained_ns: 1,
      dated: true,
      format: 'WfFormat 1.5',
      system: '',
      incomplete: '',
      notes: [],
      lanes: '',
    };
    const useless = [run(1, '8', { imported }), run(1, '8', { status: 'failed' }), run(70, '8', { revision: 1 })];
    expect(expectation(useless, { params: { n: '8' } })).toBeUndefined();
    expect(expectation([], { params: {} })).toBeUndefined();
  });
});
