// What a run did between two moments: its functions, phases, slots and bytes.

import type { GraphIndex } from './graph-index';
import { busyBetween, type Lanes } from './lanes';
import { slotTimeNs } from './presence';
import { Outcome, type RunTable, RowFlag } from './run-table';
import { type Traffic, trafficBetween } from './run-figures';
import { endOf } from './states';

/** A stretch of a run, half open; ns since its start. */
export interface TimeRange {
  readonly fromNs: number;
  readonly toNs: number;
}

/** Time of tasks within a range by phase, added up: the parts of attempts that lie outside of it do not count. */
export interface RangePhases {
  /** Ready and not claimed; no slot is held meanwhile. */
  readonly queueNs: number;
  readonly waitNs: number;
  readonly fetchNs: number;
  readonly executeNs: number;
  readonly storeNs: number;
  readonly updateNs: number;
}

export interface RangeFunction {
  /** Index into graph.functions. */
  readonly function: number;
  /** Attempts that held a slot at any time of the range. */
  readonly attempts: number;
  /** Time for which they held it, within the range. */
  readonly heldNs: number;
}

export interface RangeFigures {
  readonly attempts: number;
  /** Those that failed or were lost in it. */
  readonly failed: number;
  /** The longest first. */
  readonly functions: readonly RangeFunction[];
  readonly phases: RangePhases;
  /** Time for which slots were busy, and for which they existed, added up. */
  readonly busyNs: number;
  readonly slotNs: number;
  /** Read by attempts that started in it; undefined where the run has too many edges to add up here. */
  readonly traffic: Traffic | undefined;
  /** Size of the outputs that were made in it, as far as it is known, and of how many it is not. */
  readonly outputBytes: number;
  readonly unsized: number;
}

/** Figures of a range, exact, from the table alone. Linear in the attempts, and in the edges that were read in it. */
export function rangeFigures(index: GraphIndex, table: RunTable, lanes: Lanes, range: TimeRange): RangeFigures {
  const { fromNs, toNs } = range;
  const sums = new RangeSums(index, table, range);
  for (let row = 0; row < table.rows; row++) sums.add(row);
  let busyNs = 0;
  for (const lane of lanes.lanes) busyNs += busyBetween(lane, fromNs, toNs);
  return {
    ...sums.result(),
    busyNs,
    slotNs: slotTimeNs(table, lanes, fromNs, toNs),
    traffic: trafficBetween(index, table, fromNs, toNs),
  };
}

class RangeSums {
  readonly #index: GraphIndex;
  readonly #table: RunTable;
  readonly #range: TimeRange;
  /** Where attempts that have not ended are cut: now, or the end of the run. */
  readonly #openEndNs: number;
  readonly #phases = { queueNs: 0, waitNs: 0, fetchNs: 0, executeNs: 0, storeNs: 0, updateNs: 0 };
  readonly #attempts: Uint32Array;
  readonly #heldNs: Float64Array;
  #failed = 0;
  #outputBytes = 0;
  #unsized = 0;

  constructor(index: GraphIndex, table: RunTable, range: TimeRange) {
    this.#index = index;
    this.#table = table;
    this.#range = range;
    this.#openEndNs = Math.min(endOf(table), table.nowNs);
    this.#attempts = new Uint32Array(index.graph.functions.length);
    this.#heldNs = new Float64Array(index.graph.functions.length);
  }

  add(row: number): void {
    const { readyNs, claimedNs, updatedNs } = this.#table;
    const overNs = orElse(updatedNs[row]!, this.#openEndNs);
    const heldFromNs = Math.min(orElse(claimedNs[row]!, overNs), overNs);
    this.#phases.queueNs += this.#within(readyNs[row]!, heldFromNs);
    if (Number.isNaN(claimedNs[row]!) || !this.#touches(heldFromNs, overNs)) return;
    this.#addPhases(row, heldFromNs, overNs);
    const fn = this.#index.functionOf(this.#table.node[row]!);
    if (fn >= 0) {
      this.#attempts[fn]!++;
      this.#heldNs[fn]! += this.#within(heldFromNs, overNs);
    }
    this.#addEnd(row);
  }

  result(): Pick<RangeFigures, 'attempts' | 'failed' | 'functions' | 'phases' | 'outputBytes' | 'unsized'> {
    const functions = Array.from(this.#attempts, (attempts, fn) => {
      return { function: fn, attempts, heldNs: this.#heldNs[fn]! };
    }).filter(({ attempts }) => attempts > 0);
    functions.sort((a, b) => b.heldNs - a.heldNs || a.function - b.function);
    return {
      attempts: this.#attempts.reduce((sum, n) => sum + n, 0),
      failed: this.#failed,
      functions,
      phases: this.#phases,
      outputBytes: this.#outputBytes,
      unsized: this.#unsized,
    };
  }

  #addPhases(row: number, claimedNs: number, overNs: number): void {
    const { startedNs, endedNs, fetchNs, flags, outcome } = this.#table;
    const between = (ns: number, leastNs: number): number => Math.min(Math.max(orElse(ns, overNs), leastNs), overNs);
    const started = between(startedNs[row]!, claimedNs);
    const ended = between(endedNs[row]!, started);
    const movingNs = this.#within(claimedNs, started);
    // When of that time inputs were fetched is not recorded: a range that cuts it has its share.
    const fetched = Math.min(Math.max(fetchNs[row]!, 0), started - claimedNs);
    const share = started > claimedNs ? fetched / (started - claimedNs) : 0;
    this.#phases.fetchNs += movingNs * share;
    this.#phases.waitNs += movingNs * (1 - share);
    const isCached = outcome[row] === Outcome.cached;
    this.#phases[isCached ? 'fetchNs' : 'executeNs'] += this.#within(started, ended);
    const isStored = (flags[row]! & RowFlag.stored) !== 0;
    this.#phases[isStored ? 'storeNs' : 'updateNs'] += this.#within(ended, overNs);
  }

  #addEnd(row: number): void {
    const { updatedNs, outcome, outputBytes } = this.#table;
    if (!(updatedNs[row]! >= this.#range.fromNs && updatedNs[row]! < this.#range.toNs)) return;
    const ended = outcome[row];
    if (ended === Outcome.failed || ended === Outcome.retrying || ended === Outcome.lost) this.#failed++;
    if (ended !== Outcome.ok) return;
    if (Number.isNaN(outputBytes[row]!)) this.#unsized++;
    else this.#outputBytes += outputBytes[row]!;
  }

  /** An attempt that took no time touches the moment at which it was. */
  #touches(fromNs: number, toNs: number): boolean {
    return fromNs < this.#range.toNs && (toNs > this.#range.fromNs || fromNs === this.#range.fromNs);
  }

  #within(fromNs: number, toNs: number): number {
    const ns = Math.min(toNs, this.#range.toNs) - Math.max(fromNs, this.#range.fromNs);
    return ns > 0 ? ns : 0;
  }
}

function orElse(ns: number, otherwise: number): number {
  return Number.isNaN(ns) ? otherwise : ns;
}
