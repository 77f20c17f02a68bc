// Lower bounds of an ended run's makespan, and what its time went into: the figures that its reason is derived from.

import { claimGapsOf, isBlocked, isShort } from './claims';
import { type CriticalPath, criticalPathOf, type PathStep } from './critical-path';
import type { GraphIndex } from './graph-index';
import type { Lanes } from './lanes';
import { type Chain, longestChains } from './longest-chain';
import { nodeRowsOf, type NodeRows } from './node-rows';
import { growth, type Occupancy, occupancyOf } from './occupancy';
import { fillPhases, Phase } from './phases';
import { slotTimeNs } from './presence';
import { makespanOf } from './run-figures';
import { isDone, Outcome, type RunTable } from './run-table';
import { standstillNs } from './standstill';
import { type Straggler, stragglerOf } from './straggler';

/** Time of slots by what they did for attempts, added up over all slots; waiting for processors or memory is nothing. */
export interface SlotWork {
  /** Bodies of attempts that ended well. */
  readonly executeNs: number;
  /** Fetching inputs and what was cached, and storing outputs. */
  readonly movingNs: number;
  /** Claiming, preparing inputs, notifying children: what the engine does for each task. */
  readonly engineNs: number;
  /** Attempts that did not end well, as a whole. */
  readonly againNs: number;
  readonly totalNs: number;
}

/** The critical path by why it took its time. Together they are the makespan. */
export interface PathTime {
  readonly executeNs: number;
  readonly movingNs: number;
  readonly engineNs: number;
  readonly againNs: number;
  readonly backoffNs: number;
  /** The run was paused. */
  readonly pausedNs: number;
  /** The run had ended and was continued later. */
  readonly overNs: number;
  /** Waiting while every slot was at work. */
  readonly fullNs: number;
  /** Waiting although a slot was free. */
  readonly freeNs: number;
  /** Waiting in a slot, for processors or memory. */
  readonly blockedNs: number;
  /** Waiting while there was no worker. */
  readonly absentNs: number;
  /** Nothing on the path was ready, for reasons that a record does not give. */
  readonly unreadyNs: number;
}

/** A function and its part in what all tasks executed. */
export interface FunctionShare {
  /** Index into graph.functions. */
  readonly function: number;
  readonly ns: number;
  readonly share: number;
}

/** All bounds of an ended run. Moments are ns since it was submitted. */
export interface Bounds {
  readonly fromNs: number;
  readonly toNs: number;
  /** First claim to last end. */
  readonly makespanNs: number;
  /** From the last end until the run was over. */
  readonly closingNs: number;
  /** Slots that existed on average while there were any. */
  readonly slots: number;
  readonly work: SlotWork;
  /** Work ÷ slots: what it takes if every slot works all the time. */
  readonly workNs: number;
  /** Longest chain by execution alone: what it takes with unlimited slots. */
  readonly chain: Chain;
  /** The same with what moving data and the engine took for the tasks on it. */
  readonly heldChain: Chain;
  /** What the tasks of heldChain did. */
  readonly chainWork: SlotWork;
  readonly path: PathTime;
  readonly steps: readonly PathStep[];
  /** Time for which the run was paused, whatever still ran meanwhile. */
  readonly pausedNs: number;
  readonly tasks: number;
  readonly occupancy: Occupancy;
  readonly straggler: Straggler | undefined;
  /** The function with the largest share; undefined where nothing executed. */
  readonly largest: FunctionShare | undefined;
}

const cache = new WeakMap<GraphIndex, { version: number; lanes: Lanes; bounds: Bounds | undefined }>();

/** The bounds of a run; undefined while it is live, and where no attempt has ended. */
export function boundsOf(index: GraphIndex, table: RunTable, lanes: Lanes): Bounds | undefined {
  const known = cache.get(index);
  if (known?.version === table.version && known.lanes === lanes) return known.bounds;
  const path = criticalPathOf(index, table);
  const bounds = path === undefined ? undefined : collect(index, table, lanes, path);
  cache.set(index, { version: table.version, lanes, bounds });
  return bounds;
}

