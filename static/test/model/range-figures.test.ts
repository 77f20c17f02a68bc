import { describe, expect, it } from 'vitest';

import { GraphIndex } from '../../src/model/graph-index';
import { phasesOf } from '../../src/model/phases';
import { type RangeFigures, rangeFigures, type RangePhases } from '../../src/model/range-figures';
import { trafficOf } from '../../src/model/run-figures';
import { lanesOf } from '../../src/model/run-lanes';
import { Outcome, RowFlag } from '../../src/model/run-table';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun } from '../fake/fake-run';
import { graphOf } from '../fake/graph-of';
import { forSeeds } from '../fake/random';
import { foldOf, tableOf } from '../fake/table-of';

/** a: claimed 0, started 10, of which 4 fetching, ended 30, stored by 40. b reads it: 50 to 90, and failed. c waits. */
const rows = [
  { node: 0, worker: 0, outcome: Outcome.ok, flags: RowFlag.stored, fetchNs: 4, outputBytes: 64 },
  { node: 1, worker: 0, outcome: Outcome.failed },
  { node: 2 },
].map((row, i) => {
  const [readyNs, claimedNs, startedNs, endedNs, updatedNs] = [
    [0, 0, 10, 30, 40],
    [40, 50, 50, 90, 90],
    [60, NaN, NaN, NaN, NaN],
  ][i]!;
  return {
    ...row,
    readyNs: readyNs!,
    claimedNs: claimedNs!,
    startedNs: startedNs!,
    endedNs: endedNs!,
    updatedNs: updatedNs!,
  };
});

function figures(fromNs: number, toNs: number): RangeFigures {
  const table = tableOf(rows, { ended: true, nowNs: 100 });
  const index = new GraphIndex(graphOf(['a', 'b', 'c'], [[0, 1]]), table);
  return rangeFigures(index, table, lanesOf(table), { fromNs, toNs });
}

describe('rangeFigures', () => {
  it('has of each attempt what lies in the range', () => {
    const { phases, functions, ...others } = figures(5, 60);
    expect(phases).toEqual({ queueNs: 10, waitNs: 3, fetchNs: 2, executeNs: 30, storeNs: 10, updateNs: 0 });
    expect(functions).toEqual([
      { function: 0, attempts: 1, heldNs: 35 },
      { function: 1, attempts: 1, heldNs: 10 },
    ]);
    expect(others).toMatchObject({ attempts: 2, failed: 0, busyNs: 45, slotNs: 55, outputBytes: 64, unsized: 0 });
    expect(others.traffic).toEqual({ movedBytes: 0, keptBytes: 64, inlineBytes: 0, edges: 1, unsized: 0 });
  });

  it('counts what fails in it, what still waits, and nothing of what only touches its end', () => {
    expect(figures(60, 100)).toMatchObject({ attempts: 1, failed: 1, outputBytes: 0 });
    expect(figures(60, 100).phases.queueNs).toBe(40);
    expect(figures(45, 50)).toMatchObject({ attempts: 0, functions: [], busyNs: 0 });
  });

  it('adds up: two halves are the whole, and the whole is every attempt with its phases', () => {
    forSeeds(20, (random) => {
      const run = new FakeRun(randomGraph(random), random, { retries: 0.2 });
      const table = foldOf(run);
      const index = new GraphIndex(run.graph, table);
      const of = (fromNs: number, toNs: number) => rangeFigures(index, table, lanesOf(table), { fromNs, toNs });
      const middleNs = random.whole(0, run.endNs);
      const [whole, left, right] = [of(0, run.endNs + 1), of(0, middleNs), of(middleNs, run.endNs + 1)];
      for (const phase of Object.keys(whole.phases) as (keyof RangePhases)[]) {
        expect(left.phases[phase] + right.phases[phase]).toBeCloseTo(whole.phases[phase], 0);
        let sum = 0;
        for (let row = 0; row < table.rows; row++) sum += phasesOf(table, row)[phase] || 0;
        expect(whole.phases[phase]).toBeCloseTo(sum, 0);
      }
      expect(left.busyNs + right.busyNs).toBeCloseTo(whole.busyNs, 0);
      expect(left.slotNs + right.slotNs).toBeCloseTo(whole.slotNs, 0);
      expect(left.outputBytes + right.outputBytes).toBe(whole.outputBytes);
      expect(whole.traffic).toEqual(trafficOf(index, table));
      const heldNs = whole.functions.reduce((total, one) => total + one.heldNs, 0);
      const { queueNs, ...held } = whole.phases;
      expect(queueNs).toBeGreaterThanOrEqual(0);
      expect(Object.values(held).reduce((total, ns) => total + ns, 0)).toBeCloseTo(heldNs, 0);
    });
  });
});
