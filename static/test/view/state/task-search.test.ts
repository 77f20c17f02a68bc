import { describe, expect, it } from 'vitest';

import { rankOf, wordsOf } from '../../../src/view/state/task-search';

const best = (text: string, names: readonly string[]): string[] =>
  names
    .map((name) => ({ name, rank: rankOf(name, wordsOf(text)) }))
    .filter((one): one is { name: string; rank: number } => one.rank !== undefined)
    .sort((a, b) => a.rank - b.rank)
    .map(({ name }) => name);

describe('the search for tasks', () => {
  it('finds the words of a name in any order, the whole ones first', () => {
    const names = ['mProject[128]', 'mDiffFit[28]', 'mProject[28]', 'mProject[2]'];
    expect(best('mproject 28', names)).toEqual(['mProject[28]', 'mProject[128]']);
    expect(best('28 MPROJECT', names)).toEqual(['mProject[28]', 'mProject[128]']);
    expect(best('mProject[28]', names)).toEqual(['mProject[28]', 'mProject[128]']);
  });

  it('puts what begins so before what only has it within', () => {
    expect(best('add', ['padded[1]', 'adder[1]', 'add[1]'])).toEqual(['add[1]', 'adder[1]', 'padded[1]']);
  });

  it('finds nothing where a word is missing or nothing is asked for', () => {
    expect(best('sort merge', ['sort[1]'])).toEqual([]);
    expect(best(' [ ', ['sort[1]'])).toEqual([]);
  });
});
