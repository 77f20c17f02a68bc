import { beforeAll, describe, expect, it } from 'vitest';

import { FOLD_FROM } from '../../src/draw/lane-layout';
import type { GraphStage } from '../../src/draw/graph-stage';
import { zoneAt } from '../../src/input/zones';
import { GraphIndex } from '../../src/model/graph-index';
import { MarkKind, Outcome } from '../../src/model/run-table';
import { graphOf } from '../fake/graph-of';
import { tableOf } from '../fake/table-of';
import { stagedGraph, stagedLanes } from './frames';
import { withPaths } from './recording-context';
import { fanoutPlan, layersPlan, montagePlan, nestedPlan, syntheticRun, type SyntheticRun } from './synthetic-run';

beforeAll(withPaths);

/** Every task whose mark is on the screen answers at its centre. */
function expectTasksHit(stage: GraphStage, nodes: Iterable<number>): number {
  let seen = 0;
  for (const node of nodes) {
    const rect = stage.placeOf(node)!;
    const x = rect.x + rect.w / 2;
    const y = rect.y + rect.h / 2;
    if (x < 0 || x > 1500 || y < 0 || y > 500 || zoneAt(stage.areas(), x, y)?.id === 'minimap') continue;
    expect(stage.hit(x, y)).toMatchObject({ kind: 'task', node });
    seen++;
  }
  return seen;
}

function tasksOf(run: { index: { nodes: number; isTask(node: number): boolean } }): number[] {
  return Array.from({ length: run.index.nodes }, (_, node) => node).filter((node) => run.index.isTask(node));
}

describe('hits in the graph', () => {
  it('meets every node at its centre, at any zoom', () => {
    const run = syntheticRun(montagePlan());
    const { stage } = stagedGraph(run);
    expect(expectTasksHit(stage, tasksOf(run))).toBe(89);
    stage.zoomBy(3, 400, 200);
    expect(expectTasksHit(stage, tasksOf(run))).toBeGreaterThan(5);
    stage.zoomBy(2, 1400, 400);
    stage.pan(-300, 40);
    expectTasksHit(stage, tasksOf(run));
  });

  it('meets tasks inside of fan-outs where they are drawn, and else the box', () => {
    const run = syntheticRun(fanoutPlan(48));
    const { stage } = stagedGraph(run);
    expect(expectTasksHit(stage, tasksOf(run))).toBe(98);
    const many = syntheticRun(fanoutPlan(5000));
    const crowded = stagedGraph(many).stage;
    const place = crowded.placeOf(many.index.blocks[1]!.first + 500)!;
    expect(crowded.hit(place.x, place.y)).toMatchObject({ kind: 'fanout', node: 2 });
  });

  it('meets tasks of nested fan-outs', () => {
    const run = syntheticRun(nestedPlan(3));
    const { stage } = stagedGraph(run);
    stage.zoomBy(3);
    expect(expectTasksHit(stage, tasksOf(run))).toBeGreaterThan(3);
  });

  it('meets every box of a collapsed level, with exact totals', () => {
    const run = syntheticRun(layersPlan(2000, 10));
    const { stage } = stagedGraph(run, { atNs: run.endNs });
    for (let task = 0; task < 2000; task += 100) {
      const rect = stage.placeOf(task)!;
      const hit = stage.hit(rect.x + rect.w / 2, rect.y + rect.h / 2);
      expect(hit).toMatchObject({ kind: 'group', tasks: { total: 200, counts: { succeeded: 200 } } });
    }
  });

  it('meets edges within their margin, and nothing far from everything', () => {
    const run = syntheticRun(montagePlan());
    const { stage } = stagedGraph(run);
    const from = stage.placeOf(63)!;
    const to = stage.placeOf(64)!;
    const y = from.y + from.h / 2;
    const x = (from.x + from.w + to.x) / 2;
    expect(stage.hit(x, y + 2)).toMatchObject({ kind: 'edge', from: 63, to: 64 });
    expect(stage.hit(x, y - 160)).not.toMatchObject({ from: 63, to: 64 });
    expect(stage.hit(1499, 499)).toBeNull();
  });
});

