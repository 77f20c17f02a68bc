import { describe, expect, test } from 'vitest';

import { claimGapsOf, isTiny } from '../../src/model/claims';
import { heaviestEdges } from '../../src/model/edges';
import { findingsOf, type FindingsContext } from '../../src/model/findings';
import { GraphIndex } from '../../src/model/graph-index';
import { busyNs } from '../../src/model/lanes';
import { lanesOf } from '../../src/model/run-lanes';
import { growth, occupancyOf } from '../../src/model/occupancy';
import { figuresAt, trafficOf } from '../../src/model/run-figures';
import { MarkKind, Outcome, RowFlag, type RunTable } from '../../src/model/run-table';
import type { Span } from '../../src/model/sentence';
import { statisticsAt } from '../../src/model/statistics';
import type { FakeRow } from '../fake/encode-frame';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun } from '../fake/fake-run';
import { graphOf } from '../fake/graph-of';
import { forSeeds } from '../fake/random';
import { foldOf, tableOf } from '../fake/table-of';

const S = 1e9;

/** An attempt that ran on a slot without waiting, in seconds. */
function ran(node: number, slot: number, from: number, to: number, more: Partial<FakeRow> = {}): Partial<FakeRow> {
  const [fromNs, toNs] = [Math.round(from * S), Math.round(to * S)];
  const times = { readyNs: fromNs, claimedNs: fromNs, startedNs: fromNs, endedNs: toNs, updatedNs: toNs };
  return { node, worker: 0, slot, ...times, outcome: Outcome.ok, ...more };
}

function textOf(spans: readonly Span[]): string {
  const texts = spans.map((span) => (span.kind === 'task' ? `<${span.node} ${span.text}>` : span.text));
  return texts.join('').replaceAll('\u00a0', ' ');
}

function findings(
  calls: string[],
  table: RunTable,
  atNs = Infinity,
  context: FindingsContext = {},
  edges: (readonly [number, number])[] = [],
): string[] {
  const index = new GraphIndex(graphOf(calls, edges), table);
  const { lead, second } = findingsOf(index, table, lanesOf(table), atNs, context);
  return [textOf(lead), textOf(second)];
}

describe('of a recording that grows', () => {
  test('nothing is concluded from what has come so far', () => {
    const rows = [ran(0, 0, 0, 10), ran(1, 1, 0, 1, { outcome: Outcome.failed })];
    const imported = { recordedNs: 0, explainedNs: 10 * S, isReconstructed: false };
    const table = tableOf(rows, { ended: true, nowNs: 10 * S });
    const said = findings(['a', 'b'], table, 0, { status: 'running', imported });
    expect(said).toEqual(['2 tasks, 1 of them failed, are known of the 10.0 s so far.', '']);
  });
});

