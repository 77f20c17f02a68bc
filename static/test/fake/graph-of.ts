// Graphs without fan-outs, for tests that say what they need.

import type { Graph } from '../../src/model/graph';

/** A graph of tasks that call the named functions, with edges as pairs of tasks. */
export function graphOf(calls: readonly string[], edges: readonly (readonly [number, number])[] = []): Graph {
  const names = [...new Set(calls)];
  return {
    hash: 'c0de',
    functions: names.map((name) => ({ function: name, version: 0 })),
    scopes: [
      {
        up: -1,
        expansion: -1,
        tasks: calls.length,
        fanouts: 0,
        joins: 0,
        function: calls.map((name) => names.indexOf(name)),
        edges: edges.flat(),
        region: [],
        joinOf: [],
        joinWaits: [],
      },
    ],
  };
}
