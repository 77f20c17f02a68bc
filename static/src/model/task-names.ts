// What single tasks are called: recorded ones often have names of their own, such as that of a model or a test.

import type { GraphIndex } from './graph-index';

/** What the tool that a run was recorded of calls a task; empty where that says no more than its function. */
export function ownNameOf(index: GraphIndex, node: number): string {
  return index.graph.names?.[node] ?? '';
}

/** What people know a task by. */
export function nameOf(index: GraphIndex, node: number): string {
  return ownNameOf(index, node) || index.identityOf(node);
}

/** All that a task can be known by: stg_orders, model[3]. */
export function titleOf(index: GraphIndex, node: number): string {
  const own = ownNameOf(index, node);
  const identity = index.identityOf(node);
  return own === '' ? identity : `${own}, ${identity}`;
}

/** The task of an identity or a name of its own, -1 where there is none. Cost: a pass over all nodes. */
export function nodeNamed(index: GraphIndex, name: string): number {
  if (name === '') return -1;
  for (let node = 0; node < index.nodes; node++) {
    if (index.isTask(node) && (index.identityOf(node) === name || ownNameOf(index, node) === name)) return node;
  }
  return -1;
}