describe('of an ended run', () => {
  test('what delayed the first claim comes second, if it was prepared by then and took long', () => {
    const table = tableOf([ran(0, 0, 4, 14)], { ended: true, nowNs: 14 * S });
    const prepared = { worker: 'w0', name: 'numpy', fromNs: S, toNs: 4 * S, bytes: 0, error: '' };
    const second = (context: FindingsContext, of = table) => findings(['a'], of, Infinity, context)[1];
    expect(second({ prepared })).toBe('The first claim came after 4.00 s: w0 prepared numpy for 3.00 s.');
    expect(second({})).not.toContain('prepared');
    expect(second({ prepared: { ...prepared, toNs: 5 * S } })).not.toContain('prepared');
    const short = tableOf([ran(0, 0, 4, 104)], { ended: true, nowNs: 104 * S });
    expect(second({ prepared }, short)).not.toContain('prepared');
  });

  test('tasks that took no time explain all of no time', () => {
    const rows = [ran(0, 0, 0, 0), ran(1, 0, 0, 0)];
    const imported = { recordedNs: 0, explainedNs: 0, isReconstructed: true };
    const said = findings(['a', 'b'], tableOf(rows, { ended: true, nowNs: 0 }), 0, { imported }, [[0, 1]]);
    expect(said).toEqual(['No task took any time.', '']);
  });

  test('one slot that worked while the others had nothing is named, with its tasks', () => {
    const rows = [ran(0, 0, 0, 10), ran(1, 1, 0, 10), ran(2, 0, 10, 16), ran(3, 1, 16, 20)];
    const table = tableOf(rows, { ended: true, nowNs: 20 * S });
    const edges = [
      [0, 2],
      [1, 2],
      [2, 3],
    ] as [number, number][];
    expect(findings(['load', 'load', 'add', 'view'], table, 0, {}, edges)).toEqual([
      'The longest chain, 3 tasks, takes 20.0 s of 20.0 s, however many slots there are: ' +
        '<0 load[0]> 10.0 s, <2 add> 6.00 s, <3 view> 4.00 s.',
      'For 10.0 s of 20.0 s one slot worked and one had nothing ready: <2 add> 6.00 s, <3 view> 4.00 s.',
    ]);
  });

  test('where several worked while others had nothing, the longest of them are named', () => {
    const rows = [0, 1, 2].map((i) => ran(i, i, 0, 10 - i)).concat(ran(3, 3, 0, 2));
    const table = tableOf(rows, { ended: true, nowNs: 10 * S });
    expect(findings(['load', 'blur', 'grey', 'add'], table)[1]).toBe(
      'For 8.00 s of 10.0 s slots had nothing ready, 1.4 of four on average. ' +
        'Longest ran <0 load> 8.00 s, <1 blur> 7.00 s, <2 grey> 6.00 s.',
    );
  });

  test('the wait before a retry is named with the attempts before it', () => {
    const rows = [ran(0, 0, 0, 1, { outcome: Outcome.retrying }), ran(1, 1, 0, 1), ran(0, 0, 20, 21, { attempt: 2 })];
    const table = tableOf(rows, { ended: true, nowNs: 21 * S });
    expect(findings(['load', 'blur'], table)).toEqual([
      'Waiting before retries took 19.0 s of 21.0 s; the attempts before took 1.00 s. <0 load> waited longest.',
      'For 20.0 s of 21.0 s hardly anything ran and nothing was ready.',
    ]);
  });

  test('cut off before anything ended, it says how long it was seen and blames no task', () => {
    const running = { endedNs: NaN, updatedNs: NaN, outcome: Outcome.none };
    const table = tableOf([ran(0, 0, 0, 1, running), ran(1, 1, 0, 1, running)], { ended: true, nowNs: 3 * S });
    expect(findings(['load', 'blur'], table, 0, { status: 'interrupted' })).toEqual([
      'Interrupted after 3.00 s with 0 of 2 tasks done.',
      '',
    ]);
    const index = new GraphIndex(graphOf(['load', 'blur'], []), table);
    const ended = statisticsAt(index, table, 'execute_ns', 3 * S).map(({ done, total }) => [done, total]);
    expect(ended).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test('a straggler is compared with the median of its function', () => {
    const rows = Array.from({ length: 7 }, (_, i) => ran(i, i, 0, 10));
    rows.push(ran(7, 7, 0, 22));
    const table = tableOf(rows, { ended: true, nowNs: 22 * S });
    const [lead, second] = findings(new Array<string>(8).fill('load'), table);
    expect(lead).toBe('<7 load[7]> took 2.2× its median and ended 12.0 s after every other load.');
    expect(second).toBe('For 12.0 s of 22.0 s one slot worked and seven had nothing ready: <7 load[7]> 12.0 s.');
  });

  test('a failure comes first, with its cause', () => {
    const rows = [
      ran(0, 0, 0, 10, { outcome: Outcome.failed, attempt: 3 }),
      ran(1, 1, 0, 10),
      { node: 2, outcome: Outcome.skipped, updatedNs: 10 * S },
    ];
    const table = tableOf(rows, { ended: true, nowNs: 10 * S });
    const calls = ['load', 'blur', 'merge'];
    expect(findings(calls, table)[0]).toBe('<0 load> failed at attempt 3. 1 task that needed it was skipped.');
    const failure = { node: 0, message: 'exit status 1: no overlap.\nstack…', attempt: 3 };
    expect(findings(calls, table, 0, { failure })[0]).toBe(
      '<0 load> failed at attempt 3: exit status 1: no overlap. 1 task that needed it was skipped.',
    );
    const long = findings(calls, table, 0, { failure: { ...failure, message: 'x'.repeat(200) } })[0];
    expect(long).toMatch(/xx… 1 task that needed it was skipped\.$/);
    const noTask = { node: null, message: 'disk full', attempt: 0 };
    const fine = tableOf([ran(0, 0, 0, 10)], { ended: true, nowNs: 10 * S });
    expect(findings(['load'], fine, 0, { failure: noTask })[0]).toBe('The run failed: disk full.');
  });

  test('one that was cut short says so', () => {
    const table = tableOf([ran(0, 0, 0, 10)], { ended: true, nowNs: 10 * S });
    const [lead] = findings(['load', 'blur'], table, 0, { status: 'interrupted' });
    expect(lead).toBe('Interrupted after 10.0 s with 1 of 2 tasks done.');
  });

  test('what explains most comes first', () => {
    const rows = [
      ran(0, 0, 0, 10, { readyNs: 0, claimedNs: 6 * S, startedNs: 6 * S }),
      ran(1, 1, 0, 2),
      ran(2, 1, 2, 3),
    ];
    const table = tableOf(rows, { ended: true, nowNs: 10 * S });
    expect(findings(['load', 'blur', 'grey'], table)).toEqual([
      'Tasks waited 6.00 s of 10.0 s to be claimed although slots were free: two slots, 35 % busy.',
      'For 4.00 s of 10.0 s one slot worked and one had nothing ready: <0 load> 4.00 s.',
    ]);
    const fetched = { startedNs: 7 * S, fetchNs: 7 * S };
    const moved = tableOf([ran(0, 0, 0, 10, fetched)], { ended: true, nowNs: 10 * S });
    expect(findings(['load'], moved)[0]).toBe('Moving data between tasks took 7.00 s of 10.0 s.');
  });

  test('the function that most of the work is of is named where slots were full of it', () => {
    const rows = Array.from({ length: 9 }, (_, i) => ran(i, 0, i, i + 1));
    const table = tableOf([...rows, ran(9, 0, 9, 10)], { ended: true, nowNs: 10 * S });
    expect(findings([...new Array<string>(9).fill('load'), 'view'], table)).toEqual([
      'The only slot was full for 10.0 s of 10.0 s; the longest chain is 1.00 s.',
      'load is 90 % of the work, 9.00 s.',
    ]);
  });

  test('a pause is named first, and what binds in the rest after it', () => {
    const marks = [
      { kind: 1, atNs: 0, value: 0 },
      { kind: 9, atNs: 5 * S, value: 0 },
      { kind: 10, atNs: 11.5 * S, value: 0 },
    ];
    const rows = Array.from({ length: 10 }, (_, i) =>
      ran(i, 0, i < 5 ? i : i + 6.5, i < 5 ? i + 1 : i + 7.5, { readyNs: 0 }),
    );
    const table = tableOf(rows, { ended: true, nowNs: 16.5 * S, marks });
    expect(findings(new Array<string>(10).fill('load'), table)).toEqual([
      'The run was paused for 6.50 s of 16.5 s.',
      'The only slot was full for 10.0 s of 16.5 s; the longest chain is 1.00 s.',
    ]);
  });

  test('a run that was cut short says what ended it', () => {
    const table = tableOf([ran(0, 0, 0, 10)], { ended: true, nowNs: 10 * S });
    const failure = { kind: 'cancelled', node: null, message: 'its process was shut down', attempt: 0 };
    const [lead] = findings(['load', 'blur'], table, 0, { status: 'cancelled', failure });
    expect(lead).toBe('Cancelled after 10.0 s with 1 of 2 tasks done: its process was shut down.');
    const stopped = { kind: 'shutdown', node: null, message: 'the engine was shut down', attempt: 0 };
    const finished = [{ kind: 2, atNs: 10 * S, value: Outcome.cancelled }];
    const over = tableOf([ran(0, 0, 0, 10)], { ended: true, nowNs: 10 * S, marks: finished });
    for (const status of ['cancelled', 'running']) {
      const [byServer] = findings(['load', 'blur'], over, 0, { status, failure: stopped });
      expect(byServer).toBe('Cancelled after 10.0 s with 1 of 2 tasks done: the server was stopped.');
    }
    const marks = [{ kind: 12, atNs: 9 * S, value: 0 }];
    const asked = tableOf([ran(0, 0, 0, 10)], { ended: true, nowNs: 10 * S, marks });
    const [bySomebody] = findings(['load', 'blur'], asked, 0, { status: 'cancelled', failure });
    expect(bySomebody).toBe('Cancelled after 10.0 s with 1 of 2 tasks done.');
  });
});

describe('of a live run', () => {
  const rows = Array.from({ length: 5 }, (_, i) => ran(i, 0, i, i + 1));
  rows.push({ node: 5, worker: 0, slot: 1, readyNs: 0, claimedNs: 0, startedNs: 0 }, { node: 6, readyNs: 1 * S });
  const calls = new Array<string>(8).fill('load');

  test('it says how far it is, who takes long and who waits', () => {
    const table = tableOf(rows, { nowNs: 5 * S });
    expect(findings(calls, table, 5 * S)).toEqual([
      '5.00 s in, 5 of 8 tasks ended and both slots work. <5 load[5]> has taken 5.0× its median. 1 task waits for a slot.',
      '',
    ]);
  });

  test('it follows the playhead', () => {
    const table = tableOf(rows, { nowNs: 5 * S });
    expect(findings(calls, table, 0.5 * S)[0]).toBe('500 ms in, 0 of 8 tasks ended and both slots work.');
  });

  test('it expects an end where past runs suggest one', () => {
    const table = tableOf(rows, { nowNs: 5 * S });
    const expected = { p10Ns: 41.7 * S, p90Ns: 43.8 * S, runs: 40 };
    expect(findings(calls, table, 5 * S, { expected })[1]).toBe(
      'Expected end between 41.7 s and 43.8 s (p10 to p90 from 40 runs).',
    );
  });

  test('tasks that are over before they are seen keep slots at work all the same', () => {
    const short = Array.from({ length: 400 }, (_, i) =>
      ran(i, i % 2, Math.floor(i / 2) / 200, Math.floor(i / 2) / 200 + 1 / 256),
    );
    const table = tableOf([...short, { node: 400, readyNs: 0 }], { nowNs: 1 * S });
    expect(findings(new Array<string>(402).fill('add'), table, 1 * S)[0]).toBe(
      '1.00 s in, 400 of 402 tasks ended and both slots work. 1 task waits for a slot.',
    );
  });

  test('paused, it says so, and no task waits for a slot', () => {
    const marks = [{ kind: 9, atNs: 4 * S, value: 0 }];
    const table = tableOf([...rows.slice(0, 4), { node: 6, readyNs: 1 * S }], { nowNs: 6 * S, marks });
    expect(findings(calls, table, 6 * S)[0]).toBe(
      '6.00 s in, 4 of 8 tasks ended and the run is paused. 1 task waits until it is resumed.',
    );
  });

  test('it says that nothing works yet', () => {
    const table = tableOf([{ node: 0, readyNs: 0 }]);
    expect(findings(['load'], table, 1 * S)[0]).toBe(
      '1.00 s in, 0 of 1 task ended and no slot has worked yet. 1 task waits for a slot.',
    );
  });
});

test('key figures are those of the lanes and of the profile', () => {
  forSeeds(20, (random) => {
    const run = new FakeRun(randomGraph(random), random, { workers: 2, slots: random.whole(1, 3) });
    const table = foldOf(run);
    const lanes = lanesOf(table);
    const atNs = random.whole(1, run.endNs - 1);
    const figures = figuresAt(table, lanes, atNs);
    const busy = lanes.lanes.reduce((sum, lane) => sum + busyNs(lane, atNs), 0);
    expect(figures.busyNs).toBeCloseTo(busy, 3);
    expect(figures.busyShare).toBeCloseTo(busy / (figures.slots * atNs), 9);
    expect(figures.elapsedNs).toBe(atNs);
  });
});

test('what slots did follows from their lanes and the waiting tasks', () => {
  forSeeds(20, (random) => {
    const run = new FakeRun(randomGraph(random), random, { workers: 2, slots: random.whole(1, 3) });
    const table = foldOf(run);
    const lanes = lanesOf(table);
    const gaps = claimGapsOf(table, lanes);
    const attempts = run.rows.map((row, i) => ({
      ...row,
      fromNs: row.claimedNs - gaps[i]!,
      toNs: row.updatedNs,
      tiny: isTiny(table, i, gaps[i]!),
    }));
    const moments = attempts
      .flatMap((row) => [Math.min(row.readyNs, row.fromNs), row.fromNs, row.toNs])
      .sort((a, b) => a - b);
    const slots = lanes.lanes.length;
    let [starvedNs, starvedSlotNs, soloNs, fullNs] = [0, 0, 0, 0];
    for (let i = 1; i < moments.length; i++) {
      const [from, to] = [moments[i - 1]!, moments[i]!];
      const held = attempts.filter((row) => row.fromNs <= from && row.toNs >= to && to > from);
      const busy = held.length;
      const ready = attempts.some((row) => row.readyNs <= from && row.fromNs >= to && to > from);
      if (busy >= slots || (ready && held.some(({ tiny }) => tiny))) fullNs += to - from;
      else if (!ready) {
        starvedNs += to - from;
        starvedSlotNs += (slots - busy) * (to - from);
        if (busy === 1 && slots > 1) soloNs += to - from;
      }
    }
    const occupancy = occupancyOf(table, lanes, moments[0]!, moments.at(-1)!);
    expect(occupancy.starvedNs).toBeCloseTo(starvedNs, 3);
    expect(occupancy.starvedSlotNs).toBeCloseTo(starvedSlotNs, 3);
    if (slots > 1) expect(occupancy.soloNs).toBeCloseTo(soloNs, 3);
    expect(occupancy.soloRows.reduce((sum, { ns }) => sum + ns, 0)).toBeCloseTo(occupancy.soloNs, 3);
    expect(growth(occupancy.full, moments[0]!, Infinity)).toBeCloseTo(fullNs, 3);
  });
});

test('at the end of a run, figures are those of its makespan', () => {
  const rows = [ran(0, 0, 2, 10), ran(1, 1, 4, 6), { node: 2, outcome: Outcome.skipped, updatedNs: 11 * S }];
  const table = tableOf(rows, { ended: true, nowNs: 12 * S });
  const lanes = lanesOf(table);
  const figures = { elapsedNs: 8 * S, slots: 2, busyNs: 10 * S, busyShare: 10 / 16 };
  expect(figuresAt(table, lanes, 12 * S)).toMatchObject(figures);
  expect(figuresAt(table, lanes, 5 * S)).toMatchObject({ elapsedNs: 5 * S, busyNs: 4 * S });
});

test('slots are not idle while the run is paused, but busy with what still runs', () => {
  const marks = [
    { kind: MarkKind.runPaused, atNs: 4 * S, value: 0 },
    { kind: MarkKind.runResumed, atNs: 9 * S, value: 0 },
  ];
  const table = tableOf([ran(0, 0, 0, 4), ran(1, 1, 0, 6), ran(2, 0, 9, 10)], { ended: true, nowNs: 10 * S, marks });
  const figures = figuresAt(table, lanesOf(table), 10 * S);
  expect(figures).toMatchObject({ busyNs: 11 * S, pausedNs: 8 * S, slotsMean: 2 });
  expect(figures.busyShare).toBeCloseTo(11 / 12, 9);
  // Half way through a pause that has not ended for the moment shown.
  expect(figuresAt(table, lanesOf(table), 7 * S)).toMatchObject({ pausedNs: 4 * S, busyShare: 1 });
});

test('slots count while they exist', () => {
  // Two processors; two more slots worked for a moment, while others were blocked.
  const rows = [ran(0, 0, 0, 10), ran(1, 1, 0, 10), ran(2, 2, 0, 0.1), ran(3, 3, 0, 0.1)];
  const table = tableOf(rows, { ended: true, nowNs: 10 * S });
  const lanes = lanesOf(table, new Map([[0, 4]]), new Map([[0, 2]]));
  const figures = figuresAt(table, lanes, 10 * S);
  expect(figures.busyShare).toBeCloseTo(1, 9);
  expect(figures.slotsMean).toBeCloseTo(2.02, 9);
  expect(figures).toMatchObject({ slots: 4, slotsThere: 2 });
  expect(figuresAt(table, lanesOf(table), 10 * S).busyShare).toBeCloseTo(20.2 / 40, 9); // where nothing better is known
});

describe('edges', () => {
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
    ran(0, 0, 0, 1, { outputBytes: 1000, flags: RowFlag.stored }),
    ran(1, 0, 1, 2, { outputBytes: 5000 }),
    ran(2, 1, 1, 2, { worker: 1, outputBytes: 70 }),
    ran(3, 0, 3, 4),
  ];
  const table = tableOf(rows);
  const index = new GraphIndex(graph, table);

  test('are listed by size, as far as they were read, with the way that the bytes took', () => {
    const edges = (atNs: number, n: number) =>
      heaviestEdges(index, table, atNs, n).map(({ from, to, bytes, via }) => [from, to, bytes, via]);
    expect(edges(2 * S, 10)).toEqual([
      [0, 1, 1000, 'local'],
      [0, 2, 1000, 'store'],
    ]);
    expect(edges(3 * S, 3)).toEqual([
      [1, 3, 5000, 'local'],
      [0, 1, 1000, 'local'],
      [0, 2, 1000, 'store'],
    ]);
    expect(edges(3 * S, 10).at(-1)).toEqual([2, 3, 70, 'inline']);
    expect(edges(0, 10)).toEqual([]);
  });

  test('add up to what moved and what stayed', () => {
    expect(trafficOf(index, table)).toEqual({
      movedBytes: 1000,
      keptBytes: 6000,
      inlineBytes: 70,
      edges: 4,
      unsized: 0,
    });
  });

  test('the heaviest are found, however many there are', () => {
    forSeeds(20, (random) => {
      const run = new FakeRun(randomGraph(random), random);
      const folded = foldOf(run);
      const all = new GraphIndex(run.graph, folded);
      const want: number[] = [];
      run.rows.forEach((row) => {
        const bytes = Number.isNaN(row.outputBytes) ? row.storedBytes : row.outputBytes;
        if (row.outcome !== Outcome.ok || !(bytes > 0)) return;
        for (const child of all.children(row.node)) if (folded.rowsOf(child).length > 0) want.push(bytes);
      });
      want.sort((a, b) => b - a);
      const n = random.whole(1, 10);
      expect(heaviestEdges(all, folded, Infinity, n).map(({ bytes }) => bytes)).toEqual(want.slice(0, n));
    });
  });
});
