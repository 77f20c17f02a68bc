import { describe, expect, test } from 'vitest';

import { criticalPathOf } from '../../src/model/critical-path';
import { GraphIndex } from '../../src/model/graph-index';
import { RunFold } from '../../src/model/run-fold';
import { Outcome, RowFlag } from '../../src/model/run-table';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun } from '../fake/fake-run';
import { graphOf } from '../fake/graph-of';
import { forSeeds } from '../fake/random';
import { applyRows, foldOf, tableOf } from '../fake/table-of';

const row = (node: number, [readyNs, claimedNs, startedNs, endedNs, updatedNs]: number[]) => ({
  node,
  readyNs: readyNs!,
  claimedNs: claimedNs!,
  startedNs: startedNs!,
  endedNs: endedNs!,
  updatedNs: updatedNs!,
  outcome: Outcome.ok,
});

/** load → blur (slow) and grey (quick) → merge; blur is tried twice. */
const graph = graphOf(
  ['load', 'blur', 'grey', 'merge'],
  [
    [0, 1],
    [0, 2],
    [1, 3],
    [2, 3],
  ],
);
const rows = [
  { ...row(0, [0, 5, 10, 20, 22]), fetchNs: 2, flags: RowFlag.stored },
  { ...row(1, [22, 24, 25, 30, 30]), outcome: Outcome.retrying },
  row(2, [22, 22, 23, 33, 33]),
  { ...row(1, [40, 42, 45, 60, 61]), attempt: 2 },
  { ...row(3, [61, 61, 65, 90, 95]), fetchNs: 4 },
];
const ended = { ended: true, nowNs: 100 };

