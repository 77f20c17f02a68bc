import { beforeAll, describe, expect, it } from 'vitest';

import { Outcome } from '../../src/model/run-table';
import { byState, stagedGraph } from './frames';
import { withPaths } from './recording-context';
import { fanoutPlan, layersPlan, montagePlan, syntheticRun, SyntheticTable, type SyntheticRun } from './synthetic-run';

beforeAll(withPaths);

function fail(run: SyntheticRun, node: number): void {
  const row = run.table.rowsOf(node).at(-1)!;
  run.table.outcome[row] = Outcome.failed;
  (run.table as SyntheticTable).version++;
}

describe('GraphPainter', () => {
  it('paints every node of a small graph, with its name, in the colours of its state', () => {
    const run = syntheticRun(montagePlan());
    const { contexts } = stagedGraph(run, { atNs: run.endNs });
    expect(contexts.marks.of('roundRect').length).toBe(89);
    expect(contexts.marks.texts).toContain('mProject[3]');
    expect(contexts.marks.texts).toContain('mAdd');
    expect(contexts.marks.texts).toEqual(expect.arrayContaining([expect.stringMatching(/^20 tasks/)]));
    expect(contexts.marks.of('fill').some((call) => call.fill === 'st-succeeded-soft')).toBe(true);
    expect(contexts.ground.of('moveTo').length).toBe(run.layout.scopes[0]!.edges.length);
  });

  it('paints edges that move in the colour of fetching, above the ground', () => {
    const run = syntheticRun(montagePlan());
    const fetching = run.table.rowsOf(30).at(-1)!;
    const atNs = (run.table.claimedNs[fetching]! + run.table.startedNs[fetching]!) / 2;
    const parent = run.table.rowsOf(run.index.parents(30)[0]!).at(-1)!;
    run.table.worker[parent] = 1;
    run.table.worker[fetching] = 0;
    const { contexts } = stagedGraph(run, { atNs });
    expect(contexts.marks.of('stroke').some((call) => call.stroke === 'st-fetching')).toBe(true);
  });

  it('dims what is off the critical path and strokes the path in ink', () => {
    const run = syntheticRun(montagePlan());
    const { contexts } = stagedGraph(run, { path: [0, 20, 63, 64] });
    expect(contexts.marks.of('stroke').some((call) => call.stroke === 'ink' && call.alpha === 1)).toBe(true);
    expect(contexts.marks.of('fill').some((call) => call.alpha < 0.4)).toBe(true);
  });

  it('shows one failed task when thousands are drawn as boxes', () => {
    const run = syntheticRun(layersPlan(2000, 10));
    fail(run, 777);
    const { contexts } = stagedGraph(run, { atNs: run.endNs });
    const failed = contexts.marks.of('fillRect').filter((call) => call.fill === 'st-failed');
    expect(failed).toHaveLength(1);
    expect(Number(failed[0]!.args[3])).toBeGreaterThanOrEqual(2);
  });

  it('gives a box of many tasks the colour of their median, and a cell of several that of the last step in it', () => {
    const colours = { ...byState, mode: 'duration', step: (node: number) => (node === 777 ? 6 : 2) } as const;
    const boxes = stagedGraph(syntheticRun(layersPlan(2000, 10)), { atNs: Infinity, colours }).contexts.marks;
    const fills = boxes.of('fillRect').map((call) => call.fill);
    expect(fills.filter((fill) => fill === 'mag-2')).toHaveLength(10);
    expect(fills).not.toContain('mag-6');
    const cells = stagedGraph(syntheticRun(fanoutPlan(10_000)), { atNs: Infinity, colours }).contexts.marks;
    for (const fill of ['mag-2', 'mag-6']) expect(cells.of('fill').some((call) => call.fill === fill)).toBe(true);
  });

  it('shows one failed instance among ten thousand', () => {
    const run = syntheticRun(fanoutPlan(10_000));
    fail(run, run.index.blocks[1]!.first + 2 * 4321);
    const { contexts } = stagedGraph(run, { atNs: run.endNs });
    expect(contexts.marks.of('fill').some((call) => call.fill === 'st-failed')).toBe(true);
    expect(contexts.marks.texts.some((text) => text.endsWith('×10,000'))).toBe(true);
  });

  it('gives what was not run a fill of its own and no time, whatever colours mean', () => {
    const run = syntheticRun(montagePlan());
    for (const column of ['claimedNs', 'startedNs', 'endedNs', 'updatedNs'] as const) {
      for (let row = 20; row < run.table.rows; row++) run.table[column][row] = NaN;
    }
    run.table.outcome.fill(Outcome.none, 20, run.table.rows);
    const median = () => 5e6;
    const tiles = (contexts: ReturnType<typeof stagedGraph>['contexts']) =>
      contexts.marks.of('fill').filter((call) => call.fill === 'st-not-run-soft').length;
    for (const colours of [byState, { ...byState, mode: 'function' } as const]) {
      const ended = stagedGraph(run, { atNs: run.endNs, median, colours }).contexts;
      expect(tiles(ended)).toBeGreaterThan(0);
      expect(ended.marks.texts.filter((text) => text.startsWith('exp'))).toEqual([]);
      const before = stagedGraph(run, { atNs: run.endNs - 1, median, colours }).contexts;
      expect(tiles(before)).toBe(0);
      expect(before.marks.texts.some((text) => text.startsWith('exp'))).toBe(true);
    }
  });

  it('hatches what was cached level, and says so instead of a time', () => {
    const run = syntheticRun(montagePlan());
    for (const column of ['claimedNs', 'startedNs', 'endedNs'] as const) run.table[column].set(run.table.updatedNs);
    run.table.outcome.fill(Outcome.cached);
    (run.table as SyntheticTable).version++;
    const { marks } = stagedGraph(run, { atNs: run.endNs }).contexts;
    expect(marks.of('fill').some((call) => call.fill === 'st-cached-soft')).toBe(true);
    expect(marks.of('fillRect').filter((call) => call.fill === 'st-cached').length).toBeGreaterThanOrEqual(20);
    expect(marks.texts).toContain('cached');
  });

  it('hatches its part of a box, with its number', () => {
    const run = syntheticRun(layersPlan(2000, 10));
    run.table.outcome.fill(Outcome.cached, 0, 1000);
    (run.table as SyntheticTable).version++;
    const { marks } = stagedGraph(run, { atNs: run.endNs }).contexts;
    expect(marks.of('fillRect').some((call) => call.fill === 'st-cached-soft')).toBe(true);
    expect(marks.of('fillRect').some((call) => call.fill === 'st-cached' && call.alpha < 0.5)).toBe(true);
    expect(marks.texts.some((text) => text.endsWith(' cached'))).toBe(true);
  });

  it('draws the body of a fan-out before its width is known', () => {
    const run = syntheticRun({ ...fanoutPlan(1), width: 0 });
    const { contexts } = stagedGraph(run, { atNs: 0 });
    expect(contexts.marks.texts).toContain('×?');
    expect(contexts.marks.texts).toContain('sharpen');
  });

  // It stages 363 graphs, which takes seconds where the machine is busy.
  it('never cuts a figure: it words what does not fit shorter, or leaves it out', { timeout: 60_000 }, () => {
    const run = syntheticRun(montagePlan());
    const seen = new Set<string>();
    for (let width = 300; width <= 1500; width += 10) {
      for (const share of [0.55, 0.62, 0.9]) {
        const more = { atNs: run.endNs * share, median: () => 19e6, live: true };
        const { contexts } = stagedGraph(run, more, { width, height: 500 });
        for (const text of contexts.marks.texts) seen.add(text.replace(/\s/g, ' '));
      }
    }
    const cut = [...seen].filter((text) => text.includes('…') && !text.endsWith(' …'));
    // A name's number is whole, with two letters of the name before it at least.
    expect(cut.filter((text) => /\d/.test(text) && !/^(….*\p{L}{2}|\p{L}{2}.*…)\[\d+(\/\d+)*\]$/u.test(text))).toEqual(
      [],
    );
    expect(cut.filter((text) => text.length < 4)).toEqual([]);
    expect([...seen]).toEqual(expect.arrayContaining(['exp. 19.0 ms']));
    expect([...seen]).not.toContain('19.0 ms');
    expect([...seen].filter((text) => text.startsWith('['))).toEqual([]);
    for (const wording of [/^[\d.]+ m?s so far$/, /^[\d.]+ m?s …$/, /^[\d.]+ m?s$/])
      expect([...seen].some((text) => wording.test(text))).toBe(true);
  });

  it('gives neighbouring levels of one function a head each, or one for all where they have no room', () => {
    const plan = layersPlan(100, 100);
    const scopes = plan.scopes.map((scope) => ({ ...scope, function: scope.function.map(() => 0) }));
    const run = syntheticRun({ ...plan, functions: ['append-number'], scopes });
    const { contexts, frames, stage } = stagedGraph(run, { atNs: run.endNs });
    const heads = (): number => contexts.marks.of('fillText').filter((call) => call.args[2] === 12).length;
    expect(contexts.marks.texts.map((text) => text.replace(/total .*/, 'total'))).toEqual([
      'append-number',
      '100 levels, 100 tasks, total',
    ]);
    const rules = contexts.marks.of('fillRect').filter((call) => call.args[1] === 31 && call.fill === 'st-succeeded');
    expect(rules).toHaveLength(1);
    contexts.marks.forget();
    stage.zoomBy(16);
    frames.run();
    expect(heads()).toBeGreaterThan(4);
    expect(contexts.marks.texts.some((text) => text.startsWith('100 levels'))).toBe(false);
  });

  it('keeps the text of a box in sight, wherever the box is cut by the edges', () => {
    const run = syntheticRun(layersPlan(20_000, 4));
    const { contexts, frames, stage } = stagedGraph(run, { atNs: run.endNs });
    for (const x of [30, 120]) {
      contexts.marks.forget();
      stage.fit();
      stage.zoomBy(12, x, 80);
      frames.run();
      const labels = contexts.marks.of('fillText').filter((call) => call.args[0] === '5,000' && call.args[2] !== 26);
      expect(labels.length).toBeGreaterThan(0);
      for (const { args } of labels) {
        expect(Number(args[1])).toBeGreaterThan(0);
        expect(Number(args[1])).toBeLessThan(1500);
        expect(Number(args[2])).toBeGreaterThan(38);
        expect(Number(args[2])).toBeLessThan(500);
      }
    }
  });

  it('writes times on the part of a box whose tasks took them', () => {
    const run = syntheticRun(layersPlan(20_000, 2));
    const { contexts } = stagedGraph(run, { atNs: run.endNs / 8 });
    const labels = contexts.marks.of('fillText').filter(({ args }) => Number(args[2]) > 38);
    const first = labels.filter(({ args }) => args[1] === labels[0]!.args[1]).map(({ args }) => String(args[0]));
    const [waiting, done, ...times] = first;
    expect(Number(waiting!.replace(',', ''))).toBeGreaterThan(Number(done!.replace(',', '')));
    expect(times.map((text) => text.split(' ')[0])).toEqual(['total', 'median']);
  });

  it('paints nothing of an empty graph but its ground', () => {
    const run = syntheticRun(layersPlan(0, 1));
    const { contexts } = stagedGraph(run);
    expect(contexts.marks.of('roundRect')).toHaveLength(0);
    expect(contexts.ground.of('fillRect')).toHaveLength(1);
  });
});

