// How much later each task could have been over without making the run longer.

import type { GraphIndex } from './graph-index';
import { type NodeRows, nodeRowsOf } from './node-rows';
import { lanesOf } from './run-lanes';
import type { RunTable } from './run-table';
import { endOf } from './states';

const cache = new WeakMap<GraphIndex, { version: number; latestNs: Float64Array }>();

/**
 * Slack of a task of an ended run in ns: how much later its last attempt could have been over. What follows on it are the
 * tasks that wait for it, over the edges of the graph, and the next attempt on its lane; each would have taken as long as
 * it did from the moment at which it was ready and its lane free; records of other tools, whose lanes are mostly inferred,
 * have the edges of the graph alone (the backward pass of the critical path method, Kelley
 * and Walker 1959, with lanes as further edges). NaN while the run is live, and of a task that has no end.
 */
export function slackOf(index: GraphIndex, table: RunTable, node: number): number {
  const row = nodeRowsOf(table).last[node] ?? -1;
  if (!table.ended || row < 0) return NaN;
  let known = cache.get(index);
  if (known?.version !== table.version) {
    known = { version: table.version, latestNs: new BackwardPass(index, table).latestEnds() };
    cache.set(index, known);
  }
  return Math.max(0, known.latestNs[row]! - table.updatedNs[row]!);
}

const NONE = -1;
const Visit = { new: 0, open: 1, done: 2 } as const;

/**
 * Goes from the end of the run back to its beginning, over nodes and attempts: number i is a node below the number of
 * nodes, and attempt i minus that number beyond it. Joins and fan-outs take no time.
 */
class BackwardPass {
  readonly #index: GraphIndex;
  readonly #table: RunTable;
  readonly #chains: NodeRows;
  /** By row: the attempt that had to wait for its lane, and when its own lane was free. */
  readonly #nextOnLane: Int32Array;
  readonly #freeNs: Float64Array;
  /** Of a node the latest moment at which it may begin, of an attempt that at which it may be over. */
  readonly #latestNs: Float64Array;
  readonly #visit: Uint8Array;

  constructor(index: GraphIndex, table: RunTable) {
    this.#index = index;
    this.#table = table;
    this.#chains = nodeRowsOf(table);
    this.#nextOnLane = new Int32Array(table.rows).fill(NONE);
    this.#freeNs = new Float64Array(table.rows).fill(-Infinity);
    this.#latestNs = new Float64Array(index.nodes + table.rows);
    this.#visit = new Uint8Array(index.nodes + table.rows);
    if (!table.recorded) this.#followLanes(); // those of another tool's record may be made up, one for what ran at once
  }

  /** By row: when it would have had to be over at the latest. */
  latestEnds(): Float64Array {
    // Depth first with a stack of its own: a chain of 100,000 tasks would exhaust that of the language.
    for (let start = 0; start < this.#visit.length; start++) {
      const stack = [start];
      for (let at = stack.at(-1); at !== undefined; at = stack.at(-1)) {
        if (this.#visit[at] === Visit.new) {
          this.#visit[at] = Visit.open;
          for (const next of this.#following(at)) if (this.#visit[next] === Visit.new) stack.push(next);
          continue;
        }
        stack.pop();
        if (this.#visit[at] === Visit.open) this.#settle(at);
      }
    }
    return this.#latestNs.subarray(this.#index.nodes);
  }

  /**
   * An attempt waited for the one before on its lane only where that was over when it was claimed. Where they overlap, it
   * became its parent's successor a little early, which is an edge of the graph already, or clocks disagree.
   */
  #followLanes(): void {
    for (const { rows, startNs, endNs, reachNs } of lanesOf(this.#table).lanes) {
      let last = 0;
      for (let i = 1; i < rows.length; i++) {
        if (endNs[i - 1]! >= endNs[last]!) last = i - 1;
        if (reachNs[i - 1]! > startNs[i]!) continue;
        this.#nextOnLane[rows[last]!] = rows[i]!;
        this.#freeNs[rows[i]!] = reachNs[i - 1]!;
      }
    }
  }

  #settle(at: number): void {
    let latest = endOf(this.#table);
    for (const next of this.#following(at)) {
      // What is still open waits for this one itself: in a record whose clocks disagree a lane may contradict the graph.
      if (this.#visit[next] === Visit.done) latest = Math.min(latest, this.#latestNs[next]! - this.#spentNs(at, next));
    }
    this.#latestNs[at] = latest;
    this.#visit[at] = Visit.done;
  }

  #following(at: number): number[] {
    const { nodes } = this.#index;
    const row = at - nodes;
    if (row < 0) return this.#followingNode(at);
    const node = this.#table.node[row]!;
    const again = this.#chains.after[row]!;
    const isRepeated = again >= 0 && this.#table.epoch[again] === this.#table.epoch[row];
    // What read an output that was lost later has an edge from the attempt that made it again.
    const found = isRepeated ? [nodes + again] : again >= 0 ? [] : this.#index.successors(node);
    const onLane = this.#nextOnLane[row]!;
    return onLane >= 0 ? [...found, nodes + onLane] : found;
  }

  /** A task begins with the first attempt of its last epoch; what has none takes no time. */
  #followingNode(node: number): number[] {
    const { last, before } = this.#chains;
    let row = this.#index.isTask(node) ? (last[node] ?? NONE) : NONE;
    if (row < 0) return this.#index.successors(node);
    const { epoch } = this.#table;
    while (before[row]! >= 0 && epoch[before[row]!] === epoch[row]) row = before[row]!;
    return [this.#index.nodes + row];
  }

  /** How long before the latest end of what follows this one had to be over; 0 where that is a node. */
  #spentNs(at: number, next: number): number {
    const row = next - this.#index.nodes;
    if (row < 0) return 0;
    const { readyNs, claimedNs, updatedNs } = this.#table;
    const couldBeginNs = Math.max(orElse(readyNs[row]!, claimedNs[row]!), this.#freeNs[row]!);
    const tookNs = orElse(updatedNs[row]! - couldBeginNs, 0);
    const own = at - this.#index.nodes;
    // Between two attempts of a task lies its back-off, which lasts as long whenever it begins.
    const backOffNs = own >= 0 && this.#chains.after[own] === row ? orElse(readyNs[row]! - updatedNs[own]!, 0) : 0;
    return Math.max(0, tookNs) + Math.max(0, backOffNs);
  }
}

function orElse(ns: number, otherwise: number): number {
  return Number.isNaN(ns) ? otherwise : ns;
}
