import { beforeAll, describe, expect, it } from 'vitest';

import { thinned, widthShare } from '../../src/draw/edge-crowd';
import { stagedGraph } from './frames';
import { withPaths } from './recording-context';
import { montagePlan, spindlePlan, syntheticRun } from './synthetic-run';

beforeAll(withPaths);

const FUNCTIONS = ['split', 'index', 'align', 'gather', 'cat'];

describe('very many edges', () => {
  it('are thinned by their numbers, so that a moved picture keeps those it has', () => {
    const edges = Array.from({ length: 1000 }, (_, i) => i);
    expect(thinned(edges, 1000)).toBe(edges);
    expect(thinned(edges, 300)).toEqual(edges.filter((i) => i % 4 === 0));
    const [before, after] = [thinned(edges.slice(0, 900), 300), thinned(edges.slice(100), 300)];
    expect(after.filter((i) => i < 900)).toEqual(before.filter((i) => i >= 100));
  });

  it('keep a share of their width that is a power of two and leaves half of the height free', () => {
    for (let ink = 1; ink < 20_000; ink *= 1.3) {
      const share = widthShare(ink, 400);
      expect(Number.isInteger(Math.log2(share))).toBe(true);
      if (share > 1 / 64) expect(ink * share).toBeLessThanOrEqual(200);
      if (share < 1) expect(ink * share * 2).toBeGreaterThan(200);
    }
  });

  it('are painted as some hundred thin lines, however far the graph is zoomed in', () => {
    const run = syntheticRun(spindlePlan(10_000, FUNCTIONS));
    const { contexts, stage, frames } = stagedGraph(run, { atNs: run.endNs });
    for (let zoom = 0; zoom < 12; zoom++) {
      contexts.ground.forget();
      stage.zoomBy(2, 400, 250);
      frames.run();
      expect(contexts.ground.of('moveTo').length).toBeLessThan(2800);
    }
  });

  it('leave a small graph as it is', () => {
    const run = syntheticRun(montagePlan());
    const { contexts } = stagedGraph(run, { atNs: run.endNs });
    expect(contexts.ground.of('moveTo').length).toBe(run.layout.scopes[0]!.edges.length);
  });
});

describe('a selected task of 10,000 inputs', () => {
  const run = syntheticRun(spindlePlan(10_000, FUNCTIONS));
  const gather = 2 + 10_000;

  it('has them as one bundle where they come from one box', () => {
    const { contexts } = stagedGraph(run, { atNs: run.endNs, selected: gather });
    const own = contexts.marks.of('stroke').filter((call) => call.stroke === 'ink-2');
    expect(own).toHaveLength(1);
    expect(contexts.marks.of('bezierCurveTo').length).toBeLessThan(20);
  });

  it('has some hundred of them where each comes from a task that is drawn', () => {
    const { contexts, stage, frames } = stagedGraph(run, { atNs: run.endNs, selected: gather });
    for (let zoom = 0; zoom < 10; zoom++) stage.zoomBy(2, 700, 250);
    contexts.marks.forget();
    frames.run();
    expect(contexts.marks.of('bezierCurveTo').length).toBeLessThanOrEqual(450);
  });
});
