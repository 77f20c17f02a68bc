// How long the tasks of each element executed: what groups, boxes and heads say about time.

import { medianOf } from '../model/quantile';
import { Outcome, type RunTable } from '../model/run-table';
import type { NodeStates } from '../model/node-states';
import { stateIs } from './mark-state';

/** Execute times of some tasks that ended well; NaN where none has. */
export interface Times {
  readonly n: number;
  readonly sumNs: number;
  readonly minNs: number;
  readonly medianNs: number;
  readonly maxNs: number;
}

/** Names remembered at most: each zoom has groups of its own. */
const MOST_NAMES = 1000;

/** What was worked out for a name, at which revision. */
interface Remembered {
  readonly nodes: Uint32Array;
  readonly revision: number;
  readonly times: Times;
}

/**
 * Execute times as of the moment that states are of: read again for the nodes whose states have changed. Owned by its
 * stage.
 */
export class ElementTimes {
  /** By element of the graph, over all instances of a fan-out; 0 where nothing has ended well. */
  sumNs = new Float64Array(0);
  /** By node. */
  #ns = new Float64Array(0);
  /** By element: the revision that changed a time of its tasks last. */
  #changedAt = new Float64Array(0);
  readonly #of = new Map<string, Remembered>();
  #isLive = false;
  #revision = -1;
  #elementOf: Int32Array | null = null;

  /** elementOf gives the element of each node, -1 of what is no task; another array means another graph. */
  update(elementOf: Int32Array, states: NodeStates, table: RunTable, elements: number): void {
    const isSame = elementOf === this.#elementOf && this.sumNs.length === elements;
    if (isSame && states.revision === this.#revision) return;
    const isNext = isSame && states.revision === this.#revision + 1;
    this.#revision = states.revision;
    if (isNext && states.changed !== null) {
      for (const { node } of states.changed) this.#read(elementOf, states, table, node);
    } else {
      this.#ns = new Float64Array(elementOf.length).fill(NaN);
      this.sumNs = new Float64Array(elements);
      this.#changedAt = new Float64Array(elements).fill(states.revision);
      for (let node = 0; node < elementOf.length; node++) this.#read(elementOf, states, table, node);
    }
    if (!isSame || this.#isLive === table.ended || this.#of.size > MOST_NAMES) this.#of.clear();
    this.#isLive = !table.ended;
    this.#elementOf = elementOf;
  }

  #read(elementOf: Int32Array, states: NodeStates, table: RunTable, node: number): void {
    const element = elementOf[node]!;
    if (element < 0) return;
    const before = this.#ns[node]!;
    const ns = executedNs(states, table, node);
    this.#ns[node] = ns;
    if (before === ns || (Number.isNaN(before) && Number.isNaN(ns))) return;
    this.#changedAt[element] = this.#revision;
    if (before > 0) this.sumNs[element]! -= before;
    if (ns > 0) this.sumNs[element]! += ns;
  }

  /**
   * Times of some tasks, remembered under a name until the moment moves. Of a live run they are gathered again when one
   * in sixty-four has been added to the n tasks that ended well: a median of 100,000 in each frame would stop it.
   */
  of(name: string, n: number, nodes: () => Iterable<number>): Times {
    const known = this.#of.get(name);
    if (known !== undefined) {
      const more = n - known.times.n;
      const isEnough = this.#isLive && known.times.n > 0 && more >= 0 && more <= n / 64;
      if (isEnough || !this.#hasChanged(known)) return known.times;
    }
    const own = known?.nodes ?? Uint32Array.from(nodes());
    const times = this.#timesOf(own);
    this.#of.set(name, { nodes: own, revision: this.#revision, times });
    return times;
  }

  /** A time of one of the tasks has changed. */
  #hasChanged({ nodes, revision }: Remembered): boolean {
    if (revision === this.#revision) return false;
    for (const node of nodes) if (this.#changedAt[this.#elementOf![node]!]! > revision) return true;
    return false;
  }

  #timesOf(nodes: Uint32Array): Times {
    const values = new Float64Array(nodes.length);
    let [n, sumNs, minNs, maxNs] = [0, 0, Infinity, -Infinity];
    for (const node of nodes) {
      const ns = this.#ns[node]!;
      if (Number.isNaN(ns)) continue;
      values[n++] = ns;
      sumNs += ns;
      if (ns < minNs) minNs = ns;
      if (ns > maxNs) maxNs = ns;
    }
    if (n === 0) return { n, sumNs: NaN, minNs: NaN, medianNs: NaN, maxNs: NaN };
    return { n, sumNs, minNs, medianNs: medianOf(values.subarray(0, n)), maxNs };
  }
}

function executedNs(states: NodeStates, table: RunTable, node: number): number {
  const row = states.row[node]!;
  return states.state[node] === stateIs.succeeded && row >= 0 ? table.endedNs[row]! - table.startedNs[row]! : NaN;
}

/**
 * By element of the graph: execute time of its tasks in the whole run, wherever the playhead is. elementOf gives the
 * element of each node, -1 of what is no task.
 */
export function wholeSums(elementOf: Int32Array, table: RunTable, elements: number): Float64Array {
  const sums = new Float64Array(elements);
  for (let row = 0; row < table.rows; row++) {
    const ns = table.endedNs[row]! - table.startedNs[row]!;
    const element = elementOf[table.node[row]!] ?? -1;
    if (element >= 0 && ns > 0 && table.outcome[row] === Outcome.ok) sums[element]! += ns;
  }
  return sums;
}
