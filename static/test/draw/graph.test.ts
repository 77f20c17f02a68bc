import { beforeAll, describe, expect, it } from 'vitest';

import { graphGeometry, HEAD_PX } from '../../src/draw/graph-geometry';
import { Collapser } from '../../src/draw/graph-groups';
import { segments } from '../../src/draw/graph-group-marks';
import { WHOLE, zoomLimits, zoomWithin } from '../../src/draw/graph-limits';
import { boxParts, nodeRect } from '../../src/draw/graph-places';
import { stateIs, stateName, worseState } from '../../src/draw/mark-state';
import { NodeStates } from '../../src/model/node-states';
import { overlaps } from '../../src/draw/rect';
import { GraphView } from '../../src/model/graph-view';
import { taskStateAt } from '../../src/model/states';
import { stagedGraph } from './frames';
import { withPaths } from './recording-context';
import {
  fanoutPlan,
  layersPlan,
  montagePlan,
  nestedPlan,
  randomFrom,
  syntheticRun,
  type SyntheticRun,
} from './synthetic-run';

beforeAll(withPaths);

const viewport = { width: 1500, height: 500, narrow: false };
const montage = syntheticRun(montagePlan());

function geometryOf(run: SyntheticRun) {
  return graphGeometry(run.graph, run.layout, viewport);
}

describe('NodeStates', () => {
  it.each([
    ['montage', montagePlan()],
    ['fan-out', fanoutPlan(9)],
    ['nested', nestedPlan(4)],
  ])('agrees with taskStateAt at any moment: %s', (_, plan) => {
    const run = syntheticRun(plan, { retryEvery: 4 });
    const states = new NodeStates();
    const random = randomFrom(3);
    for (let i = 0; i < 40; i++) {
      const atNs = random() * run.endNs * 1.1;
      states.update(run.index, run.table, atNs);
      for (let node = 0; node < run.index.nodes; node++) {
        if (!run.index.isTask(node)) continue;
        expect(stateName(states.state[node]!)).toBe(taskStateAt(run.table, node, atNs));
      }
    }
  });

  it('does nothing where neither moment nor table moved', () => {
    const states = new NodeStates();
    expect(states.update(montage.index, montage.table, 5e9)).toBe(true);
    expect(states.update(montage.index, montage.table, 5e9)).toBe(false);
    expect(states.revision).toBe(1);
  });

  it('never lets a failure be covered', () => {
    for (const other of Object.values(stateIs)) expect(worseState(other, stateIs.failed)).toBe(stateIs.failed);
    expect(worseState(stateIs.succeeded, stateIs.running)).toBe(stateIs.running);
  });
});

describe('graphGeometry', () => {
  it('fills the viewport and keeps nodes of a level apart', () => {
    const geometry = geometryOf(montage);
    for (const column of geometry.columns) {
      for (let i = 1; i < column.elements.length; i++) {
        expect(overlaps(geometry.rects[column.elements[i - 1]!]!, geometry.rects[column.elements[i]!]!)).toBe(false);
      }
    }
    expect(geometry.columns[0]!.x).toBeCloseTo(18);
    const last = geometry.columns.at(-1)!;
    expect(last.x + last.w).toBeCloseTo(viewport.width - 18);
    for (const rect of geometry.rects) {
      expect(rect.y).toBeGreaterThanOrEqual(HEAD_PX - 1);
      expect(rect.y + rect.h).toBeLessThanOrEqual(viewport.height);
    }
  });

  it('gives a lone task two lines, and dense levels narrow nodes', () => {
    const geometry = geometryOf(montage);
    const [project, diff, concat] = geometry.columns;
    expect(concat!.isSingle).toBe(true);
    expect(geometry.rects[concat!.elements[0]!]!.h).toBeGreaterThanOrEqual(28);
    expect(diff!.w).toBeLessThan(project!.w);
  });

  it('keeps the columns readable in which the time went, where all others are scaled down', () => {
    const run = syntheticRun(layersPlan(400, 40));
    const narrow = { width: 800, height: 500, narrow: true };
    const weights = new Float64Array(400).fill(1);
    const heavy = run.layout.scopes[0]!.column.findIndex((column) => column === 17);
    weights[heavy] = 1000;
    const plain = graphGeometry(run.graph, run.layout, narrow);
    const weighed = graphGeometry(run.graph, run.layout, narrow, weights);
    expect(plain.columns[17]!.w).toBeLessThan(20);
    expect(weighed.columns[17]!.w).toBeGreaterThanOrEqual(60);
    expect(weighed.columns[16]!.w).toBeLessThanOrEqual(plain.columns[16]!.w);
    const last = weighed.columns.at(-1)!;
    expect(last.x + last.w).toBeLessThanOrEqual(narrow.width - 17);
    weighed.columns.slice(1).forEach((column, i) => {
      const before = weighed.columns[i]!;
      expect(column.x).toBeGreaterThanOrEqual(before.x + before.w - 1e-6);
    });
  });

  it('leaves more room where more edges cross', () => {
    const { columns } = geometryOf(montage);
    const gap = (i: number): number => columns[i + 1]!.x - columns[i]!.x - columns[i]!.w;
    expect(gap(0)).toBeGreaterThan(gap(7));
  });

  it('holds a chain of 10,000 levels', () => {
    const chain = syntheticRun(layersPlan(10_000, 10_000));
    const geometry = geometryOf(chain);
    const last = geometry.columns.at(-1)!;
    expect(last.x + last.w).toBeLessThanOrEqual(viewport.width);
  });

  it('moves nothing when a fan-out expands, and puts instances inside its box', () => {
    const before = geometryOf(syntheticRun({ ...fanoutPlan(1), width: 0 }));
    const run = syntheticRun(fanoutPlan(40));
    const after = geometryOf(run);
    expect(after.rects).toEqual(before.rects);
    const box = after.rects[2]!;
    const seen: { x: number; y: number; w: number; h: number }[] = [];
    for (const node of run.index.tasksOfElement(0, 2)) {
      const rect = nodeRect(after, run.index, node)!;
      expect(rect.x).toBeGreaterThanOrEqual(box.x);
      expect(rect.y + rect.h).toBeLessThanOrEqual(box.y + box.h + 1e-6);
      for (const other of seen) expect(overlaps(rect, other)).toBe(false);
      seen.push(rect);
    }
    expect(seen).toHaveLength(80);
  });

  it('gives few instances rows of three lines, in the middle of their box', () => {
    const run = syntheticRun(fanoutPlan(2));
    const geometry = geometryOf(run);
    const rects = [...run.index.tasksOfElement(0, 2)].map((node) => nodeRect(geometry, run.index, node)!);
    const box = geometry.rects[2]!;
    for (const rect of rects) expect(rect.h).toBeGreaterThanOrEqual(48);
    const top = Math.min(...rects.map((rect) => rect.y));
    const bottom = Math.max(...rects.map((rect) => rect.y + rect.h));
    const { cells } = boxParts(box, geometry.bodies[1]!);
    expect((top + bottom) / 2).toBeCloseTo(cells.y + cells.h / 2, 6);
    expect(rects[0]!.h).toBeLessThanOrEqual(64);
  });

  it('nests boxes', () => {
    const run = syntheticRun(nestedPlan(3));
    const geometry = geometryOf(run);
    const inner = run.index.blocks.filter((block) => block.scope === 2);
    for (const block of inner) {
      const box = nodeRect(geometry, run.index, block.expansion)!;
      const task = nodeRect(geometry, run.index, block.first)!;
      expect(task.x).toBeGreaterThanOrEqual(box.x);
      expect(task.x + task.w).toBeLessThanOrEqual(box.x + box.w + 1e-6);
    }
    expect(inner).toHaveLength(3);
  });
});

