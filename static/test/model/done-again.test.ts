import { describe, expect, test } from 'vitest';

import { criticalPathOf } from '../../src/model/critical-path';
import { heaviestEdges } from '../../src/model/edges';
import { eventsOf } from '../../src/model/events';
import { findingsOf } from '../../src/model/findings';
import { GraphIndex } from '../../src/model/graph-index';
import { lanesOf } from '../../src/model/run-lanes';
import { occupancyOf } from '../../src/model/occupancy';
import { trafficOf } from '../../src/model/run-figures';
import { isLoss, lostWorkers, Outcome, restartsOf, RowFlag, type RunTable, workerOf } from '../../src/model/run-table';
import { slackOf } from '../../src/model/slack';
import { countStates } from '../../src/model/state-counts';
import { sourceOf, stateAt, taskStateAt } from '../../src/model/states';
import { statisticsAt } from '../../src/model/statistics';
import type { FakeFrame, FakeRow } from '../fake/encode-frame';
import { graphOf } from '../fake/graph-of';
import { tableOf } from '../fake/table-of';

const S = 1e9;
const LOST = 0x10000;

/** An attempt that was ready, claimed and started at once, in seconds. */
function ran(node: number, worker: number, from: number, to: number, more: Partial<FakeRow> = {}): Partial<FakeRow> {
  const times = { readyNs: from * S, claimedNs: from * S, startedNs: from * S, endedNs: to * S, updatedNs: to * S };
  return { node, worker, ...times, outcome: Outcome.ok, outputBytes: 100, flags: RowFlag.stored, ...more };
}

/** load → blur, grey → merge. Worker 1 dies with blur; load, whose output only it had, is made again for grey. */
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
  ran(0, 1, 0, 10),
  ran(1, 1, 10, 30, { outcome: Outcome.lost, outputBytes: NaN }),
  ran(1, 0, 30, 40, { attempt: 2 }),
  ran(0, 0, 40, 45, { epoch: 1 }),
  ran(2, 0, 45, 60),
  ran(3, 0, 60, 70),
];
const marks = [
  { kind: 1, atNs: 0, value: 0 },
  { kind: 3, atNs: 0, value: 1 },
  { kind: 4, atNs: 30 * S, value: 1 + LOST },
  { kind: 4, atNs: 70 * S, value: 0 },
];
const over: Partial<FakeFrame> = { ended: true, nowNs: 70 * S, marks };

function made(all = rows, more = over): { table: RunTable; index: GraphIndex } {
  const table = tableOf(all, more);
  return { table, index: new GraphIndex(graph, table) };
}

function textsOf(index: GraphIndex, table: RunTable): string[] {
  const events = eventsOf(index, table);
  return Array.from({ length: events.length }, (_, i) => events.text(i).replaceAll('\u00a0', ' '));
}

describe('what a lost worker leaves', () => {
  const { table, index } = made();

  test('is read by those that began before it was made again, and by the others when it was', () => {
    expect([1, 2].map((reader) => sourceOf(table, 0, reader))).toEqual([0, 0]);
    expect(sourceOf(table, 0, 4)).toBe(3);
    expect(sourceOf(table, 1, 5)).toBe(2);
    expect(heaviestEdges(index, table, 70 * S, 9).map(({ from, to, via }) => [from, to, via])).toEqual([
      [0, 1, 'store'],
      [0, 2, 'local'],
      [1, 3, 'local'],
      [2, 3, 'local'],
    ]);
    expect(trafficOf(index, table)).toMatchObject({ movedBytes: 100, keptBytes: 400 });
  });

  test('is put into words', () => {
    const texts = textsOf(index, table);
    expect(texts).toContain('blur lost with its worker on w1/0');
    expect(texts).toContain('worker w1 lost');
    expect(texts).toContain('worker w0 stopped');
    expect(texts).toContain('load claimed on w0/0, once more');
    expect([isLoss(marks[2]!), isLoss(marks[3]!), workerOf(marks[2]!)]).toEqual([true, false, 1]);
    expect([...lostWorkers(table)]).toEqual([1]);
  });

  test('lies on the path where it held others up, without turning back in time', () => {
    const path = criticalPathOf(index, table)!;
    expect(path.steps.map(({ node, row }) => [node, row])).toEqual([
      [0, 3],
      [2, 4],
      [3, 5],
    ]);
    expect(path.totalNs).toBe(70 * S);
    expect(slackOf(index, table, 0)).toBe(0);
  });

  test('is the first thing to say, where it was worth something', () => {
    const { lead } = findingsOf(index, table, lanesOf(table), 0);
    const said = lead.map((span) => span.text.replaceAll('\u00a0', ' ')).join('');
    expect(said).toBe('A worker was lost or cut off with blur, 20.0 s after it was claimed.');
  });

  test('says of a recording no more than that an end is not in it', () => {
    const recorded = new Proxy(table, { get: (of, name) => (name === 'recorded' ? true : Reflect.get(of, name, of)) });
    const { lead } = findingsOf(index, recorded, lanesOf(recorded), 0);
    const said = lead.map((span) => span.text.replaceAll('\u00a0', ' ')).join('');
    expect(said).toBe('blur was lost or has no recorded end, 20.0 s after it was claimed.');
  });

  test('counts each task once, and every attempt that ended well as a measurement', () => {
    expect(countStates(index, table, 70 * S).succeeded).toBe(4);
    const [load] = statisticsAt(index, table, 'execute_ns', 70 * S);
    expect(load).toMatchObject({ n: 2, done: 1, total: 1 });
  });
});