function collect(index: GraphIndex, table: RunTable, lanes: Lanes, path: CriticalPath): Bounds {
  const { fromNs, toNs } = makespanOf(table);
  const gaps = claimGapsOf(table, lanes);
  const occupancy = occupancyOf(table, lanes, fromNs, toNs);
  const works = new Works(index, table, gaps);
  const [chain, heldChain] = longestChains(index, [works.executeNs, works.heldNs]).map((one) => works.ran(one)) as [
    Chain,
    Chain,
  ];
  // Between two revisions there are no workers; when a run is paused, its slots exist and are idle. Time without any
  // worker has a bound of its own.
  const absentNs = growth(occupancy.absent, fromNs, toNs);
  const goingNs = toNs - fromNs - standstillNs(table, fromNs, toNs, 'over') - absentNs;
  const slots = goingNs > 0 ? slotTimeNs(table, lanes, fromNs, toNs) / goingNs : 0;
  const work = works.sumOfRows();
  return {
    fromNs,
    toNs,
    makespanNs: toNs - fromNs,
    closingNs: Math.max(0, table.nowNs - toNs),
    slots,
    work,
    workNs: slots > 0 ? work.totalNs / slots : 0,
    chain,
    heldChain,
    chainWork: works.sumOfNodes(heldChain.nodes),
    path: pathTime(table, path, gaps, occupancy),
    steps: path.steps,
    pausedNs: standstillNs(table, fromNs, toNs, 'paused'),
    tasks: works.tasks,
    occupancy,
    straggler: stragglerOf(index, table),
    largest: works.largest(),
  };
}

/** What every attempt did, and of every task the one that counts; see counts. */
class Works {
  /** By node. */
  readonly executeNs: Float64Array;
  readonly heldNs: Float64Array;
  /** Tasks that did something. */
  tasks = 0;
  readonly #has: Uint8Array;
  readonly #table: RunTable;
  readonly #index: GraphIndex;
  readonly #gaps: Float64Array;
  readonly #rows: NodeRows;
  readonly #phases = new Float64Array(6);

