import { describe, expect, it, test } from 'vitest';

import { rankStep, slackStep } from '../../src/model/colour-steps';
import { durationRankOf } from '../../src/model/duration-rank';
import { GraphIndex } from '../../src/model/graph-index';
import { landmarksOf, nextOf } from '../../src/model/landmarks';
import { Outcome } from '../../src/model/run-table';
import type { FakeRow } from '../fake/encode-frame';
import { graphOf } from '../fake/graph-of';
import { tableOf } from '../fake/table-of';

function ran(node: number, fromNs: number, toNs: number, more: Partial<FakeRow> = {}): Partial<FakeRow> {
  const times = { readyNs: 0, claimedNs: fromNs, startedNs: fromNs, endedNs: toNs, updatedNs: toNs };
  return { node, worker: 0, outcome: Outcome.ok, ...times, ...more };
}

/** 0 ends well, 1 is tried twice, 2 fails, 3 is cached, 4 is lost, 5 is tried again and the run ends before. */
const rows = [
  ran(0, 0, 30),
  ran(1, 0, 8, { outcome: Outcome.retrying }),
  ran(2, 8, 20, { outcome: Outcome.failed }),
  ran(1, 20, 25, { attempt: 2 }),
  ran(3, 25, 90, { outcome: Outcome.cached }),
  ran(4, 3, 4, { outcome: Outcome.lost }),
  ran(5, 40, 50, { outcome: Outcome.retrying }),
];
const graph = graphOf(['a', 'b', 'c', 'd', 'e', 'f', 'g']);

describe('landmarks', () => {
  it('are what failed for good, what was tried again, and what executed longest', () => {
    const ended = tableOf(rows, { ended: true, nowNs: 100 });
    const marks = landmarksOf(new GraphIndex(graph, ended), ended);
    expect(marks).toEqual({ failed: [4, 2, 5], retried: [1], longest: [0, 2, 5, 1, 4] });
    const live = tableOf(rows, { nowNs: 100 });
    expect(landmarksOf(new GraphIndex(graph, live), live).failed).toEqual([4, 2]);
  });

  it('are few of those that took long, however many did', () => {
    const many = Array.from({ length: 200 }, (_, i) => ran(i, 0, 1 + (i % 100)));
    const table = tableOf(many, { ended: true, nowNs: 100 });
    const { longest } = landmarksOf(new GraphIndex(graphOf(many.map(() => 'f')), table), table);
    expect(longest).toHaveLength(50);
    expect(longest.slice(0, 3)).toEqual([99, 199, 98]);
  });

  it('come one after the other, and from the beginning again', () => {
    expect([nextOf([4, 2], -1), nextOf([4, 2], 4), nextOf([4, 2], 2), nextOf([4, 2], 7), nextOf([], 4)]).toEqual([
      4, 2, 4, 4, -1,
    ]);
  });
});

test('the rank of a duration is among the last attempts of all tasks; what was not executed has none', () => {
  const table = tableOf(rows, { ended: true, nowNs: 100 });
  // 1, 5, 10, 12 and 30 ns.
  expect([4, 1, 5, 2, 0].map((node) => durationRankOf(table, node))).toEqual([0, 0.2, 0.4, 0.6, 0.8]);
  expect([3, 6].map((node) => durationRankOf(table, node))).toEqual([NaN, NaN]);
});

test('steps grow with the rank, and as the slack gets less; 0 is not known', () => {
  expect([0, 0.25, 0.6, 0.8, 0.95, 0.99, NaN].map(rankStep)).toEqual([1, 2, 3, 4, 5, 6, 0]);
  expect([0.7, 0.5, 0.3, 0.1, 0.02, 0.001, 0, NaN].map(slackStep)).toEqual([1, 1, 2, 3, 4, 5, 6, 0]);
});
