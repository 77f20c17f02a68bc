// From node numbers to what they stand for, and back, as fan-outs expand.

import { afterFunction, type FunctionName, functionNamesOf } from './function-names';
import type { Graph } from './graph';
import type { Expansion, RunTable } from './run-table';
import { adjacentTo, firstJoin, indexScopes, levelsOf, type ScopeIndex } from './scope-index';

/** A run of node numbers: the graph itself, or all instances of one expanded fan-out. */
export interface Block {
  readonly first: number;
  readonly scope: number;
  readonly instances: number;
  /** Nodes of one instance. */
  readonly size: number;
  /** Node that expanded, -1 for the graph itself. */
  readonly expansion: number;
}

/** What a scope's layout places: a task, or the box of a fan-out, which stands for its joins too. */
export interface Element {
  readonly scope: number;
  readonly element: number;
}

/**
 * Maps the node numbers of a run to tasks, names, elements, parents and children. One for each run; it owns the blocks of
 * expanded fan-outs, which its RunSource brings up to date by update() after each frame.
 */
export class GraphIndex {
  readonly graph: Graph;
  /** Of each function, in the graph's order. */
  readonly names: readonly FunctionName[];
  readonly #table: RunTable;
  readonly #scopes: readonly ScopeIndex[];
  #levels: readonly Int32Array[] | undefined;
  readonly #blocks: Block[] = [];
  readonly #expanded = new Map<number, Block>();
  /** Bytes read along edges, by from × tasks + to; undefined where edges carry whole outputs. */
  readonly #edgeBytes: ReadonlyMap<number, number> | undefined;
  #applied: (Expansion | undefined)[] = [];
  #nodes = 0;
  #tasks = 0;

  constructor(graph: Graph, table: RunTable) {
    this.graph = graph;
    this.names = functionNamesOf(graph);
    this.#table = table;
    this.#scopes = indexScopes(graph);
    this.#edgeBytes = edgeBytesOf(graph);
    this.#restart();
    this.update();
  }

  /** Nodes known so far. */
  get nodes(): number {
    return this.#nodes;
  }

  /** Tasks known so far. */
  get tasks(): number {
    return this.#tasks;
  }

  /** Blocks in the order of their numbers; the first is the graph itself. */
  get blocks(): readonly Block[] {
    return this.#blocks;
  }

