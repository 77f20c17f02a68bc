import { describe, expect, it } from 'vitest';

import { GraphIndex } from '../../../src/model/graph-index';
import { Outcome, RowFlag } from '../../../src/model/run-table';
import { factsOf } from '../../../src/view/state/inspect';
import { laneRow } from '../../../src/view/state/lane-rows';
import { plannedInputs, reportedInputs, totalBytes } from '../../../src/view/state/task-inputs';
import { nextSort, sortedTasks, taskRow, type TaskSort } from '../../../src/view/state/task-rows';
import { lanesOf } from '../../../src/model/run-lanes';
import { graphOf } from '../../fake/graph-of';
import { tableOf } from '../../fake/table-of';

// cut 0 ends at 20 on w0/1; its child paint 1 fails once, and succeeds as the second attempt; paint 2 was never ready.
const graph = graphOf(
  ['cut', 'paint', 'paint'],
  [
    [0, 1],
    [1, 2],
  ],
);
const table = tableOf([
  {
    node: 0,
    worker: 0,
    slot: 1,
    flags: RowFlag.head,
    readyNs: 0,
    claimedNs: 2,
    startedNs: 4,
    endedNs: 18,
    updatedNs: 20,
    outcome: Outcome.ok,
    outputBytes: 64,
  },
  {
    node: 1,
    worker: 0,
    slot: 1,
    readyNs: 20,
    claimedNs: 20,
    startedNs: 21,
    endedNs: 30,
    updatedNs: 31,
    outcome: Outcome.retrying,
  },
  {
    node: 1,
    attempt: 2,
    worker: 1,
    slot: 0,
    flags: RowFlag.head,
    readyNs: 40,
    claimedNs: 45,
    startedNs: 46,
    endedNs: 60,
    updatedNs: 62,
    outcome: Outcome.ok,
    outputBytes: 8,
  },
]);
const index = new GraphIndex(graph, table);
const facts = (node: number, atNs: number): ReturnType<typeof factsOf> => factsOf(index, table, node, atNs);

describe('facts of a task', () => {
  it('are those of the moment', () => {
    expect(facts(0, 1)).toMatchObject({ state: 'ready', where: '', origin: 'root', stage: 'none', outputBytes: NaN });
    expect(facts(0, 10)).toMatchObject({ state: 'running', where: 'w0 slot 1', stage: 'running', executeNs: 6 });
    expect(facts(0, 20)).toMatchObject({ state: 'succeeded', stage: 'done', executeNs: 14, outputBytes: 64 });
    expect(facts(2, 99)).toMatchObject({ state: 'pending', row: -1, attempts: [] });
  });

  it('distinguish what a worker became from what it was given', () => {
    expect(facts(1, 25).origin).toBe('became');
    expect(facts(1, 50).origin).toBe('invoked');
  });

  it('list the attempts that had begun, the current one last', () => {
    expect(facts(1, 35).attempts).toMatchObject([
      { attempt: 1, state: 'failed', where: 'w0/1', tookNs: 11, current: true },
    ]);
    expect(facts(1, 50).attempts).toMatchObject([
      { attempt: 1, current: false },
      { attempt: 2, state: 'running', where: 'w1/0', claimedNs: 45, tookNs: 5, current: true },
    ]);
  });

  it('show the back-off after an attempt that failed, once it has begun', () => {
    const backOffs = (atNs: number) => facts(1, atNs).attempts.map(({ backOff }) => backOff);
    expect(backOffs(30)).toEqual([null]);
    expect(backOffs(31)).toEqual([{ row: 1, fromNs: 31, toNs: 40 }]);
    expect(backOffs(50)).toEqual([{ row: 1, fromNs: 31, toNs: 40 }, null]);
  });

  it('call an attempt that was to be tried again failed, for its rank', () => {
    expect(facts(1, 35).stage).toBe('failed');
  });
});

