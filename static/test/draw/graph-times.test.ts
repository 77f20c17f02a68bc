import { beforeAll, describe, expect, it } from 'vitest';

import { spread } from '../../src/draw/graph-spread';
import { ElementTimes, wholeSums } from '../../src/draw/graph-times';
import { ElementPlaces } from '../../src/draw/state-tally';
import { NodeStates } from '../../src/model/node-states';
import { medianOf, quantile } from '../../src/model/quantile';
import { statisticsAt } from '../../src/model/statistics';
import { Random } from '../fake/random';
import { stagedGraph } from './frames';
import { withPaths } from './recording-context';
import { fanoutPlan, layersPlan, montagePlan, spindlePlan, syntheticRun } from './synthetic-run';

beforeAll(withPaths);

const PREFIX = 'LAB_PIPELINE.GENOMICS.PREPARE_REFERENCE';
const SPINDLE = ['REDUCE', 'INDEX', 'ALIGN', 'GATHER', 'CAT'].map((name) => `${PREFIX}.${name}`);

describe('times of elements', () => {
  it.each([
    ['montage', montagePlan()],
    ['fan-out', fanoutPlan(40)],
  ])('are those of the statistics at any moment: %s', (_, plan) => {
    const run = syntheticRun(plan, { retryEvery: 5 });
    const states = new NodeStates();
    const times = new ElementTimes();
    const elements = run.layout.scopes[0]!.column.length;
    const elementOf = new ElementPlaces().of(run.index);
    for (const share of [0, 0.2, 0.5, 0.8, 1]) {
      const atNs = run.endNs * share;
      states.update(run.index, run.table, atNs);
      times.update(elementOf, states, run.table, elements);
      const expected = statisticsAt(run.index, run.table, 'execute_ns', atNs).reduce((sum, one) => sum + one.sum, 0);
      expect(times.sumNs.reduce((sum, ns) => sum + ns, 0)).toBeCloseTo(expected, 0);
    }
    const all = Array.from(elementOf.keys());
    for (const share of [1, 0.3, 0.31, 0.9, 0.05, 0.6]) {
      states.update(run.index, run.table, run.endNs * share);
      times.update(elementOf, states, run.table, elements);
      const afresh = new ElementTimes();
      afresh.update(elementOf, states, run.table, elements);
      for (const third of [0, 1, 2]) {
        const nodes = all.filter((node) => elementOf[node]! >= 0 && node % 3 === third);
        expect(times.of(`${third}`, 0, () => nodes)).toEqual(afresh.of(`${third}`, 0, () => nodes));
      }
    }
    states.update(run.index, run.table, run.endNs);
    times.update(elementOf, states, run.table, elements);
    wholeSums(elementOf, run.table, elements).forEach((ns, element) => {
      expect(times.sumNs[element]).toBeCloseTo(ns, 0);
    });
  });

  it('have the median of a sorted list', () => {
    const random = new Random(4);
    for (let n = 1; n < 60; n++) {
      const values = Float64Array.from({ length: n }, () => random.whole(0, 12));
      expect(medianOf(values.slice()), `seed ${random.seed}`).toBe(quantile(values.sort(), 0.5));
    }
    expect(medianOf(new Float64Array(0))).toBeNaN();
  });
});

