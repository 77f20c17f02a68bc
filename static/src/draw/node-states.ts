// States of all tasks at one moment, as a column by node.

import type { GraphIndex } from '../model/graph-index';
import type { RunTable } from '../model/run-table';
import { eachBegunTask } from '../model/states';
import { taskStates, type TaskState } from '../model/task-state';
import { stateNumber } from './palette';

/** Number of states. */
export const STATES = taskStates.length;

/** The state with a number. */
export function stateName(n: number): TaskState {
  return taskStates[n] ?? 'pending';
}

/** Number of a state, in the order of taskStates. */
export const stateIs = stateNumber;

/** Which of several states one mark shows: what failed never vanishes, what is active beats what waits or ended. */
const WEIGHT: readonly number[] = taskStates.map((state) => {
  const order: readonly TaskState[] = [
    'skipped',
    'succeeded',
    'pending',
    'ready',
    'storing',
    'fetching',
    'running',
    'cancelled',
    'lost',
    'retrying',
    'failed',
  ];
  return order.indexOf(state);
});

/** The one of two states that a mark for both shows. */
export function worseState(a: number, b: number): number {
  return WEIGHT[a]! >= WEIGHT[b]! ? a : b;
}

/** State and attempt of every node; one pass over the rows for each moment or version, nothing where neither moved. */
export class NodeStates {
  /** By node: number of its state. */
  state = new Uint8Array(0);
  /** By node: the attempt that counts, -1 before the first. */
  row = new Int32Array(0);
  /** Moves whenever the columns do. */
  revision = 0;
  #version = -1;
  #atNs = NaN;
  #table: RunTable | null = null;

  /** Brings the columns to a moment; answers whether anything may have changed. */
  update(index: GraphIndex, table: RunTable, atNs: number): boolean {
    const isSame = table === this.#table && table.version === this.#version && atNs === this.#atNs;
    if (isSame && this.state.length >= index.nodes) return false;
    if (this.state.length < index.nodes) {
      this.state = new Uint8Array(Math.max(64, index.nodes));
      this.row = new Int32Array(Math.max(64, index.nodes));
    }
    this.state.fill(0);
    this.row.fill(-1);
    const { state, row } = this;
    eachBegunTask(table, atNs, (at, name) => {
      const node = table.node[at]!;
      if (node >= state.length) return;
      state[node] = stateNumber[name];
      row[node] = at;
    });
    this.#table = table;
    this.#version = table.version;
    this.#atNs = atNs;
    this.revision++;
    return true;
  }
}
