import { describe, expect, it } from 'vitest';

import {
  allRules,
  changedRules,
  parseBytes,
  ruleField,
  ruleFigures,
  ruleProblems,
  rulesOf,
  rulesText,
  type RuleValues,
} from '../../../src/view/pages/runs/rules';

describe('the rules of placement', () => {
  const some: RuleValues = {
    off: new Set(['store_all', 'no_become']),
    figures: { cluster_bytes: '8 MiB', hold_for_ns: ' 1m30s ', invokers: '4', poison_after: '' },
  };

  it('say nothing while they are as they would be', () => {
    expect([changedRules(allRules), rulesOf(allRules), rulesText(allRules)]).toEqual([0, undefined, '']);
  });

  it('are sent where they differ, and written for a terminal', () => {
    expect(rulesOf(some)).toEqual({
      no_become: true,
      store_all: true,
      cluster_bytes: 8 << 20,
      hold_for_ns: 90e9,
      invokers: 4,
    });
    expect(changedRules(some)).toBe(5);
    expect(rulesText(some)).toBe('no-become,store-all,cluster=8MiB,hold=1m30s,invokers=4');
  });

  it('say at each figure what is wrong with it', () => {
    const wrong = Object.fromEntries(ruleFigures.map(({ name }) => [name, 'much']));
    const problems = ruleProblems({ off: new Set(), figures: wrong });
    expect(Object.keys(problems)).toEqual(ruleFigures.map(({ name }) => ruleField(name)));
    expect(problems['rules.cluster_bytes']).toBe('Expected a size such as 4MiB');
    expect(Object.keys(ruleProblems({ off: new Set(), figures: { invokers: '0', hold_for_ns: '0s' } }))).toHaveLength(
      2,
    );
    expect(ruleProblems(some)).toEqual({});
  });

  it('have defaults that they could be given', () => {
    const standard = Object.fromEntries(ruleFigures.map(({ name, standard }) => [name, standard]));
    expect(ruleProblems({ off: new Set(), figures: standard })).toEqual({});
  });

  it.each([
    ['4MiB', 4 << 20],
    ['16 KiB', 16 << 10],
    ['1.5gib', 1.5 * 2 ** 30],
    ['500', 500],
    ['500b', 500],
    ['0', 0],
    ['', undefined],
    ['4 MB', undefined],
    ['-1KiB', undefined],
  ])('read %j as bytes', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });
});
