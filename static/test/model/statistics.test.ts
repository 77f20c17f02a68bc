import { describe, expect, test } from 'vitest';

import { GraphIndex } from '../../src/model/graph-index';
import { isMetric, metrics, metricsOf, quantityOf, unitOf, valueOf } from '../../src/model/metric';
import { phasesAt, phasesOf } from '../../src/model/phases';
import { quantile, samplesNeeded } from '../../src/model/quantile';
import { Outcome, RowFlag } from '../../src/model/run-table';
import { cpuSharesAt } from '../../src/model/cpu-share';
import { rankOf, statisticsAt } from '../../src/model/statistics';
import { taskStateAt } from '../../src/model/states';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun } from '../fake/fake-run';
import { graphOf } from '../fake/graph-of';
import { forSeeds } from '../fake/random';
import { foldOf, tableOf } from '../fake/table-of';

describe('quantiles', () => {
  test.each([
    [[], 0.5, NaN],
    [[7], 0.95, 7],
    [[1, 2, 3, 4], 0.5, 2.5],
    [[1, 2, 3, 4], 0, 1],
    [[1, 2, 3, 4], 1, 4],
    [[1, 2, 3, 4, 5], 0.25, 2],
    [[10, 20, 30], 0.95, 29], // numpy.quantile([10, 20, 30], 0.95)
    [[1, 2], 1.5, NaN],
  ])('of %j at %d', (values, q, want) => {
    expect(Math.abs(quantile(values, q) - want) < 1e-12 || Object.is(quantile(values, q), want)).toBe(true);
  });

  test('need so many samples', () => {
    expect([0.5, 0.9, 0.95, 0.99, 0.999].map(samplesNeeded)).toEqual([2, 10, 20, 100, 1000]);
  });

  test('ranks are shares of what is below', () => {
    const values = Float64Array.of(1, 2, 2, 3);
    expect([0, 1, 2, 2.5, 3, 9].map((x) => rankOf(values, x))).toEqual([0, 0, 0.25, 0.75, 0.75, 1]);
    expect(rankOf(new Float64Array(0), 1)).toBeNaN();
  });
});

describe('phases', () => {
  const row = { readyNs: 10, claimedNs: 20, startedNs: 50, endedNs: 90, updatedNs: 100, fetchNs: 25, outcome: 1 };

  test('split the time from ready to the end', () => {
    const phases = { queueNs: 10, waitNs: 5, fetchNs: 25, executeNs: 40, storeNs: 0, updateNs: 10 };
    expect(phasesOf(tableOf([row]), 0)).toEqual(phases);
    const stored = { ...row, flags: RowFlag.stored };
    expect(phasesOf(tableOf([stored]), 0)).toEqual({ ...phases, storeNs: 10, updateNs: 0 });
  });

  test('are never negative, though clocks disagree', () => {
    const table = tableOf([{ ...row, claimedNs: 5, startedNs: 200, endedNs: 60, fetchNs: 1000 }]);
    expect(phasesOf(table, 0)).toEqual({ queueNs: 0, waitNs: 0, fetchNs: 90, executeNs: 0, storeNs: 0, updateNs: 0 });
  });

  test('grow with the playhead', () => {
    const table = tableOf([row]);
    const at = (atNs: number) => Object.values(phasesAt(table, 0, atNs)) as number[];
    expect(at(5)).toEqual([NaN, NaN, NaN, NaN, NaN, NaN]);
    expect(at(15)).toEqual([5, NaN, NaN, NaN, NaN, NaN]);
    expect(at(30)).toEqual([10, 0, 10, NaN, NaN, NaN]);
    expect(at(70)).toEqual([10, 5, 25, 20, NaN, NaN]);
    expect(at(95)).toEqual([10, 5, 25, 40, 0, 5]);
    expect(at(1000)).toEqual(Object.values(phasesOf(table, 0)));
  });
});

test('metrics are known by their names on the wire', () => {
  expect(isMetric('execute_ns')).toBe(true);
  expect(isMetric('execute')).toBe(false);
  expect(isMetric(null)).toBe(false);
  expect([unitOf('fetch_ns'), unitOf('output_bytes'), unitOf('output_bytes_per_s')]).toEqual([
    'ns',
    'bytes',
    'bytes_per_s',
  ]);
  expect(quantityOf('output_bytes_per_s', 2_621_440)).toEqual({ figure: '2.50', unit: 'MiB/s' });
});

