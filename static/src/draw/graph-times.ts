// How long the tasks of each element executed: what groups, boxes and heads say about time.

import type { GraphIndex } from '../model/graph-index';
import { medianOf } from '../model/quantile';
import { Outcome, type RunTable } from '../model/run-table';
import { rootElement } from './graph-places';
import { stateIs, type NodeStates } from './node-states';

/** Execute times of some tasks that ended well; NaN where none has. */
export interface Times {
  readonly n: number;
  readonly sumNs: number;
  readonly minNs: number;
  readonly medianNs: number;
  readonly maxNs: number;
}

/** Execute times as of the moment that states are of. One pass over the nodes for each moment or version. */
export class ElementTimes {
  /** By element of the graph, over all instances of a fan-out; 0 where nothing has ended well. */
  sumNs = new Float64Array(0);
  #ns = new Float64Array(0);
  #of = new Map<string, Times>();
  #revision = -1;
  #index: GraphIndex | null = null;

  update(index: GraphIndex, states: NodeStates, table: RunTable, elements: number): void {
    if (index === this.#index && states.revision === this.#revision && this.sumNs.length === elements) return;
    if (this.#ns.length < states.state.length) this.#ns = new Float64Array(states.state.length);
    this.sumNs = new Float64Array(elements);
    this.#of.clear();
    this.#revision = states.revision;
    this.#index = index;
    for (const block of index.blocks) {
      const root = block.expansion < 0 ? -1 : rootElement(index, block.expansion);
      const { tasks } = index.graph.scopes[block.scope]!;
      for (let i = 0; i < block.instances; i++) {
        const first = block.first + i * block.size;
        for (let task = 0; task < tasks; task++) {
          const node = first + task;
          const ns = executedNs(states, table, node);
          this.#ns[node] = ns;
          if (ns > 0) this.sumNs[root < 0 ? task : root]! += ns;
        }
      }
    }
  }

  /** Times of some tasks, remembered under a name until the moment moves. */
  of(name: string, nodes: () => Iterable<number>): Times {
    let times = this.#of.get(name);
    if (times === undefined) this.#of.set(name, (times = this.#timesOf(nodes())));
    return times;
  }

  #timesOf(nodes: Iterable<number>): Times {
    const values: number[] = [];
    for (const node of nodes) {
      const ns = this.#ns[node]!;
      if (!Number.isNaN(ns)) values.push(ns);
    }
    let [sumNs, minNs, maxNs] = [0, Infinity, -Infinity];
    for (const ns of values) {
      sumNs += ns;
      minNs = Math.min(minNs, ns);
      maxNs = Math.max(maxNs, ns);
    }
    const n = values.length;
    if (n === 0) return { n, sumNs: NaN, minNs: NaN, medianNs: NaN, maxNs: NaN };
    return { n, sumNs, minNs, medianNs: medianOf(Float64Array.from(values)), maxNs };
  }
}

function executedNs(states: NodeStates, table: RunTable, node: number): number {
  const row = states.row[node]!;
  return states.state[node] === stateIs.succeeded && row >= 0 ? table.endedNs[row]! - table.startedNs[row]! : NaN;
}

/** By element of the graph: execute time of its tasks in the whole run, wherever the playhead is. */
export function wholeSums(index: GraphIndex, table: RunTable, elements: number): Float64Array {
  const sums = new Float64Array(elements);
  for (let row = 0; row < table.rows; row++) {
    const ns = table.endedNs[row]! - table.startedNs[row]!;
    const node = table.node[row]!;
    if (table.outcome[row] !== Outcome.ok || !(ns > 0) || !index.isTask(node)) continue;
    const element = index.expansionOf(node) < 0 ? index.localOf(node) : rootElement(index, node);
    if (element < elements) sums[element]! += ns;
  }
  return sums;
}
