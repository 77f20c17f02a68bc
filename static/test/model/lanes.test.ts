import { describe, expect, test } from 'vitest';

import { busyNs, busyShare, placeAt, visibleRows } from '../../src/model/lanes';
import { lanesOf } from '../../src/model/run-lanes';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun } from '../fake/fake-run';
import { forSeeds } from '../fake/random';
import { foldOf, tableOf } from '../fake/table-of';

const attempt = (worker: number, slot: number, claimedNs: number, updatedNs: number) => ({
  worker,
  slot,
  claimedNs,
  updatedNs,
  outcome: 1,
});

describe('lanes', () => {
  const table = tableOf([
    attempt(1, 0, 50, 60),
    attempt(0, 1, 10, 30),
    attempt(0, 0, 0, 20),
    attempt(0, 1, 0, 10),
    attempt(0, 1, 40, NaN),
    { readyNs: 5 },
  ]);

  test('find what took no time at the moment at which it began', () => {
    const instants = tableOf([attempt(0, 0, 0, 0), attempt(0, 0, 0, 4), attempt(0, 0, 4, 4)]);
    const lane = lanesOf(instants).lanes[0]!;
    expect(visibleRows(lane, 0, 4)).toEqual({ from: 0, to: 2 });
    expect(visibleRows(lane, 4, 8)).toEqual({ from: 2, to: 3 });
    expect(visibleRows(lane, 5, 8)).toEqual({ from: 3, to: 3 });
  });

  test('stand by worker and slot, attempts by claim', () => {
    const { workers, lanes } = lanesOf(table);
    expect(workers.map(({ worker, slots }) => [worker, slots.map((lane) => lane.slot)])).toEqual([
      [0, [0, 1]],
      [1, [0]],
    ]);
    expect(lanes.map((lane) => [...lane.rows])).toEqual([[2], [3, 1, 4], [0]]);
    expect([...lanes[1]!.endNs]).toEqual([10, 30, Infinity]);
  });

  test('exist before their first attempt where the number of slots is known', () => {
    const { lanes } = lanesOf(
      table,
      new Map([
        [0, 3],
        [7, 1],
      ]),
    );
    expect(lanes.map((lane) => [lane.worker, lane.slot, lane.rows.length])).toEqual([
      [0, 0, 1],
      [0, 1, 3],
      [0, 2, 0],
      [1, 0, 1],
      [7, 0, 0],
    ]);
  });

  test('stay the same objects where nothing is known that they do not show', () => {
    const slots = new Map([[0, 2]]);
    expect(lanesOf(table, slots, new Map([[0, 2]]))).toBe(lanesOf(table));
    const marked = lanesOf(table, slots, new Map([[0, 1]]));
    expect(marked.lanes.map((lane) => lane.extra)).toEqual([false, true, false]);
    expect(marked.lanes[0]).toBe(lanesOf(table).lanes[0]);
    const more = lanesOf(table, new Map([[0, 3]]));
    expect(more.lanes.map((lane) => lane.index)).toEqual([0, 1, 2, 3]);
    expect(more.lanes[0]).toBe(marked.lanes[0]);
  });

  test('say what is in sight and which attempt holds them', () => {
    const lane = lanesOf(table).lanes[1]!;
    expect(visibleRows(lane, 30, 40)).toEqual({ from: 2, to: 2 });
    expect(visibleRows(lane, 29, 41)).toEqual({ from: 1, to: 3 });
    expect(visibleRows(lane, 1000, 2000)).toEqual({ from: 2, to: 3 });
    expect([0, 9, 10, 30, 39, 40].map((atNs) => placeAt(lane, atNs))).toEqual([0, 0, 1, -1, -1, 2]);
    expect(busyShare(lane, 40)).toBe(0.75);
    expect(busyShare(lane, 0)).toBe(0);
  });

  test('of an ended run end with it', () => {
    const ended = tableOf([attempt(0, 0, 40, NaN)], { nowNs: 100, ended: true });
    expect([...lanesOf(ended).lanes[0]!.endNs]).toEqual([100]);
  });

  test('count time once where clocks disagree', () => {
    const { lanes } = lanesOf(tableOf([attempt(0, 0, 0, 50), attempt(0, 0, 10, 30), attempt(0, 0, 45, 60)]));
    expect([5, 20, 47, 55, 100].map((atNs) => busyNs(lanes[0]!, atNs))).toEqual([5, 20, 47, 55, 60]);
    expect(visibleRows(lanes[0]!, 40, 42)).toEqual({ from: 0, to: 2 });
  });
});

test('what is in sight is what touches the window, and busy time adds up', () => {
  forSeeds(30, (random) => {
    const run = new FakeRun(randomGraph(random), random, { workers: random.whole(1, 3), slots: random.whole(1, 3) });
    const { lanes } = lanesOf(foldOf(run));
    const a = random.whole(0, run.endNs);
    const b = random.whole(0, run.endNs);
    const [fromNs, toNs] = [Math.min(a, b), Math.max(a, b) + 1];
    for (const lane of lanes) {
      const { from, to } = visibleRows(lane, fromNs, toNs);
      const touching = [...lane.rows.keys()].filter((i) => lane.startNs[i]! < toNs && lane.endNs[i]! > fromNs);
      expect([...lane.rows.keys()].slice(from, to)).toEqual(touching);
      let busy = 0;
      lane.rows.forEach((_, i) => (busy += Math.max(0, Math.min(lane.endNs[i]!, fromNs) - lane.startNs[i]!)));
      expect(busyNs(lane, fromNs)).toBeCloseTo(busy, 3);
    }
    expect(lanes.reduce((n, lane) => n + lane.rows.length, 0)).toBe(run.rows.filter((r) => r.worker !== 0xffff).length);
  });
});
