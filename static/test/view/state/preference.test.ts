import { describe, expect, it } from 'vitest';

import { type Keep, keepOf, recall, remember } from '../../../src/view/state/preference';

const map = (): Keep => {
  const kept = new Map<string, string>();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
};

const broken: Keep = {
  getItem: () => {
    throw new Error('denied');
  },
  setItem: () => {
    throw new Error('full');
  },
};

describe('remembered choices', () => {
  it('come back, unless they are not known any more', () => {
    const keep = map();
    remember(keep, 'k', 'dark');
    expect(recall(keep, 'k', ['light', 'dark'], 'light')).toBe('dark');
    expect(recall(keep, 'k', ['light', 'sepia'], 'light')).toBe('light');
  });

  it('do without a storage that fails or is denied', () => {
    remember(broken, 'k', 'dark');
    expect(recall(broken, 'k', ['light', 'dark'], 'light')).toBe('light');
    const denied = {
      get localStorage(): Storage {
        throw new Error('denied');
      },
    };
    expect(keepOf(denied).getItem('k')).toBeNull();
  });
});
