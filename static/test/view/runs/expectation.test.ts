import { describe, expect, it } from 'vitest';

import { expectation, outlook } from '../../../src/view/pages/runs/expectation';
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

describe('the outlook', () => {
  const past = expectation(
    [1, 2, 3, 4, 5].map((s) => run(s, '8')),
    { params: { n: '8' } },
  )!;
  const prediction = {
    workflow: 'w',
    peers: 'same' as const,
    terms: [],
    runs: 23,
    runs_like: 23,
    min_runs: 5,
    makespan: { p10_ns: 3.9e9, p50_ns: 4.2e9, p90_ns: 5.1e9 },
    method: 'm',
    tasks: 60,
    simulated: 400,
    calibration: { runs: 18, within_p90: 17, below_p10: 1 },
    functions: [],
    transfers: [],
    notes: [],
  };
  const plain = (text: string | undefined): string => (text ?? '').replaceAll('\u00a0', ' ');

  it('is what the service predicts, with the runs that it comes from and its record', () => {
    const next = outlook(past, prediction);
    expect(next).toMatchObject({ lowNs: 3.9e9, highNs: 5.1e9, medianNs: 4.2e9, band: [3.9e9, 5.1e9] });
    expect(plain(next.line)).toBe('Expected 4.20 s, p10 to p90 above, from 23 runs like this');
    expect(next.notes).toEqual(['17 of the last 18 took at most their p90; nine in ten should.']);
    const other = outlook(past, { ...prediction, peers: 'workflow' });
    expect(plain(other.line)).toContain('from 23 runs with other parameters');
    expect(other.notes).toEqual(['Nothing shows how far this is off.']);
  });

  it('is else what past runs took, and says why nothing is predicted', () => {
    expect(plain(outlook(past, undefined).line)).toBe('p25 to p75 of 5 runs like this; median 3.00 s');
    const { makespan, ...none } = prediction;
    expect(makespan.p50_ns).toBe(4.2e9);
    const few = outlook(expectation([run(1, '8')], { params: { n: '8' } })!, {
      ...none,
      missing: 'not enough runs: 1',
    });
    expect(few).toMatchObject({ lowNs: 1e9, highNs: 1e9, band: undefined, line: 'The one run like this so far' });
    expect(few.notes).toEqual(['Nothing is predicted: not enough runs: 1.']);
  });
});