describe('the table of tasks', () => {
  const names = (sort: TaskSort, text = ''): string[] =>
    Array.from(sortedTasks(index, table, sort, text), (n) => index.identityOf(n));

  it('sorts by what the whole table knows, what is not known last', () => {
    expect(names({ column: 'execute', order: 'asc' })).toEqual(['cut', 'paint[0]', 'paint[1]']);
    expect(names({ column: 'execute', order: 'desc' })).toEqual(['cut', 'paint[0]', 'paint[1]']);
    expect(names({ column: 'start', order: 'desc' })).toEqual(['paint[0]', 'cut', 'paint[1]']);
    expect(names({ column: 'task', order: 'desc' })).toEqual(['paint[1]', 'paint[0]', 'cut']);
  });

  it('filters by name', () => {
    expect(names({ column: 'task', order: 'asc' }, ' PAINT')).toEqual(['paint[0]', 'paint[1]']);
  });

  it('shows a row as of the moment', () => {
    expect(taskRow(index, table, 1, 50)).toMatchObject({
      state: 'running',
      where: 'w1/0',
      attempt: 2,
      startNs: 45,
      queueNs: 5,
      executeNs: 4,
    });
    expect(taskRow(index, table, 1, 10)).toMatchObject({ state: 'pending', where: '', attempt: 0, startNs: NaN });
  });

  it('turns the order around at the second press', () => {
    const first = nextSort({ column: 'task', order: 'asc' }, 'execute');
    expect(first).toEqual({ column: 'execute', order: 'desc' });
    expect(nextSort(first, 'execute').order).toBe('asc');
  });
});

describe('the table of slots', () => {
  it('says what each does at the moment', () => {
    const lanes = lanesOf(table);
    expect(laneRow(index, table, lanes, 0, 10)).toMatchObject({
      name: 'w0/1',
      attempts: 1,
      busyNs: 8,
      task: 'cut',
      state: 'running',
    });
    expect(laneRow(index, table, lanes, 0, 35)).toMatchObject({ attempts: 2, task: '', state: null, node: -1 });
  });
});

describe('inputs', () => {
  it('are those of the graph, with sizes of what has been made by then', () => {
    expect(plannedInputs(index, table, 1, 10)).toMatchObject([{ name: 'cut', bytes: NaN, via: '' }]);
    expect(plannedInputs(index, table, 1, 20)).toMatchObject([{ name: 'cut', node: 0, bytes: 64 }]);
    expect(totalBytes(plannedInputs(index, table, 1, 10))).toBeNaN();
  });

  it('come from the service slowest first, with a rate where something was moved', () => {
    const rate = (perSecond: number): { figure: string; unit: string } => ({ figure: String(perSecond), unit: 'B/s' });
    const lines = reportedInputs(
      [
        { from: 3, task: 'cut', source: 'local', bytes: 1e6, fetch_ns: 0 },
        { from: 9, task: '', source: 'store', bytes: 2e6, fetch_ns: 1e9 },
      ],
      rate,
    );
    expect(lines.map(({ node, name, rate: r }) => [node, name, r?.figure ?? null])).toEqual([
      [-1, 'a collection', '2000000'],
      [3, 'cut', null],
    ]);
    expect(totalBytes(lines)).toBe(3e6);
  });
});

describe('a cached task', () => {
  const times = { readyNs: 0, claimedNs: 0, startedNs: 0, endedNs: 5, updatedNs: 5, worker: 0 };
  const rows = [
    { ...times, outcome: Outcome.cached, outputBytes: 64 },
    { ...times, node: 1, outcome: Outcome.ok },
  ];
  const cached = tableOf(rows, { ended: true, nowNs: 5 });
  const nodes = new GraphIndex(graph, cached);

  it('was not executed, but has an output', () => {
    expect(factsOf(nodes, cached, 0, 5)).toMatchObject({
      state: 'cached',
      stage: 'cached',
      executeNs: NaN,
      outputBytes: 64,
    });
    expect(taskRow(nodes, cached, 0, 5).executeNs).toBeNaN();
  });

  it('is found by its state', () => {
    const sort: TaskSort = { column: 'execute', order: 'desc' };
    expect(Array.from(sortedTasks(nodes, cached, sort, 'Cached'))).toEqual([0]);
    expect(Array.from(sortedTasks(nodes, cached, sort, ''))).toEqual([1, 0, 2]);
  });
});
