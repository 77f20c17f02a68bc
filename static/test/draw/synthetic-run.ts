// Runs made up for tests of painting: a graph, a layout and a table that agree with each other.

import type { Graph, Scope } from '../../src/model/graph';
import { GraphIndex } from '../../src/model/graph-index';
import type { Layout } from '../../src/model/layout';
import {
  NO_WORKER,
  Outcome,
  RowFlag,
  type Expansion,
  type Mark,
  type RunTable,
  type TouchedRows,
  type Usage,
} from '../../src/model/run-table';
import { layered } from './synthetic-layout';

export interface SyntheticRun {
  readonly graph: Graph;
  readonly layout: Layout;
  readonly table: RunTable;
  readonly index: GraphIndex;
  readonly endNs: number;
}

interface Plan {
  readonly functions: readonly string[];
  readonly scopes: readonly Scope[];
  /** Width of each fan-out that expands, by the order in which it is met. */
  readonly width?: number;
  readonly meanMs: readonly number[];
}

/** A generator of numbers in [0, 1) that gives the same ones for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function scope(fn: readonly number[], edges: readonly number[], more: Partial<Scope> = {}): Scope {
  return {
    up: -1,
    expansion: -1,
    tasks: fn.length,
    fanouts: 0,
    joins: 0,
    function: fn,
    edges,
    region: [],
    joinOf: [],
    joinWaits: [],
    ...more,
  };
}

const MONTAGE = 'mProject mDiffFit mConcatFit mBgModel mBackground mImgtbl mAdd mShrink mViewer'.split(' ');

/** The shape of a montage of 89 tasks. */
export function montagePlan(): Plan {
  const fn: number[] = [];
  const edges: number[] = [];
  const add = (f: number): number => fn.push(f) - 1;
  const project = Array.from({ length: 20 }, () => add(0));
  const diff = Array.from({ length: 43 }, () => add(1));
  const [concat, model] = [add(2), add(3)];
  const background = Array.from({ length: 20 }, () => add(4));
  const [table, sum, shrink, viewer] = [add(5), add(6), add(7), add(8)];
  diff.forEach((d, i) => {
    const a = Math.floor((i * 20) / 43);
    edges.push(project[a]!, d, project[Math.min(19, a + 1 + (i % 3))]!, d, d, concat);
  });
  edges.push(concat, model);
  background.forEach((b, i) => edges.push(model, b, project[i]!, b, b, table, b, sum));
  edges.push(table, sum, sum, shrink, shrink, viewer);
  return {
    functions: MONTAGE,
    scopes: [scope(fn, edges)],
    meanMs: [3300, 870, 800, 5300, 1150, 690, 5600, 1880, 1330],
  };
}

/** Levels of equal width; each task reads one to three of the level before. */
export function layersPlan(tasks: number, levels: number, seed = 1): Plan {
  const random = randomFrom(seed);
  const fn: number[] = [];
  const edges: number[] = [];
  const perLevel = Math.max(1, Math.ceil(tasks / levels));
  for (let task = 0; task < tasks; task++) {
    const level = Math.floor(task / perLevel);
    fn.push(Math.min(level, 11));
    if (level === 0) continue;
    const from = (level - 1) * perLevel;
    const own = task - level * perLevel;
    const parents = new Set([from + own]);
    for (let i = 0; i < 2; i++) if (random() < 0.5) parents.add(from + ((own + Math.floor(random() * 5)) % perLevel));
    for (const parent of parents) edges.push(parent, task);
  }
  const functions = Array.from({ length: 12 }, (_, i) => `step${i}`);
  return { functions, scopes: [scope(fn, edges)], meanMs: functions.map(() => 800) };
}

/** Two tasks, one of them long, then many short ones, then two that gather them: the shape of bwa. Names are given. */
export function spindlePlan(width: number, functions: readonly string[]): Plan {
  const fn = [0, 1, ...Array.from({ length: width }, () => 2), 3, 4];
  const edges: number[] = [];
  for (let task = 2; task < 2 + width; task++) edges.push(0, task, 1, task, task, 2 + width, task, 3 + width);
  return { functions, scopes: [scope(fn, edges)], meanMs: [50, 80_000, 300, 9000, 20] };
}

