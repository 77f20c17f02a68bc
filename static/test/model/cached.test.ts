import { describe, expect, test } from 'vitest';

import { boundsOf } from '../../src/model/bounds';
import { criticalPathOf } from '../../src/model/critical-path';
import { heaviestEdges } from '../../src/model/edges';
import { eventsOf } from '../../src/model/events';
import { findingsOf } from '../../src/model/findings';
import { GraphIndex } from '../../src/model/graph-index';
import { phasesAt, phasesOf } from '../../src/model/phases';
import { profileOf } from '../../src/model/ribbon';
import { lanesOf } from '../../src/model/run-lanes';
import { Outcome } from '../../src/model/run-table';
import { countStates } from '../../src/model/state-counts';
import { taskStateAt } from '../../src/model/states';
import { statisticsAt } from '../../src/model/statistics';
import type { FakeRow } from '../fake/encode-frame';
import { graphOf } from '../fake/graph-of';
import { tableOf } from '../fake/table-of';

const S = 1e9;

function ran(node: number, from: number, to: number, more: Partial<FakeRow> = {}): Partial<FakeRow> {
  const times = { readyNs: from * S, claimedNs: from * S, startedNs: from * S, endedNs: to * S, updatedNs: to * S };
  return { node, worker: 0, ...times, outcome: Outcome.ok, ...more };
}

const cached = { outcome: Outcome.cached, outputBytes: 1000 };

function made(
  rows: Partial<FakeRow>[],
  edges: (readonly [number, number])[],
  calls = ['load', 'blur', 'blur', 'join'],
) {
  const table = tableOf(rows, { ended: true, nowNs: 30 * S });
  const index = new GraphIndex(graphOf(calls, edges), table);
  return { table, index, lanes: lanesOf(table) };
}

function lead(run: ReturnType<typeof made>): string[] {
  const { lead, second } = findingsOf(run.index, run.table, run.lanes, 30 * S);
  return [lead, second].map((spans) =>
    spans
      .map(({ text }) => text)
      .join('')
      .replaceAll('\u00a0', ' '),
  );
}

const edges = [
  [0, 1],
  [0, 2],
  [1, 3],
  [2, 3],
] as const;

describe('a run of which some was cached', () => {
  const run = made([ran(0, 0, 0, cached), ran(1, 0, 20), ran(2, 20, 20, cached), ran(3, 20, 30)], [...edges]);
  const { table, index, lanes } = run;

  test('has it as a state of its own, which is done', () => {
    expect([0, 1, 2].map((node) => taskStateAt(table, node, 20 * S))).toEqual(['cached', 'succeeded', 'cached']);
    expect(countStates(index, table, 30 * S)).toMatchObject({ succeeded: 2, cached: 2, lost: 0 });
  });

  test('does not measure it', () => {
    const [load, blur] = statisticsAt(index, table, 'execute_ns', 30 * S);
    expect(load).toMatchObject({ n: 0, done: 1, total: 1 });
    expect(blur).toMatchObject({ n: 1, done: 2, total: 2 });
  });

  test('goes on with its output', () => {
    expect(heaviestEdges(index, table, 30 * S, 9).map(({ from, to, bytes }) => [from, to, bytes])).toEqual([
      [0, 1, 1000],
      [0, 2, 1000],
      [2, 3, 1000],
    ]);
  });

  test('counts it as done work of no time', () => {
    const bounds = boundsOf(index, table, lanes)!;
    expect(bounds.work).toMatchObject({ executeNs: 30 * S, againNs: 0 });
    expect(bounds.tasks).toBe(2);
    expect(criticalPathOf(index, table)!.phases).toMatchObject({ executeNs: 30 * S, againNs: 0 });
  });

  test('says how much it was, after what took long', () => {
    expect(lead(run)[1]).toBe('2 of 4 tasks were cached.');
  });

  test('takes its output from the cache, which is no execution', () => {
    const slow = made([ran(0, 0, 4, cached), ran(1, 4, 8)], [[0, 1]], ['load', 'blur']);
    expect(phasesOf(slow.table, 0)).toMatchObject({ fetchNs: 4 * S, executeNs: 0 });
    expect(phasesAt(slow.table, 0, 3 * S)).toMatchObject({ fetchNs: 3 * S, executeNs: 0 });
    expect(taskStateAt(slow.table, 0, 3 * S)).toBe('fetching');
    const profile = profileOf(slow.table);
    expect([profile.moving[0], profile.running[0]]).toEqual([1, 0]);
    expect(boundsOf(slow.index, slow.table, slow.lanes)!.work).toMatchObject({ executeNs: 4 * S, movingNs: 4 * S });
  });

  test('has one event for it', () => {
    const events = eventsOf(index, table);
    const said = Array.from({ length: events.length }, (_, i) => events.text(i)).filter((text) =>
      text.includes('load'),
    );
    expect(said).toEqual(['load was cached on w0/0']);
  });
});

describe('a run of which all was cached', () => {
  test('says that nothing was executed before anything else', () => {
    const all = [0, 1, 2, 3].map((node) => ran(node, node, node + 1, cached));
    const said = 'Nothing was executed: all 4 tasks were cached; taking what they had made took 4.00 s.';
    expect(lead(made(all, [...edges]))).toEqual([said, '']);
    const only = [ran(0, 0, 0, cached)];
    expect(lead(made(only, [], ['load']))).toEqual(['Nothing was executed: its only task was cached.', '']);
  });
});

test('the next revision of a run does not repeat what was cached', () => {
  const marks = [
    { kind: 1, atNs: 0, value: 0 },
    { kind: 2, atNs: 20 * S, value: Outcome.failed },
    { kind: 1, atNs: 50 * S, value: 0 },
  ];
  const rows = [ran(0, 0, 0, cached), ran(1, 0, 20, { outcome: Outcome.failed })];
  const table = tableOf(rows, { marks, nowNs: 60 * S });
  expect([0, 1].map((node) => taskStateAt(table, node, 60 * S))).toEqual(['cached', 'pending']);
});
