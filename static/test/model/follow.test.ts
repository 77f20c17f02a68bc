// What follows a growing log must be what is made of the whole of it.

import { describe, expect, test } from 'vitest';

import { ElementPlaces, StateTally } from '../../src/draw/state-tally';
import { stateName, STATES } from '../../src/draw/mark-state';
import { NodeStates } from '../../src/model/node-states';
import { decodeFrame } from '../../src/model/frame';
import { eventsOf, RunEvents } from '../../src/model/events';
import { GraphIndex } from '../../src/model/graph-index';
import { lanesOf } from '../../src/model/run-lanes';
import { RunFold } from '../../src/model/run-fold';
import type { RunTable } from '../../src/model/run-table';
import { Samples } from '../../src/model/samples';
import { countStates } from '../../src/model/state-counts';
import { noStates, taskStateAt } from '../../src/model/states';
import { statisticsAt } from '../../src/model/statistics';
import { taskStates } from '../../src/model/task-state';
import { SortedMoments } from '../../src/model/sorted-moments';
import { encodeFrame, type FakeRow } from '../fake/encode-frame';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun, FakeTable } from '../fake/fake-run';
import { forSeeds, type Random } from '../fake/random';
import { foldOf } from '../fake/table-of';

/** Folds a run in batches of random sizes, and calls visit after each with a table made at once, to compare with. */
function inBatches(
  random: Random,
  visit: (table: RunTable, fresh: RunTable, index: GraphIndex, nowNs: number) => void,
) {
  const run = new FakeRun(randomGraph(random), random, { retries: 0.2, isCut: random.chance(0.3) });
  const service = new FakeTable(run.steps);
  const fold = new RunFold();
  let index: GraphIndex | undefined;
  while (!service.isComplete) {
    const from = service.seq;
    service.advance(random.whole(1, 12));
    for (const frame of service.frames(from, 1)) expect(fold.apply(decodeFrame(frame))).toBe(true);
    index ??= new GraphIndex(run.graph, fold.table);
    index.update();
    visit(fold.table, foldOf(run, service.seq), index, fold.table.nowNs);
  }
}

describe('followed batch by batch', () => {
  test('events are those of the whole log', () => {
    forSeeds(40, (random) =>
      inBatches(random, (table, fresh, index) => {
        const followed = eventsOf(index, table);
        const whole = new RunEvents(index, fresh);
        expect([...followed.atNs]).toEqual([...whole.atNs]);
        expect([...followed.kind]).toEqual([...whole.kind]);
        expect([...followed.row]).toEqual([...whole.row]);
      }),
    );
  });

  test('lanes are those of the whole log', () => {
    forSeeds(40, (random) => {
      inBatches(random, (table, fresh) => {
        const followed = lanesOf(table);
        expect(followed).toEqual(lanesOf(fresh));
        for (const worker of followed.workers)
          for (const lane of worker.slots) expect(followed.lanes[lane.index]).toBe(lane);
        expect(lanesOf(table)).toBe(followed);
      });
    });
  });

  test('statistics are those of the whole log, of any metric and moment', () => {
    forSeeds(40, (random) => {
      inBatches(random, (table, fresh, index, nowNs) => {
        for (const metric of ['execute_ns', 'queue_ns', 'output_bytes'] as const) {
          const atNs = random.pick([nowNs, Infinity, random.whole(0, nowNs)]);
          const whole = new GraphIndex(index.graph, fresh);
          expect(statisticsAt(index, table, metric, atNs)).toEqual(statisticsAt(whole, fresh, metric, atNs));
        }
      });
    });
  });

  test('states and their tallies are those of each task', () => {
    forSeeds(40, (random) => {
      const [states, places, tally] = [new NodeStates(), new ElementPlaces(), new StateTally()];
      inBatches(random, (table, _, index, nowNs) => {
        // As live pages do: now and a little beyond; sometimes somewhere else.
        const atNs = random.chance(0.2) ? random.whole(0, nowNs) : nowNs + random.whole(0, 5);
        states.update(index, table, atNs);
        const elements = index.graph.scopes[0]!.tasks + index.graph.scopes[0]!.fanouts;
        const placeOf = places.of(index);
        tally.update(states, placeOf, elements);
        const counts = new Uint32Array(elements * STATES);
        for (let node = 0; node < index.nodes; node++) {
          const state = taskStates.indexOf(taskStateAt(table, node, atNs));
          expect(states.state[node]).toBe(state);
          if (placeOf[node]! >= 0) counts[placeOf[node]! * STATES + state]!++;
        }
        expect(tally.counts).toEqual(counts);
        const all = noStates();
        for (let node = 0; node < index.nodes; node++) if (index.isTask(node)) all[stateName(states.state[node]!)]++;
        expect(countStates(index, table, atNs)).toEqual(all);
        expect(countStates(index, table, atNs), 'once').toBe(countStates(index, table, atNs));
      });
    });
  });
});

describe('the cost of following', () => {
  /** Row i is over at i + 1; each batch brings its rows and the next one, which has not ended. */
  function* growing(n: number, each: number): Generator<RunTable> {
    const fold = new RunFold();
    for (let from = 0; from < n; from += each) {
      const rows: [number, FakeRow][] = [];
      for (let i = from; i < from + each; i++) rows.push([i, rowOf(i, i + 1)]);
      rows.push([from + each, rowOf(from + each, NaN)]);
      const kind = from === 0 ? 'snapshot' : 'patch';
      const head = { kind, channel: 1, from, to: from + each, nowNs: from + each, tasks: 0 } as const;
      fold.apply(decodeFrame(encodeFrame({ ...head, marks: [], expansions: [], rows })));
      yield fold.table;
    }
  }

  function rowOf(at: number, overNs: number): FakeRow {
    const outcome = Number.isNaN(overNs) ? 0 : 1;
    const times = { readyNs: at, claimedNs: at, startedNs: at, endedNs: overNs, updatedNs: overNs, fetchNs: 0 };
    const place = { node: at, epoch: 0, attempt: 1, worker: 0, slot: 0, outcome, flags: 0 };
    return { ...times, ...place, outputBytes: NaN, storedBytes: NaN };
  }

  test('is that of what came: nothing is sorted anew, and only touched rows are read', () => {
    const moments = new SortedMoments((table, row, _, take) => {
      take(table.claimedNs[row]!, 0);
      take(table.updatedNs[row]!, 1);
    });
    const states = new NodeStates();
    const tally = new StateTally();
    const placeOf = new Int32Array(10_001);
    const index = { nodes: 10_001, graph: { functions: [{}] }, functionOf: () => 0 } as unknown as GraphIndex;
    const samples = new Samples('execute_ns');
    for (const table of growing(10_000, 100)) {
      moments.of(table, Infinity);
      states.update(index, table, table.nowNs);
      tally.update(states, placeOf, 1);
      expect(samples.of(index, table)[0]!.value).toHaveLength(table.nowNs);
    }
    expect(moments.sorts).toBe(1);
    expect(samples.sorts).toBe(1);
    expect(states.rowsRead).toBe(100 * 101);
    expect(tally.read).toBeLessThan(10_001 + 2 * 10_000);
  });
});