describe('the critical path', () => {
  test('has the tasks that took no time', () => {
    const chain = graphOf(
      ['fetch', 'index', 'align', 'report'],
      [
        [0, 1],
        [1, 2],
        [2, 3],
      ],
    );
    const cached = [row(0, [0, 0, 0, 0, 0]), row(1, [0, 0, 0, 0, 0]), row(2, [0, 0, 0, 4, 4]), row(3, [4, 4, 4, 4, 4])];
    const table = tableOf(cached, { ended: true, nowNs: 4 });
    const path = criticalPathOf(new GraphIndex(chain, table), table)!;
    expect(path.steps.map((step) => step.node)).toEqual([0, 1, 2, 3]);
    expect(path.totalNs).toBe(4);
  });

  test('does not call it waiting where a recording does not say what a task waited for', () => {
    const two = graphOf(['load', 'store'], [[0, 1]]);
    const fold = new RunFold();
    applyRows(fold, [row(0, [0, 0, 0, 10, 10]), row(1, [50, 53, 53, 60, 60])], { ended: true, nowNs: 60 });
    expect(criticalPathOf(new GraphIndex(two, fold.table), fold.table)!.phases).toMatchObject({
      unreadyNs: 0,
      queueNs: 43,
    });
    fold.markRecorded();
    const path = criticalPathOf(new GraphIndex(two, fold.table), fold.table)!;
    expect(path.phases).toMatchObject({ unreadyNs: 40, queueNs: 3, executeNs: 17 });
    expect(path.totalNs).toBe(60);
  });

  test('goes back over the parent that ended last, by phase', () => {
    const table = tableOf(rows, ended);
    const path = criticalPathOf(new GraphIndex(graph, table), table)!;
    expect(path.steps).toEqual([
      {
        node: 0,
        row: 0,
        fromNs: 5,
        toNs: 22,
        againNs: 0,
        backoffNs: 0,
        stoodNs: 0,
        unreadyNs: 0,
        queueNs: 0,
        waitNs: 3,
        fetchNs: 2,
        executeNs: 10,
        storeNs: 2,
        updateNs: 0,
        totalNs: 17,
      },
      {
        node: 1,
        row: 3,
        fromNs: 22,
        toNs: 61,
        againNs: 6,
        backoffNs: 10,
        stoodNs: 0,
        unreadyNs: 0,
        queueNs: 4,
        waitNs: 3,
        fetchNs: 0,
        executeNs: 15,
        storeNs: 0,
        updateNs: 1,
        totalNs: 39,
      },
      {
        node: 3,
        row: 4,
        fromNs: 61,
        toNs: 95,
        againNs: 0,
        backoffNs: 0,
        stoodNs: 0,
        unreadyNs: 0,
        queueNs: 0,
        waitNs: 0,
        fetchNs: 4,
        executeNs: 25,
        storeNs: 0,
        updateNs: 5,
        totalNs: 34,
      },
    ]);
    expect(path.phases).toEqual({
      againNs: 6,
      backoffNs: 10,
      stoodNs: 0,
      unreadyNs: 0,
      queueNs: 4,
      waitNs: 6,
      fetchNs: 6,
      executeNs: 50,
      storeNs: 2,
      updateNs: 6,
    });
    expect([path.totalNs, [...path.nodes]]).toEqual([90, [0, 1, 3]]);
  });

  test('distinguishes a pause from a queue, and from an attempt that ran through it', () => {
    const marks = [
      { kind: 1, atNs: 0, value: 0 },
      { kind: 9, atNs: 12, value: 0 },
      { kind: 10, atNs: 52, value: 0 },
    ];
    const two = [row(0, [0, 0, 0, 20, 20]), row(1, [20, 60, 60, 70, 70])];
    const table = tableOf(two, { ended: true, nowNs: 70, marks });
    const path = criticalPathOf(new GraphIndex(graphOf(['load', 'blur'], [[0, 1]]), table), table)!;
    expect(path.phases).toMatchObject({ executeNs: 30, stoodNs: 32, queueNs: 8, againNs: 0, backoffNs: 0 });
  });

  test('distinguishes the gap before a retry from the attempt, and a run that was continued from both', () => {
    const marks = [
      { kind: 1, atNs: 0, value: 0 },
      { kind: 2, atNs: 40, value: 2 },
      { kind: 1, atNs: 1040, value: 0 },
    ];
    const tries = [
      { ...row(0, [0, 0, 0, 10, 10]), outcome: Outcome.retrying },
      { ...row(0, [30, 32, 32, 40, 40]), outcome: Outcome.failed, attempt: 2 },
      { ...row(0, [1040, 1040, 1040, 1060, 1060]), epoch: 1 },
    ];
    const table = tableOf(tries, { ended: true, nowNs: 1060, marks });
    const path = criticalPathOf(new GraphIndex(graphOf(['load']), table), table)!;
    expect(path.phases).toMatchObject({ againNs: 18, backoffNs: 20, stoodNs: 1000, queueNs: 2, executeNs: 20 });
  });

  test('has tasks that took no time, up to the one that ends it', () => {
    const cached = [row(0, [0, 0, 0, 10, 10]), row(1, [10, 10, 10, 10, 10]), row(2, [10, 10, 10, 10, 10])];
    const table = tableOf(cached, { ended: true, nowNs: 10 });
    const edges = [
      [0, 1],
      [1, 2],
    ] as const;
    const path = criticalPathOf(new GraphIndex(graphOf(['load', 'blur', 'view'], edges), table), table)!;
    expect(path.steps.map(({ node }) => node)).toEqual([0, 1, 2]);
  });

  test('is not guessed while the run is live, and is none where nothing ran', () => {
    const live = tableOf(rows);
    expect(criticalPathOf(new GraphIndex(graph, live), live)).toBeUndefined();
    const nothing = tableOf([{ outcome: Outcome.skipped, updatedNs: 5 }], ended);
    expect(criticalPathOf(new GraphIndex(graph, nothing), nothing)).toBeUndefined();
  });

  test('covers the makespan, without gaps', () => {
    forSeeds(30, (random) => {
      const run = new FakeRun(randomGraph(random), random);
      const table = foldOf(run);
      const path = criticalPathOf(new GraphIndex(run.graph, table), table)!;
      const firstClaim = Math.min(...run.rows.map((r) => r.claimedNs));
      let at = firstClaim;
      for (const step of path.steps) {
        expect(step.fromNs).toBe(at);
        at = step.toNs;
        const parts = [
          step.againNs,
          step.backoffNs,
          step.stoodNs,
          step.queueNs,
          step.waitNs,
          step.fetchNs,
          step.executeNs,
          step.storeNs,
          step.updateNs,
        ];
        expect(parts.reduce((sum, part) => sum + part, 0)).toBeCloseTo(step.totalNs, 3);
        for (const part of parts) expect(part).toBeGreaterThanOrEqual(0);
      }
      expect(at).toBe(Math.max(...run.rows.map((r) => r.updatedNs)));
      expect(path.totalNs).toBeCloseTo(at - firstClaim, 3);
    });
  });
});
