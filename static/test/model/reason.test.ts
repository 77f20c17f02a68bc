import { describe, expect, test } from 'vitest';

import { boundsOf } from '../../src/model/bounds';
import { findingsOf, type FindingsContext } from '../../src/model/findings';
import { nodeRowsOf } from '../../src/model/node-rows';
import { type Cause, reasonOf } from '../../src/model/reason';
import { reasonSentence } from '../../src/model/reason-words';
import { GraphIndex } from '../../src/model/graph-index';
import { RunFold } from '../../src/model/run-fold';
import { lanesOf } from '../../src/model/run-lanes';
import { Outcome } from '../../src/model/run-table';
import type { Span } from '../../src/model/sentence';
import type { FakeRow } from '../fake/encode-frame';
import { graphOf } from '../fake/graph-of';
import { forSeeds, type Random } from '../fake/random';
import { chain, chains, type Cost, levels, tree, wide, woven } from '../fake/shapes';
import { simulate, type Simulation, type SimulatedTask } from '../fake/simulate';
import { applyRows } from '../fake/table-of';

const US = 1e3;
const MS = 1e6;
const S = 1e9;

function textOf(spans: readonly Span[]): string {
  return spans
    .map((span) => span.text)
    .join('')
    .replaceAll('\u00a0', ' ');
}

/** Times around a mean, by a factor of up to 1.5. */
function around(random: Random, ns: number): number {
  return Math.round(ns * (2 / 3 + random.next() * (1.5 - 2 / 3)));
}

/** A length of task that is neither tiny nor long, in any unit. */
function someTime(random: Random): number {
  return random.pick([5 * MS, 20 * MS, 300 * MS, 2 * S, 90 * S]);
}

function executing(random: Random, ns: number, more: Partial<SimulatedTask> = {}): Cost {
  return () => ({ executeNs: around(random, ns), ...more });
}

/** More tasks than slots can take, in several shapes. */
function plenty(random: Random, slots: number, cost: Cost): SimulatedTask[] {
  const n = slots * random.whole(12, 30);
  const shapes = [
    () => wide(n, cost),
    () => tree(n, cost),
    () => woven(3 * n, 12 * slots, random, cost),
    () => chains(6 * slots, 10, cost),
  ];
  return random.pick(shapes)();
}

/** Tasks that leave slots idle because they wait for each other. */
function scarce(random: Random, slots: number, cost: Cost): SimulatedTask[] {
  const shapes = [
    () => chain(random.whole(3, 40), cost),
    () => chains(Math.max(1, slots - 1), random.whole(3, 20), cost),
    () => levels(random.whole(2, 8), Math.max(1, slots - 1), cost),
  ];
  return random.pick(shapes)();
}

type Made = Simulation & { readonly context?: FindingsContext };