const once = { startedNs: 0, endedNs: 2e9, updatedNs: 2e9, claimedNs: 0, readyNs: 0, outcome: Outcome.ok };
const unknown = { cpuNs: NaN, memoryBytes: NaN, readBytes: NaN, writtenBytes: NaN };

test('metrics are those of which the run has a value', () => {
  const times = ['execute_ns', 'fetch_ns', 'store_ns', 'queue_ns', 'wait_ns', 'update_ns', 'total_ns'];
  expect(new Set(metricsOf(tableOf([once])))).toEqual(new Set(times));
  const some = tableOf([
    { ...once, outputBytes: 5e9, usage: { ...unknown, readBytes: 0 } },
    { ...once, node: 1, outcome: Outcome.failed, usage: { ...unknown, memoryBytes: 7 } },
  ]);
  expect(new Set(metricsOf(some))).toEqual(new Set([...times, 'output_bytes', 'output_bytes_per_s', 'read_bytes']));
  expect(valueOf(some, 0, 'output_bytes_per_s')).toBe(2.5e9);
  expect(valueOf(some, 0, 'cpu_ns')).toBeNaN();
});

test('CPU shares are over the attempts whose CPU time is known', () => {
  const graph = graphOf(['a', 'a', 'a']);
  const table = tableOf([
    { ...once, usage: { ...unknown, cpuNs: 3e9 } },
    { ...once, node: 1, updatedNs: 5e9, usage: { ...unknown, cpuNs: 0 } },
    { ...once, node: 2, usage: { ...unknown, readBytes: 1 } },
  ]);
  const index = new GraphIndex(graph, table);
  expect(cpuSharesAt(index, table, Infinity)).toEqual([0.75]); // 3 s of 4 s
  expect(cpuSharesAt(index, table, 3e9)).toEqual([1.5]);
  expect(cpuSharesAt(index, table, 1e9)).toEqual([NaN]);
  const none = tableOf([once]);
  expect(cpuSharesAt(new GraphIndex(graph, none), none, Infinity)).toBeUndefined();
});

test('statistics are those of the attempts that had ended well, function by function', () => {
  forSeeds(20, (random) => {
    const run = new FakeRun(randomGraph(random), random);
    const table = foldOf(run);
    const index = new GraphIndex(run.graph, table);
    for (let i = 0; i < 5; i++) {
      const atNs = random.whole(0, run.endNs);
      const metric = random.pick(metrics);
      const got = statisticsAt(index, table, metric, atNs);
      run.graph.functions.forEach((_, fn) => {
        const mine = run.rows.map((_row, row) => row).filter((row) => index.functionOf(run.rows[row]!.node) === fn);
        const ended = mine.filter((row) => run.rows[row]!.outcome === Outcome.ok && run.rows[row]!.updatedNs <= atNs);
        const values = ended.map((row) => valueOf(table, row, metric)).filter((v) => !Number.isNaN(v));
        values.sort((a, b) => a - b);
        const of = got[fn]!;
        expect([...of.values]).toEqual(values);
        expect(of.n).toBe(values.length);
        expect(of.p50).toEqual(quantile(values, 0.5));
        expect(of.p95).toEqual(values.length >= 20 ? quantile(values, 0.95) : NaN);
        const tasks = run.nodes.filter(({ number }) => index.functionOf(number) === fn);
        const over = ['succeeded', 'failed', 'cancelled', 'skipped', 'lost'];
        expect(of.total).toBe(tasks.length);
        expect(of.done).toBe(tasks.filter(({ number }) => over.includes(taskStateAt(table, number, atNs))).length);
      });
    }
  });
});

test('p95 needs 20 samples', () => {
  const scope = {
    up: -1,
    expansion: -1,
    tasks: 20,
    fanouts: 0,
    joins: 0,
    function: new Array<number>(20).fill(0),
    edges: [],
  };
  const graph = {
    hash: '',
    functions: [{ function: 'f', version: 0 }],
    scopes: [{ ...scope, region: [], joinOf: [], joinWaits: [] }],
  };
  const rows = Array.from({ length: 20 }, (_, node) => {
    return { node, readyNs: 0, claimedNs: 0, startedNs: 0, endedNs: node + 1, updatedNs: node + 1, outcome: 1 };
  });
  const table = tableOf(rows);
  const index = new GraphIndex(graph, table);
  expect(statisticsAt(index, table, 'execute_ns', 19)[0]).toMatchObject({ n: 19, done: 19, total: 20, p95: NaN });
  expect(statisticsAt(index, table, 'execute_ns', 20)[0]).toMatchObject({ n: 20, done: 20, p50: 10.5, p95: 19.05 });
});
