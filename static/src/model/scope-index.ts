// What follows from the template of one scope alone, for all of its instances.

import type { Graph, Scope } from './graph';

/** Adjacency in compressed rows: what node n leads to stands at targets[offsets[n]] up to targets[offsets[n + 1]]. */
export interface Adjacency {
  readonly offsets: Uint32Array;
  readonly targets: Uint32Array;
}

/** One scope of the graph. Nodes are numbered within one instance: tasks, fan-outs, joins. */
export class ScopeIndex {
  readonly scope: Scope;
  /** Nodes of one instance. */
  readonly size: number;
  /** Of each node, the joins of the enclosing scope that wait for it. */
  readonly outs = new Map<number, number[]>();
  // Made when they are asked for first: the picture of a large graph does without them.
  #parents: Adjacency | undefined;
  #children: Adjacency | undefined;
  #roots: readonly number[] | undefined;
  #ordinal: Int32Array | undefined;

  constructor(scope: Scope) {
    this.scope = scope;
    this.size = scope.tasks + scope.fanouts + scope.joins;
  }

  get parents(): Adjacency {
    return (this.#parents ??= adjacency(this.size, this.scope.edges, 1, 0));
  }

  get children(): Adjacency {
    return (this.#children ??= adjacency(this.size, this.scope.edges, 0, 1));
  }

  /** Nodes that wait for no other of their instance. */
  get roots(): readonly number[] {
    return (this.#roots ??= rootsOf(this.parents));
  }

  /** Which call of its function in this scope each task is, from 0; -1 where it is the only one. */
  get ordinal(): Int32Array {
    return (this.#ordinal ??= ordinals(this.scope));
  }
}

/** Indexes every scope of a graph. */
export function indexScopes(graph: Graph): ScopeIndex[] {
  const indexes = graph.scopes.map((scope) => new ScopeIndex(scope));
  graph.scopes.forEach((scope) => {
    scope.joinOf.forEach((fanout, k) => {
      const region = scope.region[fanout - scope.tasks];
      const outs = region === undefined ? undefined : indexes[region]?.outs;
      if (outs === undefined) return;
      for (const node of scope.joinWaits[k] ?? []) addOut(outs, node, firstJoin(scope) + k);
    });
  });
  return indexes;
}

/** Number of the first join within a scope. */
export function firstJoin(scope: Scope): number {
  return scope.tasks + scope.fanouts;
}

function addOut(outs: Map<number, number[]>, node: number, join: number): void {
  const joins = outs.get(node);
  if (joins === undefined) outs.set(node, [join]);
  else joins.push(join);
}

function rootsOf({ offsets }: Adjacency): number[] {
  const roots: number[] = [];
  for (let node = 0; node + 1 < offsets.length; node++) if (offsets[node] === offsets[node + 1]) roots.push(node);
  return roots;
}

/** Adjacency of edges given as pairs: from the end named by source to the one named by target. */
function adjacency(size: number, edges: readonly number[], source: 0 | 1, target: 0 | 1): Adjacency {
  const offsets = new Uint32Array(size + 1);
  for (let i = 0; i < edges.length; i += 2) offsets[edges[i + source]! + 1]!++;
  for (let i = 0; i < size; i++) offsets[i + 1]! += offsets[i]!;
  const next = offsets.slice();
  const targets = new Uint32Array(edges.length / 2);
  for (let i = 0; i < edges.length; i += 2) targets[next[edges[i + source]!]!++] = edges[i + target]!;
  return { offsets, targets };
}

function ordinals(scope: Scope): Int32Array {
  const uses = new Uint32Array(1 + scope.function.reduce((most, fn) => Math.max(most, fn), 0));
  const ordinal = new Int32Array(scope.tasks);
  for (let task = 0; task < scope.tasks; task++) ordinal[task] = uses[scope.function[task]!]!++;
  for (let task = 0; task < scope.tasks; task++) if (uses[scope.function[task]!] === 1) ordinal[task] = -1;
  return ordinal;
}

/** The nodes next to a node, in one direction. */
export function adjacentTo(adjacent: Adjacency, node: number): Uint32Array {
  return adjacent.targets.subarray(adjacent.offsets[node], adjacent.offsets[node + 1]);
}

/**
 * How many tasks stand before each node of each scope on the longest path to it, as metricsstore counts levels: all
 * instances of a fan-out are alike, and fan-outs and joins take no level.
 */
export function levelsOf(graph: Graph, indexes: readonly ScopeIndex[]): Int32Array[] {
  const levels = indexes.map((index) => new Int32Array(index.size).fill(-1));
  // Depth first with a stack of its own: a chain of 100,000 tasks would exhaust that of the language.
  for (let scope = 0; scope < indexes.length; scope++) {
    for (let node = 0; node < indexes[scope]!.size; node++) settle(graph, indexes, levels, scope, node);
  }
  return levels;
}

function settle(graph: Graph, indexes: readonly ScopeIndex[], levels: Int32Array[], scope: number, node: number): void {
  const stack: (readonly [number, number])[] = [[scope, node]];
  while (stack.length > 0) {
    const [s, n] = stack[stack.length - 1]!;
    if (levels[s]![n]! >= 0) {
      stack.pop();
      continue;
    }
    let level = 0;
    let isComplete = true;
    for (const before of precedents(graph, indexes, s, n)) {
      const known = levels[before[0]]![before[1]]!;
      if (known < 0) {
        stack.push(before);
        isComplete = false;
      } else level = Math.max(level, known + (before[1] < graph.scopes[before[0]]!.tasks ? 1 : 0));
    }
    if (!isComplete) continue;
    levels[s]![n] = level;
    stack.pop();
  }
}

/** All that a node waits for, as pairs of scope and node. */
function precedents(
  graph: Graph,
  indexes: readonly ScopeIndex[],
  scope: number,
  node: number,
): (readonly [number, number])[] {
  const template = graph.scopes[scope]!;
  const before: (readonly [number, number])[] = [];
  if (template.up >= 0) before.push([template.up, template.expansion]);
  for (const parent of adjacentTo(indexes[scope]!.parents, node)) before.push([scope, parent]);
  const join = node - firstJoin(template);
  if (join >= 0) {
    const region = template.region[template.joinOf[join]! - template.tasks]!;
    for (const wait of template.joinWaits[join] ?? []) before.push([region, wait]);
  }
  return before;
}
