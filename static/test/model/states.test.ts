import { describe, expect, test } from 'vitest';

import { GraphIndex } from '../../src/model/graph-index';
import { Outcome, type RunTable } from '../../src/model/run-table';
import { attemptAt, countStates, endOf, noStates, stateAt, taskStateAt } from '../../src/model/states';
import type { FakeRow } from '../fake/encode-frame';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun } from '../fake/fake-run';
import { forSeeds, type Random } from '../fake/random';
import { foldOf, tableOf } from '../fake/table-of';

const whole = { readyNs: 10, claimedNs: 20, startedNs: 30, endedNs: 40, updatedNs: 50, outcome: Outcome.ok };

describe('the state of an attempt', () => {
  test.each([
    [9, 'pending'],
    [10, 'ready'],
    [19, 'ready'],
    [20, 'fetching'],
    [29, 'fetching'],
    [30, 'running'],
    [39, 'running'],
    [40, 'storing'],
    [49, 'storing'],
    [50, 'succeeded'],
    [1e12, 'succeeded'],
  ])('at %i is %s', (atNs, state) => {
    expect(taskStateAt(tableOf([whole]), 0, atNs)).toBe(state);
  });

  test.each([
    [Outcome.ok, 'succeeded'],
    [Outcome.failed, 'failed'],
    [Outcome.retrying, 'retrying'],
    [Outcome.cancelled, 'cancelled'],
    [Outcome.lost, 'lost'],
    [Outcome.none, 'storing'],
    [9, 'lost'],
  ])('that ended with outcome %i is %s', (outcome, state) => {
    expect(taskStateAt(tableOf([{ ...whole, outcome }]), 0, 50)).toBe(state);
  });

  test('that was skipped begins with its end', () => {
    const table = tableOf([{ outcome: Outcome.skipped, updatedNs: 50 }]);
    expect([49, 50].map((atNs) => taskStateAt(table, 0, atNs))).toEqual(['pending', 'skipped']);
  });

  test('that waits for another try is retrying', () => {
    const table = tableOf([
      { ...whole, outcome: Outcome.retrying },
      { attempt: 2, readyNs: 60, claimedNs: 70 },
    ]);
    expect([49, 50, 59, 60, 69, 70].map((atNs) => taskStateAt(table, 0, atNs))).toEqual([
      'storing',
      'retrying',
      'retrying',
      'retrying',
      'retrying',
      'fetching',
    ]);
    expect([9, 10, 59, 60].map((atNs) => attemptAt(table, 0, atNs))).toEqual([-1, 0, 0, 1]);
    expect(stateAt(table, 1, 55)).toBe('retrying');
  });

  test('that never ended in a finished run is lost from the end on, unless nobody had claimed it', () => {
    const rows = [
      { readyNs: 10, claimedNs: 20, startedNs: 30 },
      { node: 1, readyNs: 10 },
    ];
    const live = tableOf(rows, { nowNs: 100 });
    expect(endOf(live)).toBe(Infinity);
    expect(taskStateAt(live, 0, 1e9)).toBe('running');
    const ended = tableOf(rows, { nowNs: 100, ended: true });
    expect([99, 100].map((atNs) => taskStateAt(ended, 0, atNs))).toEqual(['running', 'lost']);
    expect(taskStateAt(ended, 1, 100)).toBe('ready');
    expect(taskStateAt(ended, 0, 100, Infinity)).toBe('running');
  });
});

/** What was known at a moment: everything later is not there yet. */
function knownAt(run: FakeRun, atNs: number): RunTable {
  const rows: FakeRow[] = [];
  for (const row of run.rows) {
    if (!(row.readyNs <= atNs)) continue;
    const until = (ns: number) => (ns <= atNs ? ns : NaN);
    const isOver = row.updatedNs <= atNs;
    rows.push({
      ...row,
      outcome: isOver ? row.outcome : Outcome.none,
      claimedNs: until(row.claimedNs),
      startedNs: until(row.startedNs),
      endedNs: until(row.endedNs),
      updatedNs: until(row.updatedNs),
    });
  }
  return tableOf(rows, { expansions: foldOf(run).expansions, nowNs: atNs });
}

function someMoment(run: FakeRun, random: Random): number {
  return random.chance(0.5) ? random.whole(0, run.endNs) : random.pick(run.steps).atNs;
}

test('the playhead at a moment shows what a page would have shown live at that moment', () => {
  forSeeds(20, (random) => {
    const run = new FakeRun(randomGraph(random), random);
    const table = foldOf(run);
    const index = new GraphIndex(run.graph, table);
    for (let i = 0; i < 10; i++) {
      const atNs = someMoment(run, random);
      if (atNs >= run.endNs) continue;
      const then = knownAt(run, atNs);
      expect(countStates(index, table, atNs), `at ${atNs}`).toEqual(countStates(index, then, atNs));
      for (const { number } of run.nodes) {
        if (index.isTask(number)) expect(taskStateAt(table, number, atNs)).toBe(taskStateAt(then, number, atNs));
      }
    }
  });
});

test('counts are those of the tasks one by one', () => {
  forSeeds(20, (random) => {
    const run = new FakeRun(randomGraph(random), random, { isCut: random.chance(0.3) });
    const table = foldOf(run);
    const index = new GraphIndex(run.graph, table);
    const atNs = someMoment(run, random);
    const states = new Map(run.nodes.map(({ number }) => [number, taskStateAt(table, number, atNs)] as const));
    const counts = noStates();
    for (const [node, state] of states) if (index.isTask(node)) counts[state]++;
    expect(countStates(index, table, atNs)).toEqual(counts);
  });
});
