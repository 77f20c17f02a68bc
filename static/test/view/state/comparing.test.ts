import { describe, expect, it } from 'vitest';

import { comparisonQuery, LAST_GOOD, setSize } from '../../../src/view/state/comparing.svelte';

describe('the base of a comparison in an address', () => {
  it('is a run, the last good one, or several of them', () => {
    expect(comparisonQuery('a', 'b')).toEqual({ a: 'a', b: 'b' });
    expect(comparisonQuery(LAST_GOOD, 'b')).toEqual({ a: 'b', against: 'last-good' });
    expect(comparisonQuery('last-20', 'b')).toEqual({ a: 'b', last: 20 });
  });

  it('stands for a set where it says how many', () => {
    expect(['last-20', LAST_GOOD, 'last-', 'last-123', '06h30251q1gfg0vk6ccq'].map(setSize)).toEqual([20, 0, 0, 0, 0]);
  });
});
