import { describe, expect, it } from 'vitest';

import { peersText } from '../../../src/view/state/peers-text';

const peers = (runs: number, terms: string[], scope: 'same' | 'workflow' = 'same') => ({
  runs,
  terms,
  scope,
  workflow: 'tree-reduction',
});

describe('the words for peers', () => {
  it('name what they have in common', () => {
    expect(peersText(peers(12, ['n=1000', 'work=1ms']))).toBe('12 earlier runs with n=1000 and work=1ms');
    expect(peersText(peers(1, ['n=8']))).toBe('1 earlier run with n=8');
    expect(peersText(peers(0, ['n=8']))).toBe('no earlier runs with n=8');
    expect(peersText(peers(3, []))).toBe('3 earlier runs of tree-reduction');
    expect(peersText(peers(40, [], 'workflow'))).toBe('40 earlier runs of tree-reduction, whatever their parameters');
  });

  it('do not name more than a line holds', () => {
    const many = ['a=1', 'b=2', 'c=3', 'd=4', 'e=5', 'f=6'];
    expect(peersText(peers(7, many))).toBe('7 earlier runs with a=1, b=2, c=3, d=4 and 2 more parameters');
  });
});