describe('boxes of many tasks', () => {
  it('say total and median, and so does the tip', () => {
    const run = syntheticRun(layersPlan(2000, 10));
    const { contexts, stage } = stagedGraph(run, { atNs: run.endNs });
    expect(contexts.marks.texts.filter((text) => /^(total|Σ) /.test(text)).length).toBeGreaterThan(8);
    expect(contexts.marks.texts.filter((text) => /^med(ian|\.) /.test(text)).length).toBeGreaterThan(8);
    const rect = stage.placeOf(0)!;
    const hit = stage.hit(rect.x + rect.w / 2, rect.y + rect.h / 2);
    const own = statisticsAt(run.index, run.table, 'execute_ns', run.endNs)[0]!;
    expect(hit).toMatchObject({ kind: 'group', tasks: { times: { n: 200, minNs: own.min, maxNs: own.max } } });
    const { times } = (hit as Extract<typeof hit, { kind: 'group' }>).tasks;
    expect(times.sumNs).toBeCloseTo(own.sum, 0);
    expect(times.medianNs).toBeCloseTo(own.p50, 0);
  });

  it('leave the few tasks next to them high enough for name and time', () => {
    const run = syntheticRun(spindlePlan(1000, SPINDLE));
    const { contexts, stage } = stagedGraph(run, { atNs: run.endNs });
    for (const task of [0, 1, 1002, 1003]) expect(stage.placeOf(task)!.h).toBeGreaterThanOrEqual(28);
    expect(contexts.marks.texts).toEqual(expect.arrayContaining(['REDUCE', 'INDEX', 'GATHER', 'CAT']));
    const rect = stage.placeOf(1)!;
    expect(stage.hit(rect.x + rect.w / 2, rect.y + rect.h / 2)).toEqual({ kind: 'task', node: 1 });
  });

  it('are high by the share of time of their function, however few its tasks are', () => {
    const plan = spindlePlan(1000, SPINDLE);
    const run = syntheticRun({ ...plan, meanMs: [1, 500_000, 1, 1, 1] });
    // All in one level, so that every function has its box in it.
    const flat = {
      ...run.layout,
      scopes: run.layout.scopes.map((one) => ({
        ...one,
        columns: 1,
        column: one.column.map(() => 0),
        y: one.y.map((_, i) => i),
        height: 1004,
        edges: [],
      })),
    };
    const { frames, stage, show } = stagedGraph({ ...run, layout: flat }, { atNs: run.endNs });
    show({});
    frames.run();
    const heights = new Map<number, number>();
    for (let y = 46; y < 490; y++) {
      const hit = stage.hit(stage.placeOf(1)!.x + 4, y);
      if (hit?.kind === 'group') heights.set(hit.fn, (heights.get(hit.fn) ?? 0) + 1);
    }
    expect(heights.size).toBe(5);
    for (const height of heights.values()) expect(height).toBeGreaterThanOrEqual(18);
    expect(heights.get(1)!).toBeGreaterThan(150);
  });
});

describe('heads of columns', () => {
  it('have names without what all share, a count or a time, and never overlap', () => {
    const long = Array.from({ length: 12 }, (_, i) => `${PREFIX}.STEP_NUMBER_${'ABCDEFGHIJKL'[i]!}`);
    const run = syntheticRun({ ...layersPlan(120, 12), functions: long });
    for (const width of [500, 900, 1500]) {
      const { contexts } = stagedGraph(run, { atNs: run.endNs }, { width, height: 500 });
      for (const y of [12, 26]) {
        const texts = contexts.marks.of('fillText').filter((call) => call.args[2] === y);
        expect(texts.length).toBeGreaterThan(2);
        texts.forEach(({ args }, i) => {
          const next = texts[i + 1];
          const end = Number(args[1]) + String(args[0]).length * 6;
          expect(end).toBeLessThanOrEqual(next ? Number(next.args[1]) : width);
        });
        if (y === 26) for (const { args } of texts) expect(String(args[0])).toMatch(/\d/);
      }
      expect(contexts.marks.texts.some((text) => text.includes('LAB_PIPELINE'))).toBe(false);
    }
  });
});

describe('levels of few tasks in a tall graph', () => {
  it('are spread in their order, apart, inside, and no further than they must be', () => {
    expect(spread([250, 251], 44, 500)).toEqual([228.5, 272.5]);
    expect(spread([100, 300], 44, 500)).toEqual([100, 300]);
    expect(spread([0, 1], 44, 500)).toEqual([22, 66]);
    const random = new Random(2);
    for (let round = 0; round < 200; round++) {
      const n = random.whole(1, 10);
      const places = Array.from({ length: n }, () => random.whole(0, 500)).sort((a, b) => a - b);
      const moved = spread(places, 44, 500);
      moved.forEach((place, i) => {
        expect(place).toBeGreaterThanOrEqual(21.999);
        expect(place).toBeLessThanOrEqual(478.001);
        if (i > 0) expect(place - moved[i - 1]!).toBeGreaterThanOrEqual(43.999);
      });
    }
  });
});
