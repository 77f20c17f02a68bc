// The longest chain of tasks that wait for each other: what a run would take with unlimited slots.

import type { GraphIndex } from './graph-index';

/** A chain in order; its length is the sum of its tasks' weights. */
export interface Chain {
  readonly ns: number;
  readonly nodes: readonly number[];
}

/**
 * The longest chain of a graph by each of several weights, given by node: NaN and what lies beyond count nothing. Joins
 * and fan-outs have no weight, and are in no chain.
 */
export function longestChains(index: GraphIndex, weights: readonly Float64Array[]): Chain[] {
  const order = topologicalOrder(index);
  const found = weights.map(() => ({ ns: 0, last: -1 }));
  const lengths = weights.map(() => new Float64Array(index.nodes));
  const before = weights.map(() => new Int32Array(index.nodes).fill(-1));
  for (const node of order) {
    const parents = index.predecessors(node);
    for (let w = 0; w < weights.length; w++) {
      const length = lengths[w]!;
      let longest = 0;
      for (const parent of parents) {
        if (length[parent]! < longest || (length[parent] === longest && before[w]![node]! >= 0)) continue;
        longest = length[parent]!;
        before[w]![node] = parent;
      }
      const ns = longest + (weights[w]![node] || 0);
      length[node] = ns;
      // Of equal ones the last, so that tasks that took no time are on the chain that they end.
      if (ns >= found[w]!.ns && index.isTask(node)) found[w] = { ns, last: node };
    }
  }
  return found.map(({ ns, last }, w) => ({ ns, nodes: walkBack(index, before[w]!, last) }));
}

function walkBack(index: GraphIndex, before: Int32Array, last: number): number[] {
  const nodes: number[] = [];
  for (let node = last; node >= 0; node = before[node]!) if (index.isTask(node)) nodes.push(node);
  return nodes.reverse();
}

/** All nodes, each after those that it waits for. */
function topologicalOrder(index: GraphIndex): Uint32Array {
  const order = new Uint32Array(index.nodes);
  const isPlaced = new Uint8Array(index.nodes);
  let n = 0;
  // Depth first with a stack of its own: a chain of 100,000 tasks would exhaust that of the language.
  for (let start = 0; start < index.nodes; start++) {
    const stack = [start];
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      const open = isPlaced[node] === 1 ? [] : index.predecessors(node).filter((parent) => isPlaced[parent] === 0);
      if (open.length > 0) {
        for (const parent of open) stack.push(parent);
        continue;
      }
      if (isPlaced[node] === 0) order[n++] = node;
      isPlaced[node] = 1;
      stack.pop();
    }
  }
  return order;
}