describe('layers of the graph', () => {
  it('paints the overlay alone when the pointer moves', () => {
    const run = syntheticRun(montagePlan());
    const { contexts, frames, show, loop } = stagedGraph(run);
    for (const ctx of Object.values(contexts)) ctx.forget();
    show({ hovered: 4 });
    frames.run();
    expect(contexts.ground.calls).toHaveLength(0);
    expect(contexts.marks.calls).toHaveLength(0);
    expect(contexts.overlay.calls.length).toBeGreaterThan(0);
    expect(contexts.overlay.calls.length).toBeLessThan(12);
    expect(loop.idle).toBe(true);
  });

  it('leaves the ground while no edge changes its look', () => {
    const run = syntheticRun(montagePlan());
    const { contexts, frames, show } = stagedGraph(run, { atNs: 1e9 });
    contexts.ground.forget();
    show({ atNs: 1.0001e9 });
    frames.run();
    expect(contexts.ground.calls).toHaveLength(0);
    expect(contexts.marks.calls.length).toBeGreaterThan(0);
    show({ atNs: run.endNs });
    frames.run();
    expect(contexts.ground.calls.length).toBeGreaterThan(0);
  });

  it('paints again what the selection changes', () => {
    const run = syntheticRun(montagePlan());
    const { contexts, frames, show } = stagedGraph(run);
    for (const ctx of Object.values(contexts)) ctx.forget();
    show({ selected: 3 });
    frames.run();
    expect(contexts.ground.calls).toHaveLength(0);
    expect(contexts.marks.of('stroke').some((call) => call.stroke === 'ink-2')).toBe(true);
  });
});

