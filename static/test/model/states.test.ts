import { describe, expect, test } from 'vitest';

import { stateName } from '../../src/draw/mark-state';
import { NodeStates } from '../../src/model/node-states';
import { GraphIndex } from '../../src/model/graph-index';
import { RunFold } from '../../src/model/run-fold';
import { type Mark, MarkKind, Outcome, type RunTable } from '../../src/model/run-table';
import { countStates } from '../../src/model/state-counts';
import { attemptAt, endOf, noStates, stateAt, taskStateAt } from '../../src/model/states';
import { taskStates } from '../../src/model/task-state';
import type { FakeRow } from '../fake/encode-frame';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun } from '../fake/fake-run';
import { graphOf } from '../fake/graph-of';
import { forSeeds, type Random } from '../fake/random';
import { applyRows, foldOf, tableOf } from '../fake/table-of';

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

  test('that never ended in a finished run is lost from the end on, and was not run where it was never claimed', () => {
    const rows = [
      { readyNs: 10, claimedNs: 20, startedNs: 30 },
      { node: 1, readyNs: 10 },
    ];
    const live = tableOf(rows, { nowNs: 100 });
    expect(endOf(live)).toBe(Infinity);
    expect(taskStateAt(live, 0, 1e9)).toBe('running');
    const ended = tableOf(rows, { nowNs: 100, ended: true });
    expect([99, 100].map((atNs) => taskStateAt(ended, 0, atNs))).toEqual(['running', 'lost']);
    expect([99, 100].map((atNs) => taskStateAt(ended, 1, atNs))).toEqual(['ready', 'not run']);
    expect([99, 100].map((atNs) => taskStateAt(ended, 2, atNs))).toEqual(['pending', 'not run']);
    expect(stateAt(ended, 1, 100)).toBe('not run');
  });

  test('that was to be tried again when the run ended has failed', () => {
    const rows = [
      { ...whole, outcome: Outcome.retrying },
      { attempt: 2, readyNs: 500 },
      { ...whole, node: 1, outcome: Outcome.retrying },
      { node: 1, attempt: 2, readyNs: 60 },
    ];
    const table = tableOf(rows, { nowNs: 100, ended: true });
    for (const node of [0, 1]) {
      expect([99, 100, 501].map((atNs) => taskStateAt(table, node, atNs))).toEqual(['retrying', 'failed', 'failed']);
    }
    expect(stateAt(table, 3, 100)).toBe('not run');
  });
});

describe('a run that ends while it is watched', () => {
  const graph = graphOf(
    ['load', 'blur', 'blur', 'merge'],
    [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 3],
    ],
  );
  const early = [whole, { ...whole, node: 1, endedNs: NaN, updatedNs: NaN, outcome: 0 }, { node: 2, readyNs: 50 }];
  const late = [whole, { ...whole, node: 1, updatedNs: 90, outcome: Outcome.cancelled }, { node: 2, readyNs: 50 }];
  const finished = { kind: MarkKind.runFinished, atNs: 95, value: Outcome.cancelled };

  /** States of all four in the picture of a page that saw the run until one moment, and then its end. */
  function seen(marks: readonly Mark[], ended: boolean, atNs: number): string[] {
    const fold = new RunFold();
    applyRows(fold, early, { nowNs: 80 });
    const index = new GraphIndex(graph, fold.table);
    const states = new NodeStates();
    states.update(index, fold.table, 80);
    expect(Array.from(states.state.subarray(0, 4), stateName)).toEqual(['succeeded', 'running', 'ready', 'pending']);
    applyRows(fold, late, { kind: 'patch', from: fold.table.seq, nowNs: 100, marks, ended });
    expect(fold.table.ended).toBe(ended);
    states.update(index, fold.table, 92);
    states.update(index, fold.table, atNs);
    const names = Array.from(states.state.subarray(0, 4), stateName);
    const counts = countStates(index, fold.table, atNs);
    for (const state of taskStates) expect(counts[state]).toBe(names.filter((name) => name === state).length);
    return names;
  }

  test('has not run what waited, from its end on', () => {
    expect(seen([], false, 100)).toEqual(['succeeded', 'cancelled', 'ready', 'pending']);
    expect(seen([finished], false, 94)).toEqual(['succeeded', 'cancelled', 'ready', 'pending']);
    expect(seen([finished], false, 96)).toEqual(['succeeded', 'cancelled', 'not run', 'not run']);
    expect(seen([finished], true, 100)).toEqual(['succeeded', 'cancelled', 'not run', 'not run']);
    expect(seen([], true, 100), 'interrupted').toEqual(['succeeded', 'cancelled', 'not run', 'not run']);
    expect(seen([], true, 99), 'interrupted, before').toEqual(['succeeded', 'cancelled', 'ready', 'pending']);
  });

  test('has it to do again once it is continued', () => {
    const started = [0, 200].map((atNs) => ({ kind: MarkKind.runStarted, atNs, value: 0 }));
    const table = tableOf(late, { marks: [started[0]!, finished, started[1]!], nowNs: 300 });
    const at = (atNs: number) => [0, 1, 2, 3].map((node) => taskStateAt(table, node, atNs));
    expect(at(94)).toEqual(['succeeded', 'cancelled', 'ready', 'pending']);
    expect(at(95)).toEqual(['succeeded', 'cancelled', 'not run', 'not run']);
    expect(at(199)).toEqual(['succeeded', 'cancelled', 'not run', 'not run']);
    expect(at(200)).toEqual(['succeeded', 'pending', 'ready', 'pending']);
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
