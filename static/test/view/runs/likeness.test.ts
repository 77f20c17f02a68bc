import { describe, expect, it } from 'vitest';

import { isLike, peersAmong, sizeClass } from '../../../src/view/pages/runs/likeness';
import { expectedMakespanNs } from '../../../src/view/pages/runs/expectation';
import { runSummary } from './run-summary';

const at = (minute: number): string => new Date(Date.UTC(2026, 10, 22, 4, minute)).toISOString();
const run = (minute: number, n: string, more: Parameters<typeof runSummary>[0] = {}) =>
  runSummary({
    run: `r${minute}`,
    started_at: at(minute),
    params: { n, work: '1ms' },
    makespan_ns: minute * 1e9,
    ...more,
  });

describe('runs like another', () => {
  it('are those before it with the same parameters, that succeeded and were never continued', () => {
    const runs = [
      run(1, '1000'),
      run(2, '8'),
      run(3, '1000', { status: 'failed' }),
      run(4, '1000', { revision: 1 }),
      run(5, '1000'),
      run(7, '1000'),
    ];
    expect(peersAmong(runs, run(6, '1000')).map((one) => one.run)).toEqual(['r1', 'r5']);
    expect(peersAmong(runs, run(5, '1000')).map((one) => one.run)).toEqual(['r1']);
  });

  it('had files of the same class of size, whatever they are called', () => {
    const like = (bytes: number, text: string) =>
      isLike(
        { params: { input: 'a.txt' }, inputs: { input: 70_000 } },
        { params: { input: text }, inputs: { input: bytes } },
      );
    expect([like(80_000, 'b.txt'), like(65_536, 'a.txt'), like(131_072, 'a.txt')]).toEqual([true, true, false]);
    expect(isLike({ params: {}, inputs: { input: 1 } }, { params: {} })).toBe(false);
    expect([0, 1, 2, 3, 4, 1023, 1024].map(sizeClass)).toEqual([0, 1, 2, 2, 3, 10, 11]);
  });

  it('say what is left of a live run only where there are enough of them', () => {
    const others = [1, 2, 3, 4].map((minute) => run(minute, '8'));
    expect(expectedMakespanNs(others)).toBeUndefined();
    expect(expectedMakespanNs([...others, run(5, '8')])).toBe(3e9);
  });
});