describe('Collapser', () => {
  const wide = syntheticRun(layersPlan(2000, 10));

  it('draws levels below 3 px a node as boxes of their functions, with every element in one', () => {
    const collapse = new Collapser(geometryOf(wide)).at(WHOLE);
    expect(collapse.groups).toHaveLength(10);
    expect(collapse.groups.flatMap((group) => group.elements)).toHaveLength(2000);
    expect([...collapse.groupOf].every((group) => group >= 0)).toBe(true);
    expect(collapse.edges).toHaveLength(9);
    expect(collapse.edges.reduce((sum, edge) => sum + edge.edges.length, 0)).toBe(geometryOf(wide).edges.length);
  });

  it('opens when zoomed in, and remembers what it made', () => {
    const collapser = new Collapser(geometryOf(wide));
    expect(collapser.at(new GraphView(4, 4, 0, 0)).groups).toHaveLength(0);
    const first = collapser.at(WHOLE);
    expect(collapser.at(new GraphView(1, 1, -30, 5))).toBe(first);
  });

  it('puts levels together, a power of two of them, where levels are too close', () => {
    const chain = syntheticRun(layersPlan(5000, 5000));
    const collapse = new Collapser(geometryOf(chain)).at(WHOLE);
    expect(Number.isInteger(Math.log2(collapse.levels))).toBe(true);
    expect(collapse.levels).toBeGreaterThan(8);
    expect(collapse.groups.flatMap((group) => group.elements)).toHaveLength(5000);
  });
});

describe('segments', () => {
  it('shows one failed task among 10,000, and fills the box exactly', () => {
    const counts = new Uint32Array(11);
    counts[stateIs.succeeded] = 9_999;
    counts[stateIs.failed] = 1;
    const parts = segments({ x: 0, y: 10, w: 60, h: 400 }, counts, 10_000);
    const failed = parts.find((part) => part.state === stateIs.failed)!;
    expect(failed.rect.h).toBeGreaterThanOrEqual(2);
    expect(parts.reduce((sum, part) => sum + part.rect.h, 0)).toBeCloseTo(400);
    expect(parts.reduce((sum, part) => sum + part.count, 0)).toBe(10_000);
  });
});

describe('zoom', () => {
  it('keeps the point under the pointer and ends at the whole graph', () => {
    const limits = zoomLimits(geometryOf(montage), 1);
    const zoomed = zoomWithin(WHOLE, limits, 2, 300, 200);
    expect(zoomed.toX(300)).toBeCloseTo(300);
    expect(zoomed.toY(200)).toBeCloseTo(200);
    expect(zoomWithin(zoomed, limits, 0.1, 0, 0)).toBe(WHOLE);
    expect(zoomWithin(WHOLE, limits, 1e6, 0, 0).kx).toBeCloseTo(limits.kx);
  });

  it('does not blow up what is large enough: a chain widens, its nodes stay low', () => {
    const limits = zoomLimits(geometryOf(syntheticRun(layersPlan(10_000, 10_000))), 1);
    expect(limits.kx).toBeGreaterThan(1000);
    expect(limits.ky).toBeLessThan(3);
  });

  it('says how far it is zoomed', () => {
    const { stage } = stagedGraph(montage);
    expect(stage.scaleText()).toBe('Fit');
    stage.zoomBy(2.6);
    expect(stage.scaleText()).toBe('× 2.6');
    stage.fit();
    expect(stage.scaleText()).toBe('Fit');
  });
});