/** Ten runs of each cause: what made them long is known because they were made so. */
const made: Record<string, { causes: Cause[]; lead: RegExp; make: (random: Random) => Made }> = {
  'slots are full': {
    causes: ['full'],
    lead: /^(Both|All).* slots were full.*of work on .* slots takes .* of .*; the longest chain is |^The only slot was full for .* of /,
    make: (random) => {
      const slots = random.whole(1, 24);
      const cost = executing(random, someTime(random));
      return { slots, claimNs: 2 * US, updateNs: US, tasks: plenty(random, slots, cost) };
    },
  },
  'one task at a time': {
    causes: ['serial'],
    lead: /^One task at a time: the chain of .* tasks is the makespan, .* of /,
    make: (random) => ({
      slots: random.whole(1, 24),
      claimNs: 2 * US,
      tasks: chain(random.whole(2, 60), executing(random, someTime(random))),
    }),
  },
  'the longest chain': {
    causes: ['chain'],
    lead: /^The longest chain, .* tasks, takes .* of .*, however many slots/,
    make: (random) => {
      const slots = random.whole(3, 24);
      const cost = executing(random, someTime(random));
      const shapes = [
        () => chains(random.whole(2, slots), random.whole(3, 20), cost),
        () => levels(random.whole(3, 8), slots - 1, cost),
      ];
      return { slots, claimNs: 2 * US, tasks: random.pick(shapes)() };
    },
  },
  'waiting with free slots': {
    causes: ['waiting'],
    lead: /^Tasks waited .* of .* to be claimed although slots were free/,
    make: (random) => {
      const slots = random.whole(2, 24);
      const ns = someTime(random);
      // More than the tasks of the shortest chain, of two, take together: then it is the waiting that binds.
      const heldNs = Math.round(Math.max(15 * MS, ns * (4 + 3 * random.next())));
      return { slots, claimNs: 2 * US, tasks: scarce(random, slots, executing(random, ns, { heldNs })) };
    },
  },
  'the engine around tiny tasks': {
    causes: ['engine'],
    lead: /^Tasks are tiny: the engine's work on them took .* of .* a task, which itself takes /,
    make: (random) => {
      const slots = random.whole(1, 8);
      const engineNs = random.pick([2 * US, 10 * US, 200 * US, 4 * MS]);
      const cost = executing(random, Math.min(0.4 * MS, engineNs / random.whole(4, 20)));
      const shapes = [plenty, scarce];
      const claimNs = Math.round(engineNs * random.next());
      return { slots, claimNs, updateNs: engineNs - claimNs, tasks: random.pick(shapes)(random, slots, cost) };
    },
  },
  'paused by a person': {
    causes: ['paused'],
    lead: /^The run was paused for .* of /,
    make: (random) => {
      const slots = random.whole(1, 16);
      const cost = executing(random, someTime(random));
      const tasks = random.pick([plenty, scarce])(random, slots, cost);
      const { makespanNs } = simulate({ slots, tasks });
      const fromNs = Math.round(makespanNs * (0.1 + 0.6 * random.next()));
      return { slots, tasks, pauses: [[fromNs, fromNs + Math.round(makespanNs * (0.5 + 3 * random.next()))]] };
    },
  },
  'back-off': {
    causes: ['backoff'],
    lead: /^Waiting before retries took .* of /,
    make: (random) => {
      const slots = random.whole(1, 16);
      const ns = someTime(random);
      const fails = random.whole(1, 4);
      const tasks = scarce(random, slots, executing(random, ns));
      const flaky = tasks.map((task, i) =>
        i % 2 === 0 ? { ...task, fails, failNs: Math.round(ns / 5), backoffNs: ns * random.whole(6, 12) } : task,
      );
      return { slots, claimNs: 2 * US, tasks: flaky };
    },
  },
  'attempts that were repeated': {
    causes: ['again'],
    lead: /^Attempts that had to be repeated took .* of /,
    make: (random) => {
      const slots = random.whole(1, 8);
      const ns = someTime(random);
      const tasks = random.pick([plenty, scarce])(random, slots, executing(random, ns));
      return { slots, tasks: tasks.map((task) => ({ ...task, fails: 3, failNs: 3 * ns, backoffNs: MS })) };
    },
  },
  'moving data': {
    causes: ['moving'],
    lead: /^Moving data between tasks took .* of /,
    make: (random) => {
      const slots = random.whole(1, 8);
      const ns = someTime(random);
      const cost = executing(random, ns, { fetchNs: random.whole(1, 3) * ns, storeNs: random.whole(1, 2) * ns });
      return { slots, claimNs: 2 * US, tasks: random.pick([plenty, scarce])(random, slots, cost) };
    },
  },
  'a straggler': {
    causes: ['straggler'],
    lead: /took .*× its median and ended .* after every other map\.$/,
    make: (random) => {
      const slots = random.whole(2, 16);
      const ns = someTime(random);
      const tasks = wide(slots * random.whole(3, 5), executing(random, ns));
      return { slots, tasks: [...tasks.slice(1), { ...tasks[0]!, executeNs: 40 * ns }] };
    },
  },
  'one that was cancelled': {
    causes: ['full', 'serial', 'chain'],
    lead: /^Cancelled after .* with .* of .* tasks done\.$/,
    make: (random) => {
      const slots = random.whole(1, 16);
      const tasks = random.pick([plenty, scarce])(random, slots, executing(random, someTime(random)));
      const { makespanNs } = simulate({ slots, tasks });
      return {
        slots,
        tasks,
        cutNs: Math.round(makespanNs * 0.8 * random.next() ** 2) + 1, // of every third run before any task has ended
        context: { status: 'cancelled' },
      };
    },
  },
  'one that was reconstructed': {
    causes: ['full', 'serial', 'chain'],
    lead: /^Tasks explain .* of .*; what the other .* went into is not in the recording\.$/,
    make: (random) => {
      const slots = random.whole(1, 16);
      const tasks = random.pick([plenty, scarce])(random, slots, executing(random, someTime(random)));
      const { makespanNs } = simulate({ slots, tasks });
      const recordedNs = makespanNs * (1.5 + 20 * random.next());
      return { slots, tasks, context: { imported: { recordedNs, explainedNs: makespanNs, isReconstructed: true } } };
    },
  },
};

