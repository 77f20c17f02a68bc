// Runs whose reason is known: tasks scheduled on slots as the engine does, and written as a table.

import { GraphIndex } from '../../src/model/graph-index';
import type { Lanes } from '../../src/model/lanes';
import { lanesOf } from '../../src/model/run-lanes';
import { type Mark, MarkKind, Outcome, RowFlag, type RunTable } from '../../src/model/run-table';
import type { FakeRow } from './encode-frame';
import { graphOf } from './graph-of';
import { tableOf } from './table-of';

/** A task by what it takes, in ns. */
export interface SimulatedTask {
  readonly fn: string;
  /** Tasks before it that it waits for. */
  readonly after: readonly number[];
  readonly executeNs: number;
  readonly fetchNs?: number;
  readonly storeNs?: number;
  /** It is left waiting for so long, whether slots are free or not. */
  readonly heldNs?: number;
  /** Tries that fail before the one that ends well, and how long each lasts. */
  readonly fails?: number;
  readonly failNs?: number;
  /** Before the second try; it doubles with each. */
  readonly backoffNs?: number;
}

export interface Simulation {
  readonly tasks: readonly SimulatedTask[];
  readonly slots: number;
  /** What the engine takes to claim a task, and to notify its children when it is over. */
  readonly claimNs?: number;
  readonly updateNs?: number;
  /** From the submission until the first task is ready. */
  readonly submitNs?: number;
  /** No task is claimed meanwhile. */
  readonly pauses?: readonly (readonly [number, number])[];
  /** The run is cut off: what has not begun before never does. */
  readonly cutNs?: number;
}

export interface SimulatedRun {
  readonly index: GraphIndex;
  readonly table: RunTable;
  readonly lanes: Lanes;
  readonly makespanNs: number;
}

interface Waiting {
  readonly node: number;
  readonly attempt: number;
  readonly readyNs: number;
  readonly openNs: number;
}

/** First come, first served: of the tasks whose parents are over, the one that could be claimed first. */
export function simulate(given: Simulation): SimulatedRun {
  const { tasks, pauses = [], cutNs = Infinity } = given;
  const scheduler = new Scheduler(given);
  scheduler.run();
  const rows = scheduler.rows.sort((a, b) => (a.readyNs ?? 0) - (b.readyNs ?? 0));
  const ends = rows.map((row) => row.updatedNs ?? NaN).filter((ns) => !Number.isNaN(ns));
  const nowNs = cutNs < Infinity ? cutNs : Math.max(...ends);
  const marks: Mark[] = [{ kind: MarkKind.runStarted, atNs: 0, value: 0 }];
  for (const [fromNs, toNs] of pauses) {
    marks.push(
      { kind: MarkKind.runPaused, atNs: fromNs, value: 0 },
      { kind: MarkKind.runResumed, atNs: toNs, value: 0 },
    );
  }
  marks.push({ kind: MarkKind.runFinished, atNs: nowNs, value: cutNs < Infinity ? 4 : 1 });
  const table = tableOf(rows, { ended: true, nowNs, marks });
  const edges = tasks.flatMap(({ after }, node) => after.map((before) => [before, node] as const));
  const index = new GraphIndex(
    graphOf(
      tasks.map(({ fn }) => fn),
      edges,
    ),
    table,
  );
  const lanes = lanesOf(table, new Map([[0, given.slots]]), new Map([[0, given.slots]]));
  const fromNs = Math.min(...rows.map((row) => row.claimedNs ?? NaN).filter((ns) => !Number.isNaN(ns)));
  return { index, table, lanes, makespanNs: Math.max(...ends) - fromNs };
}

class Scheduler {
  readonly rows: Partial<FakeRow>[] = [];
  readonly #given: Simulation;
  readonly #freeNs: number[];
  readonly #waiting: Waiting[] = [];
  readonly #missing: number[];
  readonly #readyNs: number[];
  readonly #children: number[][];

  constructor(given: Simulation) {
    this.#given = given;
    this.#freeNs = new Array<number>(given.slots).fill(0);
    this.#missing = given.tasks.map(({ after }) => after.length);
    this.#readyNs = given.tasks.map(() => given.submitNs ?? 0);
    this.#children = given.tasks.map(() => []);
    given.tasks.forEach(({ after }, node) => {
      for (const before of after) this.#children[before]!.push(node);
    });
  }

  run(): void {
    this.#missing.forEach((missing, node) => {
      if (missing === 0) this.#offer(node, 1, this.#readyNs[node]!);
    });
    while (this.#waiting.length > 0) {
      let first = 0;
      this.#waiting.forEach((one, i) => {
        if (one.openNs < this.#waiting[first]!.openNs) first = i;
      });
      const [next] = this.#waiting.splice(first, 1) as [Waiting];
      this.#attempt(next);
    }
  }

  #offer(node: number, attempt: number, readyNs: number): void {
    this.#waiting.push({ node, attempt, readyNs, openNs: readyNs + (this.#given.tasks[node]!.heldNs ?? 0) });
  }

  #attempt({ node, attempt, readyNs, openNs }: Waiting): void {
    const { claimNs = 0, updateNs = 0, cutNs = Infinity, tasks } = this.#given;
    const task = tasks[node]!;
    const slot = this.#freeNs.indexOf(Math.min(...this.#freeNs));
    const claimedNs = this.#whileGoing(Math.max(openNs, this.#freeNs[slot]!) + claimNs);
    if (readyNs >= cutNs) return;
    if (claimedNs >= cutNs) {
      this.rows.push({ node, attempt, readyNs });
      return;
    }
    const { fetchNs = 0, storeNs = 0, fails = 0, failNs = 0, backoffNs = 0 } = task;
    const isFailing = attempt <= fails;
    const startedNs = claimedNs + fetchNs;
    const endedNs = startedNs + (isFailing ? failNs : task.executeNs);
    const updatedNs = endedNs + (isFailing ? 0 : storeNs) + updateNs;
    this.#freeNs[slot] = updatedNs;
    const row = { node, attempt, worker: 0, slot, readyNs, claimedNs, startedNs, fetchNs };
    if (updatedNs > cutNs) {
      this.rows.push({ ...row, endedNs: cutNs, updatedNs: cutNs, outcome: Outcome.cancelled });
      return;
    }
    const outcome = isFailing ? Outcome.retrying : Outcome.ok;
    this.rows.push({ ...row, endedNs, updatedNs, outcome, flags: storeNs > 0 ? RowFlag.stored : 0 });
    if (isFailing) this.#offer(node, attempt + 1, updatedNs + backoffNs * 2 ** (attempt - 1));
    else this.#release(node, updatedNs);
  }

  #release(node: number, atNs: number): void {
    for (const child of this.#children[node]!) {
      this.#readyNs[child] = Math.max(this.#readyNs[child]!, atNs);
      if (--this.#missing[child]! === 0) this.#offer(child, 1, this.#readyNs[child]!);
    }
  }

  #whileGoing(atNs: number): number {
    for (const [fromNs, toNs] of this.#given.pauses ?? []) if (fromNs <= atNs && atNs < toNs) return toNs;
    return atNs;
  }
}
