// A run made up from a seed: a graph, a log of steps, and what the service knows of it at each step.

import type { Graph, Scope } from '../../src/model/graph';
import { type Expansion, type Mark, NO_WORKER, Outcome, RowFlag } from '../../src/model/run-table';
import { encodeFrame, type FakeRow } from './encode-frame';
import type { Random } from './random';

/** What one step of the log changed. */
export interface FakeStep {
  readonly atNs: number;
  readonly rows: readonly (readonly [number, FakeRow])[];
  readonly marks: readonly Mark[];
  readonly expansions: readonly Expansion[];
}

interface Node {
  readonly number: number;
  readonly scope: number;
  readonly local: number;
  /** Instances of the enclosing fan-outs, outermost first. */
  readonly path: readonly number[];
  /** Nodes of its own instance start here. */
  readonly start: number;
  /** Fan-out that made its instance, -1 for none. */
  readonly expansion: number;
  waits: number;
  /** When the last of those that it waits for was over: attempts are made up in another order than they end. */
  freeNs: number;
  readonly next: number[];
  /** Nodes whose ends it waits for. */
  readonly before: number[];
  isOver: boolean;
}

interface Slot {
  readonly worker: number;
  readonly slot: number;
  freeNs: number;
}

export interface RunOptions {
  readonly workers?: number;
  readonly slots?: number;
  /** Chance of an attempt to fail and be tried again. */
  readonly retries?: number;
  /** The run ends before all is done. */
  readonly isCut?: boolean;
}

/** Simulates a run of a graph. */
export class FakeRun {
  readonly graph: Graph;
  readonly steps: FakeStep[] = [];
  readonly nodes: Node[] = [];
  readonly rows: FakeRow[] = [];
  endNs = 0;
  readonly #random: Random;
  readonly #slots: Slot[] = [];
  readonly #retries: number;
  readonly #isCut: boolean;
  readonly #queue: { row: number; readyNs: number }[] = [];
  #changed = new Map<number, FakeRow>();
  #expansions: Expansion[] = [];