describe('the lead names what binds', () => {
  for (const [name, { causes, lead, make }] of Object.entries(made)) {
    test(`ten runs: ${name}`, () => {
      forSeeds(10, (random) => {
        const { context = {}, ...given } = make(random);
        const { index, table, lanes } = simulate(given);
        const bounds = boundsOf(index, table, lanes)!;
        const said = textOf(findingsOf(index, table, lanes, 0, context).lead);
        const { cause } = reasonOf(bounds);
        expect(causes, `${cause}: ${said}`).toContain(cause);
        expect(said).toMatch(lead);
        const { last } = nodeRowsOf(table);
        expect(bounds.chain.nodes.every((node) => !Number.isNaN(table.claimedNs[last[node]!]!))).toBe(true);
      });
    });
  }
});

test('of a recording it says no more than that', () => {
  const of = (rows: Partial<FakeRow>[], edges: (readonly [number, number])[]): string => {
    const fold = new RunFold();
    applyRows(fold, rows, { ended: true, nowNs: 60 * S });
    fold.markRecorded();
    const index = new GraphIndex(
      graphOf(
        rows.map(() => 'load'),
        edges,
      ),
      fold.table,
    );
    const bounds = boundsOf(index, fold.table, lanesOf(fold.table))!;
    return textOf(reasonSentence(index, fold.table, bounds, reasonOf(bounds)));
  };
  const row = (node: number, [ready, claimed, started, ended, updated]: number[], slot = 0): Partial<FakeRow> => ({
    node,
    worker: 0,
    slot,
    outcome: Outcome.ok,
    readyNs: ready! * S,
    claimedNs: claimed! * S,
    startedNs: started! * S,
    endedNs: ended! * S,
    updatedNs: updated! * S,
  });
  // The second waits for nothing that is recorded, while the first runs.
  expect(of([row(0, [0, 0, 0, 20, 20]), row(1, [50, 50, 50, 60, 60])], [])).toBe(
    'For 50.0 s of 1m tasks of the critical path were not ready to start; the recording does not say what they waited for.',
  );
  expect(of([row(0, [0, 0, 20, 25, 25]), row(1, [25, 25, 55, 60, 60])], [[0, 1]])).toBe(
    'Tasks spent 50.0 s of 1m before and after their execution; the recording does not say on what.',
  );
  expect(of([row(0, [0, 0, 0, 20, 20]), row(1, [0, 20, 20, 60, 60])], [])).toBe(
    'One task ran at a time, for 1m of 1m; the longest chain is 40.0 s.',
  );
  // How many slots there were is not recorded, so that they were full is not known.
  const four = [0, 1, 2, 3].map((i) => row(i, i < 2 ? [0, 0, 0, 30, 30] : [0, 30, 30, 60, 60], i % 2));
  expect(of(four, [])).toBe('2m of work took 1m of 1m, with up to two tasks at a time; the longest chain is 30.0 s.');
  expect(of([row(0, [0, 0, 0, 20, 20]), row(1, [40, 40, 40, 60, 60])], [[0, 1]])).toBe(
    'One task at a time: the chain of 2 tasks takes 40.0 s of 1m.',
  );
});