describe('budgets of the graph', () => {
  // Calls and changes of style of a frame, not time: they do not depend on the machine.
  it.each([
    [60, 5, 1200, 260],
    [2000, 10, 700, 200],
    [100_000, 20, 700, 200],
  ])(
    '%i tasks in %i levels take at most %i calls',
    (tasks, levels, calls, changes) => {
      const run = syntheticRun(layersPlan(tasks, levels), { workers: 8, slots: 8 });
      const { contexts } = stagedGraph(run);
      expect(contexts.marks.calls.length).toBeLessThan(calls);
      expect(contexts.marks.styleChanges).toBeLessThan(changes);
      expect(contexts.ground.styleChanges).toBeLessThan(60);
    },
    30_000,
  );

  it('draws only what is in view of 2,000 nodes', () => {
    const run = syntheticRun(layersPlan(2000, 10));
    const { contexts, frames, stage } = stagedGraph(run);
    stage.zoomBy(12, 100, 250);
    for (const ctx of Object.values(contexts)) ctx.forget();
    stage.pan(1, 0);
    frames.run();
    expect(contexts.marks.of('roundRect').length + contexts.marks.of('rect').length).toBeLessThan(90);
    expect(contexts.ground.of('bezierCurveTo').length).toBeLessThan(800);
  });
});