/** One task for all that came before, then a fan-out whose body has two tasks, then one that joins. */
export function fanoutPlan(width: number): Plan {
  // Nodes: split 0, merge 1, fan-out 2, join 3.
  const top = scope([0, 3], [0, 2, 2, 3, 3, 1], { fanouts: 1, joins: 1, region: [1], joinOf: [2], joinWaits: [[1]] });
  const body = scope([1, 2], [0, 1], { up: 0, expansion: 2 });
  return {
    functions: ['split', 'blur', 'sharpen', 'merge'],
    scopes: [top, body],
    width,
    meanMs: [900, 400, 600, 1500],
  };
}

/** A fan-out within a fan-out. */
export function nestedPlan(width: number): Plan {
  const top = scope([0, 3], [0, 2, 2, 3, 3, 1], { fanouts: 1, joins: 1, region: [1], joinOf: [2], joinWaits: [[2]] });
  // Nodes: cut 0, fan-out 1, join 2 … the body's own task comes first.
  const body = scope([1], [0, 1, 1, 2], {
    up: 0,
    expansion: 2,
    fanouts: 1,
    joins: 1,
    region: [2],
    joinOf: [1],
    joinWaits: [[0]],
  });
  const inner = scope([2], [], { up: 1, expansion: 1 });
  return {
    functions: ['list', 'cut', 'scan', 'collect'],
    scopes: [top, body, inner],
    width,
    meanMs: [500, 300, 200, 900],
  };
}

/** Columns of a table that tests may write to. */
export class SyntheticTable implements RunTable {
  rows = 0;
  version = 1;
  node = new Uint32Array(0);
  epoch = new Uint16Array(0);
  attempt = new Uint16Array(0);
  worker = new Uint16Array(0);
  slot = new Uint16Array(0);
  outcome = new Uint8Array(0);
  flags = new Uint8Array(0);
  readyNs = new Float64Array(0);
  claimedNs = new Float64Array(0);
  startedNs = new Float64Array(0);
  endedNs = new Float64Array(0);
  updatedNs = new Float64Array(0);
  fetchNs = new Float64Array(0);
  outputBytes = new Float64Array(0);
  storedBytes = new Float64Array(0);
  readonly usage = new Map<number, Usage>();
  expansions: Expansion[] = [];
  marks: Mark[] = [];
  seq = 1;
  nowNs = 0;
  ended = true;
  recorded = false;
  readonly #rowsOf = new Map<number, number[]>();

  constructor(capacity: number) {
    for (const name of ['node', 'epoch', 'attempt', 'worker', 'slot', 'outcome', 'flags'] as const) {
      const column = this[name];
      Object.assign(this, { [name]: new (column.constructor as new (n: number) => typeof column)(capacity) });
    }
    const times = [
      'readyNs',
      'claimedNs',
      'startedNs',
      'endedNs',
      'updatedNs',
      'fetchNs',
      'outputBytes',
      'storedBytes',
    ];
    for (const name of times) Object.assign(this, { [name]: new Float64Array(capacity).fill(NaN) });
    this.worker.fill(NO_WORKER);
  }

  /** What changes a version changes anything. */
  get touched(): TouchedRows {
    return { generation: this.version, length: 0, at: () => 0 };
  }

  rowsOf(node: number): readonly number[] {
    return this.#rowsOf.get(node) ?? [];
  }

  add(node: number, attempt: number): number {
    const row = this.rows++;
    this.node[row] = node;
    this.attempt[row] = attempt;
    this.#rowsOf.set(node, [...this.rowsOf(node), row]);
    return row;
  }
}

export interface RunOptions {
  readonly workers?: number;
  readonly slots?: number;
  readonly seed?: number;
  /** One attempt in so many fails and is tried again; 0 = none. */
  readonly retryEvery?: number;
}