describe('steps with the arrow keys', () => {
  it('goes to the next task in a direction, and begins with the first', () => {
    const run = syntheticRun(montagePlan());
    const none = stagedGraph(run);
    expect(run.index.levelOf(none.stage.step(1, 0))).toBe(0);
    const { stage } = stagedGraph(run, { selected: 63 });
    expect(stage.step(1, 0)).toBe(64);
    const at = stage.placeOf(stage.step(-1, 0))!;
    expect(at.x).toBeLessThan(stage.placeOf(63)!.x);
  });
});

describe('hits in the lanes', () => {
  it('meets every bar at its centre', () => {
    const run = syntheticRun(montagePlan(), { retryEvery: 9 });
    const { stage } = stagedLanes(run);
    const { table } = run;
    for (let row = 0; row < table.rows; row++) {
      const lane = run.table.worker[row]! * 4 + table.slot[row]!;
      const middleNs = (table.claimedNs[row]! + table.updatedNs[row]!) / 2;
      const x = 104 + (middleNs / run.endNs) * (1300 - 104 - 72);
      const y = 28 + lane * 19 + table.worker[row]! * 8 + 8;
      expect(stage.hit(x, y)).toMatchObject({ kind: 'attempt', row, node: table.node[row]! });
    }
  });

  it('answers with all attempts of a bucket, which together are all of them', () => {
    const run = syntheticRun(layersPlan(20_000, 4), { workers: 1, slots: 2 });
    const { stage } = stagedLanes(run);
    const rows = new Set<number>();
    for (let x = 104; x <= 1228; x += 0.5) {
      const hit = stage.hit(x, 34);
      if (hit?.kind === 'attempt') rows.add(hit.row);
      if (hit?.kind === 'bucket') for (const row of hit.rows) rows.add(row);
    }
    let expected = 0;
    for (let row = 0; row < run.table.rows; row++) if (run.table.slot[row] === 0) expected++;
    expect(rows.size).toBe(expected);
  });

  it('explains the ribbon, and nothing in the gutter', () => {
    const run = syntheticRun(montagePlan());
    const { stage, height } = stagedLanes(run);
    const hit = stage.hit(300, height() - 20);
    expect(hit).toMatchObject({ kind: 'slots' });
    if (hit?.kind === 'slots') expect(hit.running + hit.moving + hit.idle).toBe(8);
    expect(stage.hit(50, 40)).toBeNull();
    expect(
      [
        [300, 10],
        [20, 60],
        [300, 60],
      ].map(([x, y]) => zoneAt(stage.areas(), x!, y!)?.id),
    ).toEqual(['axis', 'gutter', 'lanes']);
  });

  it('has one gutter in two pictures, each of which is told what the other needs', () => {
    const run = syntheticRun(montagePlan());
    const short = stagedLanes(run);
    const long = stagedLanes(run, { workers: [{ name: 'worker', process: 'a-long-name-of-a-node' }] });
    const gutter = ({ stage }: ReturnType<typeof stagedLanes>) =>
      stage.areas().find(({ id }) => id === 'gutter')!.right;
    expect(gutter(short)).toBeLessThan(gutter(long));
    const namesPx = Math.max(short.needs().namesPx, long.needs().namesPx);
    for (const { stage } of [short, long])
      stage.resize({ width: 1300, windowWidth: 1920, windowHeight: 1080, namesPx }, 1);
    expect(gutter(short)).toBe(gutter(long));
    expect(short.stage.nsAt(gutter(short))).toBe(long.stage.nsAt(gutter(long)));
  });

  it('meets the mark of what took no time, which is painted a pixel wide or more', () => {
    const S = 1e9;
    const ran = (node: number, fromNs: number, toNs: number) => ({
      ...{ node, worker: 0, readyNs: fromNs, claimedNs: fromNs, startedNs: fromNs },
      ...{ endedNs: toNs, updatedNs: toNs, outcome: Outcome.ok },
    });
    const table = tableOf([ran(0, 0, S), ran(1, 2 * S, 2 * S), ran(2, 3 * S, 4 * S)], { ended: true, nowNs: 4 * S });
    const index = new GraphIndex(graphOf(['fetch', 'index', 'align'], []), table);
    const { stage, contexts } = stagedLanes({ table, index, endNs: 4 * S } as SyntheticRun, { atNs: 4 * S });
    const x = 104 + (1300 - 104 - 72) / 2;
    expect(stage.hit(x, 36)).toMatchObject({ kind: 'attempt', row: 1, node: 1 });
    const marks = contexts.marks.of('fillRect').filter(({ fill, args: [from, , width] }) => {
      return fill === 'st-running-past' && Number(from) <= x && x <= Number(from) + Number(width);
    });
    expect(marks.map(({ args }) => Number(args[2]) >= 1)).toEqual([true]);
  });

  it('meets the mark of what took no time at the very end, which the playhead there does not cover', () => {
    const S = 1e9;
    const ran = (node: number, fromNs: number, toNs: number) => ({
      ...{ node, worker: 0, readyNs: fromNs, claimedNs: fromNs, startedNs: fromNs },
      ...{ endedNs: toNs, updatedNs: toNs, outcome: Outcome.ok },
    });
    const table = tableOf([ran(0, 0, S), ran(1, 4 * S, 4 * S)], { ended: true, nowNs: 4 * S });
    const index = new GraphIndex(graphOf(['fetch', 'index'], []), table);
    const { stage, contexts } = stagedLanes({ table, index, endNs: 4 * S } as SyntheticRun, { atNs: 4 * S });
    const right = 1300 - 72;
    const mark = contexts.marks
      .of('fillRect')
      .filter(({ fill }) => fill === 'st-running-past')
      .at(-1)!;
    const [left, top, width, height] = mark.args.map(Number) as [number, number, number, number];
    expect([left, left + width]).toEqual([right - 2, right]);
    expect(stage.hit(left + width / 2, top + height / 2)).toMatchObject({ kind: 'attempt', node: 1 });
    const playhead = contexts.overlay.of('fillRect').find(({ args: [, , w, h] }) => w === 1.5 && Number(h) > 50)!;
    expect(Number(playhead.args[0])).toBeGreaterThanOrEqual(right);
  });

  it('meets what was cached, whose mark has the colour of its state', () => {
    const S = 1e9;
    const at = (node: number, fromNs: number, toNs: number) => ({
      ...{ node, worker: 0, readyNs: fromNs, claimedNs: fromNs, startedNs: fromNs },
      ...{ endedNs: toNs, updatedNs: toNs, outcome: Outcome.cached },
    });
    const table = tableOf([at(0, 0, 0), at(1, S, 2 * S)], { ended: true, nowNs: 2 * S });
    const index = new GraphIndex(graphOf(['fetch', 'index'], []), table);
    const { stage, contexts } = stagedLanes({ table, index, endNs: 2 * S } as SyntheticRun, { atNs: 2 * S });
    expect(stage.hit(104, 36)).toMatchObject({ kind: 'attempt', node: 0 });
    expect(stage.hit(104 + (3 / 4) * (1300 - 104 - 72), 36)).toMatchObject({ kind: 'attempt', node: 1 });
    const fills = contexts.marks.of('fillRect').map(({ fill }) => fill);
    expect(fills.filter((fill) => fill === 'st-cached')).toHaveLength(2); // the instant, and the hatch of the other
    expect(fills).toContain('st-cached-soft');
    expect(fills).not.toContain('st-running-past');
  });

  it('explains why nothing was done: a back-off after its attempt, a pause anywhere else', () => {
    const at = (ms: number) => ms * 1e6;
    const of = (claimed: number, over: number) => ({
      claimedNs: at(claimed),
      startedNs: at(claimed),
      endedNs: at(over),
    });
    const rows = [
      { worker: 0, readyNs: 0, ...of(0, 20), updatedNs: at(20), outcome: Outcome.retrying },
      { worker: 0, attempt: 2, readyNs: at(60), ...of(70, 90), updatedNs: at(90), outcome: Outcome.ok },
    ];
    const marks = [
      { kind: MarkKind.runPaused, atNs: at(40), value: 0 },
      { kind: MarkKind.runResumed, atNs: at(66), value: 0 },
    ];
    const table = tableOf(rows, { marks, ended: true, nowNs: at(100) });
    const run = { table, index: new GraphIndex(graphOf(['load'], []), table), endNs: at(100) } as SyntheticRun;
    const { stage, height, contexts } = stagedLanes(run, { atNs: at(100) });
    const xAt = (ms: number) => 104 + (ms / 100) * (1300 - 104 - 72);
    const lane = (ms: number) => stage.hit(xAt(ms), 36);
    expect(lane(10)).toMatchObject({ kind: 'attempt', row: 0 });
    expect(lane(30)).toMatchObject({ kind: 'back-off', node: 0, backOff: { row: 0, toNs: at(60) } });
    expect(lane(63)).toMatchObject({ kind: 'standstill', standstill: { kind: 'paused', toNs: at(66) } });
    expect(lane(68)).toBeNull();
    expect(stage.hit(xAt(45), height() - 20)).toMatchObject({
      kind: 'slots',
      retrying: 1,
      standstill: { kind: 'paused' },
    });
    expect(stage.hit(xAt(68), height() - 20)).toMatchObject({ kind: 'slots', standstill: undefined });
    expect(contexts.marks.texts.some((text) => text.startsWith('paused'))).toBe(true);
    const underline = contexts.marks.of('fillRect').find((call) => call.fill === 'st-retrying' && call.args[3] === 1.6);
    expect(Number(underline!.args[0])).toBeCloseTo(xAt(20), 6);
    expect(Number(underline!.args[2])).toBeCloseTo(xAt(60) - xAt(20), 6);
  });

  it('shows what a worker prepared on all its slots, and no queue meanwhile', () => {
    const ns = { readyNs: 0, claimedNs: 60e6, startedNs: 60e6, endedNs: 90e6, updatedNs: 90e6 };
    const table = tableOf([{ worker: 0, ...ns, outcome: Outcome.ok }], { ended: true, nowNs: 100e6 });
    const run = { table, index: new GraphIndex(graphOf(['load'], []), table), endNs: 100e6 } as SyntheticRun;
    const preparations = [{ name: 'numpy', fromNs: 0, toNs: 50e6, bytes: 1, error: '' }];
    const workers = [{ name: 'w0', preparations }];
    const { stage, contexts } = stagedLanes(run, { atNs: 100e6, workers, slots: new Map([[0, 2]]) });
    const xAt = (ms: number) => 104 + (ms / 100) * (1300 - 104 - 72);
    expect(stage.hit(xAt(30), 36)).toMatchObject({ kind: 'preparation', worker: 0, preparation: { name: 'numpy' } });
    expect(stage.hit(xAt(55), 36)).toBeNull();
    expect(contexts.marks.texts.filter((text) => text.startsWith('preparing numpy, 50.0'))).toHaveLength(1);
    const rects = contexts.marks.of('fillRect').filter((call) => Number(call.args[1]) < 70);
    const bars = rects.filter((call) => call.fill === 'sunken' && Number(call.args[2]) > 500);
    expect(bars).toHaveLength(2);
    const queue = contexts.marks.of('fillRect').filter((call) => call.args[3] === 1.6);
    expect(queue.map((call) => Math.round(Number(call.args[0])))).toEqual([Math.round(xAt(50) + 0.5)]);
  });

  it('opens a folded worker', () => {
    const run = syntheticRun(layersPlan(3000, 10), { workers: 8, slots: FOLD_FROM / 8 });
    const { stage, height, frames } = stagedLanes(run);
    const folded = height();
    expect(stage.toggleStrip(40)).toBe(true);
    frames.run();
    expect(height()).toBeGreaterThan(folded);
    expect(stage.toggleStrip(40)).toBe(true);
    expect(height()).toBe(folded);
  });
});