  constructor(graph: Graph, random: Random, options: RunOptions = {}) {
    this.graph = graph;
    this.#random = random;
    this.#retries = options.retries ?? 0.1;
    this.#isCut = options.isCut ?? false;
    for (let worker = 0; worker < (options.workers ?? 2); worker++) {
      for (let slot = 0; slot < (options.slots ?? 2); slot++) this.#slots.push({ worker, slot, freeNs: 0 });
    }
    this.#addInstance(0, [], -1);
    this.#release(
      this.nodes.map((node) => node.number),
      0,
    );
    this.#step(0, [{ kind: 1, atNs: 0, value: 0 }]);
    this.#work();
  }

  get tasks(): number {
    return this.nodes.filter((node) => node.local < this.graph.scopes[node.scope]!.tasks).length;
  }

  #work(): void {
    const limit = this.#isCut ? this.#random.whole(1, 12) : Infinity;
    for (let done = 0; this.#queue.length > 0 && done < limit; done++) {
      this.#queue.sort((a, b) => a.readyNs - b.readyNs || a.row - b.row);
      const { row, readyNs } = this.#queue.shift()!;
      const slot = this.#slots.reduce((a, b) => (b.freeNs < a.freeNs ? b : a));
      this.#attempt(row, slot, Math.max(readyNs, slot.freeNs) + this.#random.whole(0, 50_000));
    }
    if (this.#isCut && this.#queue.length > 0) this.#claimOnly(this.#queue.shift()!.row);
    this.endNs =
      Math.max(
        0,
        ...this.rows
          .map((r) => [r.updatedNs, r.claimedNs])
          .flat()
          .filter((t) => !Number.isNaN(t)),
      ) + 10;
    this.#step(this.endNs, [{ kind: 2, atNs: this.endNs, value: this.#isCut ? Outcome.lost : Outcome.ok }]);
  }

  #claimOnly(row: number): void {
    const slot = this.#slots[0]!;
    const claimedNs = Math.max(slot.freeNs, this.rows[row]!.readyNs);
    this.#set(row, { worker: slot.worker, slot: slot.slot, claimedNs });
    this.#step(claimedNs);
  }

  #attempt(row: number, slot: Slot, claimedNs: number): void {
    const random = this.#random;
    const waitNs = random.whole(0, 1_000_000);
    const startedNs = claimedNs + waitNs;
    const endedNs = startedNs + random.whole(1_000, 40_000_000);
    const updatedNs = endedNs + random.whole(0, 500_000);
    slot.freeNs = updatedNs;
    this.#set(row, { worker: slot.worker, slot: slot.slot, claimedNs, startedNs });
    if (random.chance(0.5)) this.#step(startedNs); // only long attempts are announced
    const { node, attempt } = this.rows[row]!;
    const fails = random.chance(this.#retries) && attempt < 3;
    this.#set(row, {
      endedNs,
      updatedNs,
      fetchNs: random.whole(0, waitNs),
      outcome: fails ? Outcome.retrying : Outcome.ok,
      flags: RowFlag.head | (random.chance(0.5) ? RowFlag.stored : 0),
      outputBytes: fails || random.chance(0.1) ? NaN : random.whole(0, 1 << 26),
      storedBytes: fails ? 0 : random.whole(0, 1 << 20),
    });
    if (fails) this.#ready(node, updatedNs + 5_000_000, attempt + 1);
    else this.#over(this.nodes[node]!, updatedNs);
    this.#step(updatedNs);
  }

  #over(node: Node, atNs: number): void {
    node.isOver = true;
    for (const next of node.next) {
      const child = this.nodes[next]!;
      child.waits--;
      child.freeNs = Math.max(child.freeNs, atNs);
    }
    this.#release(node.next, atNs);
  }

  #release(numbers: readonly number[], atNs: number): void {
    for (const number of numbers) {
      const node = this.nodes[number]!;
      if (node.waits > 0 || node.isOver || this.rows.some((row) => row.node === number)) continue;
      const scope = this.graph.scopes[node.scope]!;
      const readyNs = Math.max(atNs, node.freeNs);
      if (node.local < scope.tasks) this.#ready(number, readyNs, 1);
      else if (node.local < scope.tasks + scope.fanouts) this.#expand(node, scope, readyNs);
      else this.#over(node, readyNs);
    }
  }

  #expand(node: Node, scope: Scope, atNs: number): void {
    const width = this.#random.whole(0, 3);
    const first = this.nodes.length;
    const region = scope.region[node.local - scope.tasks]!;
    this.#expansions.push({ node: node.number, width, first });
    for (let i = 0; i < width; i++) this.#addInstance(region, [...node.path, i], node.number);
    const size = (this.nodes.length - first) / Math.max(width, 1);
    scope.joinOf.forEach((fanout, k) => {
      if (fanout !== node.local) return;
      const join = this.nodes[node.start + scope.tasks + scope.fanouts + k]!;
      for (let i = 0; i < width; i++)
        for (const wait of scope.joinWaits[k]!) this.#edge(first + i * size + wait, join.number);
    });
    this.#over(node, atNs);
    this.#release(
      this.nodes.slice(first).map((made) => made.number),
      atNs,
    );
  }

  #addInstance(scope: number, path: readonly number[], expansion: number): void {
    const template = this.graph.scopes[scope]!;
    const start = this.nodes.length;
    const size = template.tasks + template.fanouts + template.joins;
    for (let local = 0; local < size; local++) {
      const number = start + local;
      this.nodes.push({
        number,
        scope,
        local,
        path,
        start,
        expansion,
        waits: 0,
        freeNs: 0,
        next: [],
        before: [],
        isOver: false,
      });
    }
    for (let i = 0; i < template.edges.length; i += 2)
      this.#edge(start + template.edges[i]!, start + template.edges[i + 1]!);
  }

  #edge(from: number, to: number): void {
    this.nodes[from]!.next.push(to);
    this.nodes[to]!.before.push(from);
    this.nodes[to]!.waits++;
  }

  #ready(node: number, readyNs: number, attempt: number): void {
    const row = this.rows.length;
    this.rows.push({
      node,
      epoch: 0,
      attempt,
      worker: NO_WORKER,
      slot: 0,
      outcome: Outcome.none,
      flags: 0,
      readyNs,
      claimedNs: NaN,
      startedNs: NaN,
      endedNs: NaN,
      updatedNs: NaN,
      fetchNs: 0,
      outputBytes: NaN,
      storedBytes: NaN,
    });
    this.#set(row, {});
    this.#queue.push({ row, readyNs });
  }

  #set(row: number, change: Partial<FakeRow>): void {
    Object.assign(this.rows[row]!, change);
    this.#changed.set(row, { ...this.rows[row]! });
  }

  #step(atNs: number, marks: readonly Mark[] = []): void {
    const rows = [...this.#changed].sort(([a], [b]) => a - b);
    this.steps.push({ atNs, rows, marks, expansions: this.#expansions });
    this.#changed = new Map();
    this.#expansions = [];
  }
}

/** What the service knows of a run at a step, as frames. */
export class FakeTable {
  readonly #steps: readonly FakeStep[];
  seq = 0;

  constructor(steps: readonly FakeStep[]) {
    this.#steps = steps;
  }

  get isComplete(): boolean {
    return this.seq === this.#steps.length;
  }

  /** Applies a number of further steps. */
  advance(steps: number): void {
    this.seq = Math.min(this.#steps.length, this.seq + steps);
  }

  /** All that changed after a step, as one batch of frames. Without a position, a snapshot. */
  frames(after: number, channel: number, maxRows = Infinity): Uint8Array[] {
    const changes = this.#steps.slice(after, this.seq);
    const rows = new Map<number, FakeRow>();
    for (const step of changes) for (const [row, values] of step.rows) rows.set(row, values);
    const all = [...rows].sort(([a], [b]) => a - b);
    const frames: Uint8Array[] = [];
    for (let at = 0; at === 0 || at < all.length; at += maxRows) {
      const more = at + maxRows < all.length;
      const kind = after === 0 && at === 0 ? 'snapshot' : 'patch';
      const nowNs = this.#steps[this.seq - 1]?.atNs ?? 0;
      const head = { kind, channel, from: after, to: more ? after : this.seq, nowNs, more, tasks: 0 } as const;
      frames.push(
        encodeFrame({
          ...head,
          ended: !more && this.isComplete,
          marks: more ? [] : changes.flatMap((step) => step.marks),
          expansions: at === 0 ? changes.flatMap((step) => step.expansions) : [],
          rows: all.slice(at, at + maxRows),
        }),
      );
    }
    return frames;
  }
}