/** Runs a plan on some slots: each task as soon as its inputs exist and a slot is free. */
export function syntheticRun(plan: Plan, options: RunOptions = {}): SyntheticRun {
  const { workers = 2, slots = 4, seed = 7, retryEvery = 0 } = options;
  const graph: Graph = {
    hash: `synthetic-${plan.functions.join('-')}-${plan.scopes[0]!.tasks}`,
    functions: plan.functions.map((name) => ({ function: name, version: 1 })),
    scopes: plan.scopes,
  };
  const expansions: Expansion[] = [];
  const total = expandAll(graph, plan.width ?? 0, expansions);
  const table = new SyntheticTable(total * 2 + 16);
  table.expansions = expansions;
  const index = new GraphIndex(graph, table);
  const order = scheduleOrder(index);
  const random = randomFrom(seed);
  const freeNs = Array.from({ length: workers * slots }, (_, i) => Math.floor(i / slots) * 0.9e9);
  for (let w = 0; w < workers; w++) table.marks.push({ kind: 3, atNs: w * 0.9e9, value: w });
  const endOf = new Map<number, number>();
  for (const node of order) {
    const parents = index.parents(node);
    let readyNs = 0;
    for (const parent of parents) readyNs = Math.max(readyNs, endOf.get(parent) ?? 0);
    const fails = retryEvery > 0 && Math.floor(random() * retryEvery) === 0;
    const meanNs = (plan.meanMs[index.functionOf(node)] ?? 500) * 1e6;
    for (let attempt = 1; attempt <= (fails ? 2 : 1); attempt++) {
      const isLast = attempt === (fails ? 2 : 1);
      const slot = freeNs.indexOf(Math.min(...freeNs));
      const at = Math.max(readyNs, freeNs[slot]!);
      const fetch = parents.length > 0 ? random() * 0.2e9 : 0.05e9;
      const execute = meanNs * (0.6 + random() * 0.9) * (isLast ? 1 : 0.4);
      const store = isLast ? 0.02e9 + random() * 0.1e9 : 0.001e9;
      const row = table.add(node, attempt);
      table.readyNs[row] = readyNs;
      table.claimedNs[row] = at;
      table.startedNs[row] = at + fetch;
      table.endedNs[row] = at + fetch + execute;
      table.updatedNs[row] = at + fetch + execute + store;
      table.fetchNs[row] = fetch;
      table.worker[row] = Math.floor(slot / slots);
      table.slot[row] = slot % slots;
      table.outcome[row] = isLast ? Outcome.ok : Outcome.retrying;
      table.flags[row] = isLast ? RowFlag.stored : 0;
      table.outputBytes[row] = isLast ? random() ** 4 * 200 * 2 ** 20 : NaN;
      freeNs[slot] = table.updatedNs[row]! + 0.002e9;
      readyNs = table.updatedNs[row]! + 0.1e9;
      endOf.set(node, table.updatedNs[row]!);
    }
  }
  const endNs = Math.max(0, ...freeNs) * (order.length > 0 ? 1 : 0);
  table.nowNs = endNs;
  return { graph, layout: layered(graph), table, index, endNs };
}

/** Expands every fan-out by the same width; answers how many nodes there are in all. */
function expandAll(graph: Graph, width: number, expansions: Expansion[]): number {
  const sizeOf = (s: Scope): number => s.tasks + s.fanouts + s.joins;
  let next = sizeOf(graph.scopes[0]!);
  const expand = (s: Scope, first: number): void => {
    for (let k = 0; k < s.fanouts; k++) {
      const region = graph.scopes[s.region[k]!]!;
      const start = next;
      expansions.push({ node: first + s.tasks + k, width, first: start });
      next += width * sizeOf(region);
      for (let i = 0; i < width; i++) expand(region, start + i * sizeOf(region));
    }
  };
  if (width > 0) expand(graph.scopes[0]!, 0);
  return next;
}

/** Tasks so that each comes after all that it waits for. */
function scheduleOrder(index: GraphIndex): number[] {
  const tasks: number[] = [];
  for (let node = 0; node < index.nodes; node++) if (index.isTask(node)) tasks.push(node);
  return tasks.sort((a, b) => index.levelOf(a) - index.levelOf(b) || a - b);
}