  /**
   * Bytes that one task read of another's output: undefined where the output was read as a whole, NaN where it is not
   * known how much was.
   */
  readBytes(from: number, to: number): number | undefined {
    return this.#edgeBytes === undefined
      ? undefined
      : (this.#edgeBytes.get(from * this.graph.scopes[0]!.tasks + to) ?? NaN);
  }

  /** Adds the fan-outs that have expanded since the last call. */
  update(): void {
    const { expansions } = this.#table;
    const last = this.#applied.length - 1;
    if (last >= 0 && expansions[last] !== this.#applied[last]) this.#restart();
    for (let i = this.#applied.length; i < expansions.length; i++) {
      this.#expand(expansions[i]!);
      this.#applied.push(expansions[i]);
    }
  }

  isTask(node: number): boolean {
    return node < this.#nodes && this.localOf(node) < this.#scopeOf(node).scope.tasks;
  }

  isFanout(node: number): boolean {
    if (node >= this.#nodes) return false;
    const { scope } = this.#scopeOf(node);
    const local = this.localOf(node);
    return local >= scope.tasks && local < firstJoin(scope);
  }

  /** Index into graph.functions of a task, -1 of any other node. */
  functionOf(node: number): number {
    return this.isTask(node) ? this.#scopeOf(node).scope.function[this.localOf(node)]! : -1;
  }

  /** What is the same in every run of the graph, as in dag.Identity.String: blur, blur[3] or grey[3/7]. */
  identityOf(node: number): string {
    return `${this.graph.functions[this.functionOf(node)]?.function ?? ''}${this.indexTextOf(node)}`;
  }

  /** A task as tables and sentences have it: by its own name, or its function without what all share where those are long. */
  labelOf(node: number): string {
    const name = this.names[this.functionOf(node)];
    if (name === undefined) return '';
    const own = this.graph.names?.[node] ?? '';
    return own === '' ? name.label + this.indexTextOf(node) : afterFunction(own, name, name.label);
  }

  /** What distinguishes a task from others of its function: [3]; empty where there are no others. */
  indexTextOf(node: number): string {
    const path = this.#pathOf(node);
    return path === '' ? '' : `[${path}]`;
  }

  blockOf(node: number): Block {
    let low = 0;
    let high = this.#blocks.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#blocks[middle]!.first <= node) low = middle;
      else high = middle;
    }
    return this.#blocks[low]!;
  }

  /** Scope that a node is an instance of. */
  scopeOf(node: number): number {
    return this.blockOf(node).scope;
  }

  /** Number of a node within its instance. */
  localOf(node: number): number {
    const block = this.blockOf(node);
    return block.size === 0 ? 0 : (node - block.first) % block.size;
  }

  /** Number of the instance, within its fan-out, that a node belongs to; 0 in the graph itself. */
  instanceOf(node: number): number {
    const block = this.blockOf(node);
    return block.size === 0 ? 0 : Math.floor((node - block.first) / block.size);
  }

  /** Node of the fan-out whose instance a node belongs to, -1 in the graph itself. */
  expansionOf(node: number): number {
    return this.blockOf(node).expansion;
  }

  /** Instances of an expanded fan-out; undefined while its width is not known. */
  instancesOf(fanout: number): Block | undefined {
    return this.#expanded.get(fanout);
  }

  elementOf(node: number): Element {
    const block = this.blockOf(node);
    return { scope: block.scope, element: this.#elementIn(block, node) };
  }

  levelOf(node: number): number {
    this.#levels ??= levelsOf(this.graph, this.#scopes);
    return this.#levels[this.scopeOf(node)]?.[this.localOf(node)] ?? 0;
  }

  /** Tasks that a task waits for, through joins and fan-outs, each once. */
  parents(node: number): number[] {
    return tasksBeyond(this, node, (at) => this.predecessors(at));
  }

  /** Tasks that wait for a task, through joins and fan-outs, each once. */
  children(node: number): number[] {
    return tasksBeyond(this, node, (at) => this.successors(at));
  }

  /** Nodes of any kind that a node waits for. What follows on a fan-out without instances waits for the fan-out. */
  predecessors(node: number): number[] {
    const index = this.#scopeOf(node);
    const local = this.localOf(node);
    const start = node - local;
    const before = adjacentTo(index.parents, local);
    const expansion = this.expansionOf(node);
    if (before.length === 0) return expansion < 0 ? [] : [expansion];
    const join = local - firstJoin(index.scope);
    const fanout = join < 0 ? -1 : start + index.scope.joinOf[join]!;
    const block = this.#expanded.get(fanout);
    const waits = join < 0 ? [] : index.scope.joinWaits[join]!;
    const found: number[] = [];
    if (block !== undefined) eachNode(block, waits, (of) => found.push(of));
    const hasInstances = found.length > 0;
    for (const other of before) if (!hasInstances || start + other !== fanout) found.push(start + other);
    return found;
  }

  /** Nodes of any kind that wait for a node. */
  successors(node: number): number[] {
    const index = this.#scopeOf(node);
    const local = this.localOf(node);
    const found: number[] = [];
    const block = this.#expanded.get(node);
    if (block !== undefined) eachNode(block, this.#scopes[block.scope]!.roots, (of) => found.push(of));
    const isExpanded = block !== undefined && block.instances > 0;
    for (const child of adjacentTo(index.children, local)) {
      // A join that waits for instances waits for no fan-out; one whose result no instance makes does.
      const join = child - firstJoin(index.scope);
      const isOfInstances = isExpanded && join >= 0 && index.scope.joinWaits[join]!.length > 0;
      if (!isOfInstances || index.scope.joinOf[join] !== local) found.push(node - local + child);
    }
    const expansion = this.expansionOf(node);
    if (expansion < 0) return found;
    const outer = expansion - this.localOf(expansion);
    for (const join of index.outs.get(local) ?? []) found.push(outer + join);
    return found;
  }

  /** Tasks that an element stands for, over all instances: of a fan-out's box all tasks of its body, nested ones too. */
  *tasksOfElement(scope: number, element: number): Generator<number> {
    const tasks = this.graph.scopes[scope]?.tasks ?? 0;
    for (const block of this.#blocks) {
      if (block.scope !== scope) continue;
      for (let i = 0; i < block.instances; i++) {
        const node = block.first + i * block.size + element;
        if (element < tasks) yield node;
        else yield* this.#tasksWithin(node);
      }
    }
  }

  *#tasksWithin(fanout: number): Generator<number> {
    const block = this.#expanded.get(fanout);
    if (block === undefined) return;
    const { scope } = this.#scopes[block.scope]!;
    for (let i = 0; i < block.instances; i++) {
      const first = block.first + i * block.size;
      for (let local = 0; local < scope.tasks; local++) yield first + local;
      for (let k = 0; k < scope.fanouts; k++) yield* this.#tasksWithin(first + scope.tasks + k);
    }
  }

  #elementIn(block: Block, node: number): number {
    const { scope } = this.#scopes[block.scope]!;
    const local = block.size === 0 ? 0 : (node - block.first) % block.size;
    return local < firstJoin(scope) ? local : scope.joinOf[local - firstJoin(scope)]!;
  }

  #restart(): void {
    const size = this.#scopes[0]?.size ?? 0;
    this.#applied = [];
    this.#expanded.clear();
    this.#blocks.length = 0;
    this.#blocks.push({ first: 0, scope: 0, instances: 1, size, expansion: -1 });
    this.#nodes = size;
    this.#tasks = this.graph.scopes[0]?.tasks ?? 0;
  }

  #expand(expansion: Expansion): void {
    // A fan-out that does not fit the graph is left out: a picture without it beats no picture at all.
    if (expansion.first !== this.#nodes || !this.isFanout(expansion.node)) return;
    const { scope } = this.#scopeOf(expansion.node);
    const region = scope.region[this.localOf(expansion.node) - scope.tasks]!;
    const { size } = this.#scopes[region]!;
    const block = { first: this.#nodes, scope: region, instances: expansion.width, size, expansion: expansion.node };
    this.#expanded.set(expansion.node, block);
    if (size * expansion.width === 0) return;
    this.#blocks.push(block);
    this.#nodes += size * expansion.width;
    this.#tasks += this.#scopes[region]!.scope.tasks * expansion.width;
  }

  #scopeOf(node: number): ScopeIndex {
    return this.#scopes[this.blockOf(node).scope]!;
  }

  #pathOf(node: number): string {
    const ordinal = this.isTask(node) ? this.#scopeOf(node).ordinal[this.localOf(node)]! : -1;
    let path = ordinal < 0 ? '' : String(ordinal);
    for (let at = node; this.expansionOf(at) >= 0; at = this.expansionOf(at)) {
      path = path === '' ? String(this.instanceOf(at)) : `${this.instanceOf(at)}/${path}`;
    }
    return path;
  }
}