test('an attempt that was lost unseen does not wait for ever', () => {
  const unseen = { node: 0, readyNs: 0, updatedNs: 5 * S, outcome: Outcome.lost };
  const { table } = made([unseen, ran(0, 0, 5, 10, { attempt: 2 })], { ended: true, nowNs: 10 * S });
  expect(occupancyOf(table, lanesOf(table, new Map([[0, 2]])), 0, 10 * S).starvedNs).toBe(5 * S);
});

test('a task that was not claimed again is lost in the end, and waits until then', () => {
  const gone = [ran(0, 1, 0, 10, { outcome: Outcome.lost }), { node: 0, attempt: 2, readyNs: 10 * S }];
  const { table } = made(gone, { ended: true, nowNs: 20 * S });
  expect([5, 10, 19.9, 20].map((s) => taskStateAt(table, 0, s * S))).toEqual([
    'running',
    'retrying',
    'retrying',
    'lost',
  ]);
});

describe('a run that was continued', () => {
  const continued = [
    ran(0, 0, 0, 10),
    ran(1, 0, 10, 20, { outcome: Outcome.failed }),
    ran(2, 0, 10, 20, { outcome: Outcome.cancelled }),
    { node: 3, outcome: Outcome.skipped, updatedNs: 20 * S },
    ran(1, 1, 50, 60, { epoch: 1 }),
  ];
  const twice = [
    { kind: 1, atNs: 0, value: 0 },
    { kind: 2, atNs: 20 * S, value: Outcome.failed },
    { kind: 1, atNs: 50 * S, value: 0 },
  ];
  const { table, index } = made(continued, { marks: twice, nowNs: 60 * S });

  test('has what did not end well to do again', () => {
    expect(restartsOf(table)).toEqual([50 * S]);
    const at = (s: number) => [0, 1, 2, 3].map((node) => taskStateAt(table, node, s * S));
    expect(at(49)).toEqual(['succeeded', 'failed', 'cancelled', 'skipped']);
    expect(at(50)).toEqual(['succeeded', 'running', 'pending', 'pending']);
    expect(at(60)).toEqual(['succeeded', 'succeeded', 'pending', 'pending']);
    expect(countStates(index, table, 60 * S)).toMatchObject({ succeeded: 2, pending: 2, failed: 0 });
    expect(stateAt(table, 1, 60 * S)).toBe('failed');
  });

  test('says so, and does not call failed what was done again', () => {
    expect(textsOf(index, table).filter((text) => text.startsWith('run'))).toEqual([
      'run started',
      'run failed after 20.0 s',
      'run continued',
    ]);
    const end = made(continued, { marks: twice, nowNs: 60 * S, ended: true });
    const { lead } = findingsOf(end.index, end.table, lanesOf(end.table), 0);
    const said = lead.map((span) => span.text.replaceAll('\u00a0', ' ')).join('');
    expect(said).toBe('The run had ended and was continued 30.0 s later, which its makespan includes.');
  });
});
