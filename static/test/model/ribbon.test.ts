import { expect, test } from 'vitest';

import { GraphIndex } from '../../src/model/graph-index';
import { firstAfter } from '../../src/model/order';
import { mostReadyOf, profileBuckets, profileOf } from '../../src/model/ribbon';
import { countStates } from '../../src/model/state-counts';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun } from '../fake/fake-run';
import { forSeeds } from '../fake/random';
import { foldOf, tableOf } from '../fake/table-of';

test('a profile is the number of attempts in each phase, from moment to moment', () => {
  const table = tableOf([
    { readyNs: 0, claimedNs: 10, startedNs: 20, endedNs: 30, updatedNs: 40, outcome: 1 },
    { node: 1, readyNs: 5, claimedNs: 25 },
  ]);
  const { atNs, ready, moving, running } = profileOf(table);
  const at = (column: Float64Array) => [...column];
  expect(at(atNs)).toEqual([0, 5, 10, 20, 25, 30, 40]);
  expect(at(ready)).toEqual([1, 2, 1, 1, 0, 0, 0]);
  expect(at(moving)).toEqual([0, 0, 1, 0, 1, 2, 1]);
  expect(at(running)).toEqual([0, 0, 0, 1, 1, 0, 0]);
});

test('the profile agrees with the states of tasks', () => {
  forSeeds(20, (random) => {
    const run = new FakeRun(randomGraph(random), random, { retries: 0.2, isCut: random.chance(0.3) });
    const table = foldOf(run);
    const index = new GraphIndex(run.graph, table);
    const profile = profileOf(table);
    for (let i = 0; i < 20; i++) {
      const atNs = random.whole(0, run.endNs - 1);
      const counts = countStates(index, table, atNs);
      const place = firstAfter(profile.atNs, atNs) - 1;
      expect(profile.running[place]).toBe(counts.running);
      expect(profile.moving[place]).toBe(counts.fetching + counts.storing);
      // Those that wait until they may be tried again are retrying before they are ready.
      expect(profile.ready[place]).toBeLessThanOrEqual(counts.ready + counts.retrying);
      expect(profile.ready[place]).toBeGreaterThanOrEqual(counts.ready);
    }
  });
});

test('the most that were ready at once is the greatest of the profile', () => {
  forSeeds(30, (random) => {
    const run = new FakeRun(randomGraph(random), random, { retries: 0.2, isCut: random.chance(0.3) });
    const table = foldOf(run);
    expect(mostReadyOf(table)).toBe(Math.max(...profileOf(table).ready));
  });
  const follow = [
    { readyNs: 0, claimedNs: 10 },
    { node: 1, readyNs: 10, claimedNs: 20 },
    { node: 2, readyNs: 15, claimedNs: 15 },
  ];
  expect([mostReadyOf(tableOf(follow)), mostReadyOf(tableOf([]))]).toEqual([1, 0]);
});

test('buckets keep the time of every attempt: their totals are those of the rows', () => {
  forSeeds(30, (random) => {
    const run = new FakeRun(randomGraph(random), random);
    const table = foldOf(run);
    const count = random.whole(1, 50);
    const stepNs = Math.ceil((run.endNs + 1) / count);
    const buckets = profileBuckets(table, 0, stepNs, count, Infinity);
    const total = (column: Float64Array) => column.reduce((sum, mean) => sum + mean * stepNs, 0);
    const rows = (of: (row: (typeof run.rows)[number]) => number) => run.rows.reduce((sum, row) => sum + of(row), 0);
    expect(total(buckets.ready)).toBeCloseTo(
      rows((r) => r.claimedNs - r.readyNs),
      0,
    );
    expect(total(buckets.running)).toBeCloseTo(
      rows((r) => r.endedNs - r.startedNs),
      0,
    );
    expect(total(buckets.moving)).toBeCloseTo(
      rows((r) => r.startedNs - r.claimedNs + r.updatedNs - r.endedNs),
      0,
    );
  });
});

test('a bucket is the mean of the profile over it, in any window', () => {
  forSeeds(30, (random) => {
    const run = new FakeRun(randomGraph(random), random);
    const table = foldOf(run);
    const profile = profileOf(table);
    const fromNs = random.whole(-1000, run.endNs);
    const stepNs = random.whole(1, run.endNs);
    const untilNs = random.chance(0.5) ? Infinity : random.whole(0, run.endNs);
    const buckets = profileBuckets(table, fromNs, stepNs, 4, untilNs);
    for (let i = 0; i < 4; i++) {
      let sum = 0;
      for (let p = 0; p < profile.length; p++) {
        const a = Math.max(profile.atNs[p]!, fromNs + i * stepNs);
        const b = Math.min(profile.atNs[p + 1] ?? Infinity, fromNs + (i + 1) * stepNs, untilNs);
        if (a < b) sum += profile.running[p]! * (b - a);
      }
      expect(buckets.running[i]).toBeCloseTo(sum / stepNs, 6);
    }
  });
});

test('an attempt that has not ended fills its buckets up to now, and no further', () => {
  const table = tableOf([{ readyNs: 0, claimedNs: 0, startedNs: 10 }]);
  expect([...profileBuckets(table, 0, 10, 5, 25).running]).toEqual([0, 1, 0.5, 0, 0]);
});