/** The tasks that are reached first on all ways from a node. */
function tasksBeyond(index: GraphIndex, node: number, next: (node: number) => number[]): number[] {
  const open = next(node);
  if (open.every((at) => index.isTask(at))) return open.sort((a, b) => a - b);
  const found = new Set<number>();
  const seen = new Set<number>();
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (index.isTask(at)) found.add(at);
    else if (!seen.has(at)) {
      seen.add(at);
      for (const further of next(at)) open.push(further);
    }
  }
  return [...found].sort((a, b) => a - b);
}

/** Visits some nodes of every instance of a block. */
function eachNode(block: Block, locals: readonly number[], visit: (node: number) => void): void {
  for (let i = 0; i < block.instances; i++) for (const local of locals) visit(block.first + i * block.size + local);
}

/** Only recordings have sizes of edges, and they have no fan-outs: all of their tasks are in the graph itself. */
function edgeBytesOf(graph: Graph): ReadonlyMap<number, number> | undefined {
  const scope = graph.scopes[0];
  if (scope?.edgeBytes === undefined) return undefined;
  const known = new Map<number, number>();
  scope.edgeBytes.forEach((bytes, i) => {
    if (bytes >= 0) known.set(scope.edges[2 * i]! * scope.tasks + scope.edges[2 * i + 1]!, bytes);
  });
  return known;
}
