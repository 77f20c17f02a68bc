import { describe, expect, it } from 'vitest';

import { againstNames, rangesOf } from '../../../src/view/pages/insights/ranges';

const now = Date.parse('2026-11-22T15:30:00Z');

describe('stretches of time', () => {
  it('are whole days of UTC, today included, so that a question asked twice is the same', () => {
    const { whole } = rangesOf('7d', 'none', now);
    expect(whole).toEqual({ from: '2026-11-16T00:00:00Z', to: '2026-11-23T00:00:00Z' });
    expect(rangesOf('7d', 'none', now + 3_600_000).whole).toEqual(whole);
  });

  it('meet without a gap or an overlap', () => {
    const half = rangesOf('30d', 'half', now);
    expect(half.earlier!.from).toBe(half.whole.from);
    expect(half.earlier!.to).toBe(half.later!.from);
    expect(half.later!.to).toBe(half.whole.to);
    const before = rangesOf('30d', 'before', now);
    expect(before.earlier!.to).toBe(before.later!.from);
    expect(before.earlier!.from).toBe('2026-09-24T00:00:00Z');
  });

  it('offers nothing that does not exist', () => {
    expect(rangesOf('all', 'before', now)).toEqual({ whole: {}, later: undefined, earlier: undefined });
    expect(againstNames('all').map((one) => one.value)).toEqual(['none']);
    expect(againstNames('1d').map((one) => one.value)).toEqual(['none', 'before']);
    expect(againstNames('30d').at(-1)).toEqual({ value: 'half', label: 'its first 15 days' });
  });
});
