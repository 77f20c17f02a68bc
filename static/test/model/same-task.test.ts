import { describe, expect, it } from 'vitest';

import { GraphIndex } from '../../src/model/graph-index';
import { findMark, markOf, nsBetween } from '../../src/model/same-task';
import { graphOf } from '../fake/graph-of';
import { tableOf } from '../fake/table-of';

/** A run of tasks that call one of two functions, from one moment to another. */
function run(tasks: readonly (readonly [string, number, number])[]) {
  const table = tableOf(tasks.map(([, startedNs, endedNs], node) => ({ node, startedNs, endedNs })));
  return { index: new GraphIndex(graphOf(tasks.map(([name]) => name)), table), table };
}

describe('a task of a recording', () => {
  const before = run([
    ['cut', 5, 9],
    ['sew', 5, 9],
    ['sew', 6, 9],
  ]);
  const after = run([
    ['sew', 0, 20],
    ['sew', 15, 19],
    ['cut', 15, 19],
    ['sew', 16, 19],
  ]);

  it('is found in a longer one that began earlier', () => {
    const found = [0, 1, 2].map((node) => {
      const mark = markOf(before.index, before.table, node)!;
      return findMark(after.index, after.table, mark, 10);
    });
    expect(found).toEqual([2, 1, 3]);
  });

  it('is not taken for another one', () => {
    const mark = markOf(before.index, before.table, 0)!;
    expect(findMark(after.index, after.table, mark, 9)).toBe(-1);
    expect(markOf(before.index, tableOf([]), 0)).toBeUndefined();
  });
});

describe('the time between moments', () => {
  it('has nanoseconds', () => {
    expect(nsBetween('2026-03-01T12:00:00.123456789Z', '2026-03-01T12:00:01.123456791Z')).toBe(1_000_000_002);
    expect(nsBetween('2026-03-01T12:00:01Z', '2026-03-01T12:00:00.999999999Z')).toBe(-1);
    expect(nsBetween('2026-03-01T12:00:00.5Z', '2026-03-01T13:00:00.6+01:00')).toBe(100_000_000);
  });
});