  constructor(index: GraphIndex, table: RunTable, gaps: Float64Array) {
    [this.#index, this.#table, this.#gaps] = [index, table, gaps];
    this.#rows = nodeRowsOf(table);
    this.executeNs = new Float64Array(index.nodes);
    this.heldNs = new Float64Array(index.nodes);
    this.#has = new Uint8Array(index.nodes);
    for (let row = 0; row < table.rows; row++) {
      const node = table.node[row]!;
      if (node >= index.nodes || !this.#counts(row)) continue;
      this.#has[node] = 1;
      fillPhases(table, row, this.#phases);
      this.executeNs[node] = this.#phases[Phase.execute]!;
      this.heldNs[node] = table.updatedNs[row]! - table.claimedNs[row]! + gaps[row]! - this.#blockedNs();
    }
    for (const ns of this.heldNs) if (ns > 0) this.tasks++;
  }

  /** A chain without the tasks that never ran. */
  ran({ ns, nodes }: Chain): Chain {
    return { ns, nodes: nodes.filter((node) => this.#has[node] === 1) };
  }

  /** An attempt counts for its task unless it was repeated: also one that failed for good or was cancelled. */
  #counts(row: number): boolean {
    const outcome = this.#table.outcome[row]!;
    if (isDone(outcome)) return true;
    const isLast = this.#rows.last[this.#table.node[row]!] === row;
    return isLast && (outcome === Outcome.failed || outcome === Outcome.cancelled);
  }

  sumOfRows(): SlotWork {
    const sum = new WorkSum();
    for (let row = 0; row < this.#table.rows; row++) this.#add(sum, row);
    return sum;
  }

  sumOfNodes(nodes: readonly number[]): SlotWork {
    const sum = new WorkSum();
    const { last, before } = this.#rows;
    for (const node of nodes) {
      let row = last[node] ?? -1;
      while (row >= 0 && !this.#counts(row)) row = before[row]!;
      if (row >= 0) this.#add(sum, row);
    }
    return sum;
  }

  largest(): FunctionShare | undefined {
    const sums = this.#index.graph.functions.map(() => 0);
    let total = 0;
    this.executeNs.forEach((ns, node) => {
      const fn = this.#index.functionOf(node);
      if (fn < 0) return;
      sums[fn]! += ns;
      total += ns;
    });
    const ns = Math.max(...sums);
    return total > 0 ? { function: sums.indexOf(ns), ns, share: ns / total } : undefined;
  }

  #add(sum: WorkSum, row: number): void {
    const table = this.#table;
    const heldNs = table.updatedNs[row]! - table.claimedNs[row]!;
    if (!(heldNs >= 0)) return;
    sum.engineNs += this.#gaps[row]!;
    if (!this.#counts(row)) {
      sum.againNs += heldNs;
      return;
    }
    fillPhases(table, row, this.#phases);
    sum.executeNs += this.#phases[Phase.execute]!;
    sum.movingNs += this.#phases[Phase.fetch]! + this.#phases[Phase.store]!;
    sum.engineNs += this.#phases[Phase.wait]! - this.#blockedNs() + this.#phases[Phase.update]!;
  }

  /** How long the row of the phases waited for processors or memory. */
  #blockedNs(): number {
    const waitNs = this.#phases[Phase.wait]!;
    return isBlocked(this.#table, waitNs) ? waitNs : 0;
  }
}

class WorkSum implements SlotWork {
  executeNs = 0;
  movingNs = 0;
  engineNs = 0;
  againNs = 0;

  get totalNs(): number {
    return this.executeNs + this.movingNs + this.engineNs + this.againNs;
  }
}

function pathTime(table: RunTable, path: CriticalPath, gaps: Float64Array, occupancy: Occupancy): PathTime {
  const time = { engineNs: 0, movingNs: 0, pausedNs: 0, overNs: 0, unreadyNs: 0 };
  const waits = { fullNs: 0, freeNs: 0, absentNs: 0, blockedNs: 0 };
  const { full, absent } = occupancy;
  for (const step of path.steps) {
    const { row, queueNs, unreadyNs } = step;
    const fromNs = step.fromNs + unreadyNs;
    time.unreadyNs += unreadyNs;
    time.movingNs += step.fetchNs + step.storeNs;
    time.engineNs += step.updateNs;
    if (isBlocked(table, step.waitNs)) waits.blockedNs += step.waitNs;
    else time.engineNs += step.waitNs;
    const overNs = Math.min(step.stoodNs, standstillNs(table, step.fromNs, step.toNs, 'over'));
    time.overNs += overNs;
    time.pausedNs += step.stoodNs - overNs;
    const gapNs = Math.min(queueNs, gaps[row]!);
    const claimedNs = table.claimedNs[row]! - gapNs;
    const waitedNs = queueNs - gapNs;
    const fullNs = Math.min(waitedNs, growth(full, fromNs, claimedNs));
    const absentNs = Math.min(waitedNs - fullNs, growth(absent, fromNs, claimedNs));
    const freeNs = waitedNs - fullNs - absentNs;
    // Tasks that a lane keeps while another one is being woken do not wait.
    const isEngine = isShort(table, row, freeNs);
    time.engineNs += gapNs + (isEngine ? freeNs : 0);
    waits.freeNs += isEngine ? 0 : freeNs;
    waits.fullNs += fullNs;
    waits.absentNs += absentNs;
  }
  const { executeNs, againNs, backoffNs } = path.phases;
  return { ...time, ...waits, executeNs, againNs, backoffNs };
}
