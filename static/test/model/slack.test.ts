import { describe, expect, test } from 'vitest';

import { GraphIndex } from '../../src/model/graph-index';
import { Outcome, type RunTable } from '../../src/model/run-table';
import { slackOf } from '../../src/model/slack';
import type { FakeRow } from '../fake/encode-frame';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun } from '../fake/fake-run';
import { graphOf } from '../fake/graph-of';
import { forSeeds } from '../fake/random';
import { foldOf, tableOf } from '../fake/table-of';

/** An attempt that did nothing but execute. */
function ran(node: number, readyNs: number, fromNs: number, toNs: number, more: Partial<FakeRow> = {}) {
  const times = { readyNs, claimedNs: fromNs, startedNs: fromNs, endedNs: toNs, updatedNs: toNs };
  return { node, worker: 0, slot: node, outcome: Outcome.ok, ...times, ...more };
}

function slacks(rows: readonly Partial<FakeRow>[], tasks: number, edges: [number, number][], nowNs: number): number[] {
  const table = tableOf(rows, { ended: true, nowNs });
  const calls = Array.from({ length: tasks }, (_, i) => `f${i}`);
  const index = new GraphIndex(graphOf(calls, edges), table);
  return calls.map((_, node) => slackOf(index, table, node));
}

describe('slack', () => {
  test('is what the tasks that wait leave', () => {
    const diamond = [ran(0, 0, 0, 10), ran(1, 10, 10, 50), ran(2, 10, 10, 20), ran(3, 50, 50, 60)];
    const edges: [number, number][] = [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 3],
    ];
    expect(slacks(diamond, 4, edges, 60)).toEqual([0, 0, 30, 0]);
  });

  test('is what the next task on the lane leaves, whatever the graph says', () => {
    const shared = [ran(0, 0, 0, 10, { slot: 0 }), ran(1, 0, 10, 30, { slot: 0 }), ran(2, 0, 0, 5, { slot: 1 })];
    expect(slacks(shared, 3, [], 30)).toEqual([0, 0, 25]);
  });

  test('leaves out the lanes of a record of another tool, which may be inferred', () => {
    const rows = [ran(0, 0, 0, 10, { slot: 0 }), ran(1, 0, 10, 30, { slot: 0 })];
    const table = tableOf(rows, { ended: true, nowNs: 30 });
    const recorded = new Proxy(table, { get: (of, name) => (name === 'recorded' ? true : Reflect.get(of, name, of)) });
    expect(slackOf(new GraphIndex(graphOf(['f', 'g']), recorded), recorded, 0)).toBe(20);
  });

  test('grows by the time for which the next task had to wait for its lane anyway', () => {
    // 2 is ready at 10, when 0 is over, but its lane is free only at 25, after 1.
    const queued = [ran(0, 0, 0, 10, { slot: 0 }), ran(1, 0, 0, 25, { slot: 1 }), ran(2, 10, 25, 40, { slot: 1 })];
    expect(slacks(queued, 3, [[0, 2]], 40)).toEqual([15, 0, 0]);
  });

  test('counts earlier attempts and what lies between them', () => {
    const retried = [
      ran(0, 0, 0, 10),
      ran(1, 10, 10, 14, { outcome: Outcome.retrying }),
      ran(1, 20, 20, 30, { attempt: 2 }),
      ran(2, 0, 0, 6, { slot: 1 }),
    ];
    // 2 leaves the lane at 6; the first attempt of 1 takes it at 10.
    expect(slacks(retried, 3, [[0, 1]], 30)).toEqual([0, 0, 4]);
  });

  test('is not known while the run is live, nor of what did not run', () => {
    const table = tableOf([ran(0, 0, 0, 10)]);
    const index = new GraphIndex(graphOf(['f', 'g']), table);
    expect(slackOf(index, table, 0)).toBeNaN();
    const ended = tableOf([ran(0, 0, 0, 10)], { ended: true, nowNs: 10 });
    expect(slackOf(new GraphIndex(graphOf(['f', 'g']), ended), ended, 1)).toBeNaN();
    expect(slackOf(new GraphIndex(graphOf(['f', 'g']), ended), ended, 99)).toBeNaN();
  });

  test('survives a record whose clocks let a lane contradict the graph', () => {
    // 1 waits for 0, and yet was over on the lane before 0 began.
    const contradicting = [ran(1, 0, 0, 10, { slot: 0 }), ran(0, 0, 10, 20, { slot: 0 })];
    for (const ns of slacks(contradicting, 2, [[0, 1]], 20)) expect(ns).toBeGreaterThanOrEqual(0);
  });

  test('is exactly how much a task can be late before the run is, whatever the graph and the lanes', () => {
    forSeeds(25, (random) => {
      const options = { retries: 0.2, workers: random.whole(1, 3), slots: random.whole(1, 3) };
      const run = new FakeRun(randomGraph(random), random, options);
      const table = foldOf(run);
      const index = new GraphIndex(run.graph, table);
      for (let i = 0; i < 10; i++) {
        const { node } = random.pick(run.rows);
        const row = table.rowsOf(node).at(-1)!;
        const slack = slackOf(index, table, node);
        expect(endOfDelayed(index, table, row, slack), `node ${node}`).toBeLessThanOrEqual(run.endNs);
        expect(endOfDelayed(index, table, row, slack + 1), `node ${node}`).toBeGreaterThan(run.endNs);
      }
    });
  });
});

/** When a run would have ended, had one attempt been over later: what follows is moved until nothing moves any more. */
function endOfDelayed(index: GraphIndex, table: RunTable, delayed: number, byNs: number): number {
  const all = Array.from({ length: table.rows }, (_, row) => row);
  const late = new Float64Array(table.rows);
  late[delayed] = byNs;
  const onLaneBefore = all.map((row) => {
    const earlier = all.filter((other) => {
      const isSameLane = table.worker[other] === table.worker[row] && table.slot[other] === table.slot[row];
      return other !== row && isSameLane && table.updatedNs[other]! <= table.claimedNs[row]!;
    });
    return earlier.sort((a, b) => table.updatedNs[a]! - table.updatedNs[b]!).at(-1) ?? -1;
  });
  for (let isMoving = true; isMoving;) {
    isMoving = false;
    for (const row of all) {
      const lane = onLaneBefore[row]!;
      const beganNs = Math.max(table.readyNs[row]!, lane < 0 ? 0 : table.updatedNs[lane]!);
      const siblings = table.rowsOf(table.node[row]!);
      const again = siblings[siblings.indexOf(row) - 1];
      const overNs = (other: number) => table.updatedNs[other]! + late[other]!;
      let beginsNs = lane < 0 ? 0 : overNs(lane);
      if (again !== undefined) beginsNs = Math.max(beginsNs, table.readyNs[row]! + late[again]!);
      else
        for (const parent of index.parents(table.node[row]!))
          beginsNs = Math.max(beginsNs, overNs(table.rowsOf(parent).at(-1)!));
      const isLate = Math.max(late[row]!, beginsNs - beganNs);
      if (isLate > late[row]!) isMoving = true;
      late[row] = isLate;
    }
  }
  return Math.max(...all.map((row) => table.updatedNs[row]! + late[row]!));
}
