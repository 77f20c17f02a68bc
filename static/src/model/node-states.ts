// States of all tasks at one moment, as a column by node.

import type { GraphIndex } from './graph-index';
import type { RunTable } from './run-table';
import { touchedSince } from './sorted-moments';
import { attemptAt, eachBegunTask, endOf, isOverAt, taskStateAt, unbegunState } from './states';
import { stateNumber } from './task-state';

/** A node whose state may be another now, or come from another attempt. */
export interface StateChange {
  readonly node: number;
  readonly before: number;
  readonly now: number;
}

/**
 * State and attempt of every node. Where a frame of a live run came and time moved on only the rows of the frame are
 * read; any other moment takes a pass over all of them, and nothing is done where neither moved. It alone writes the
 * columns; its owner, a stage, calls update() and reads them.
 */
export class NodeStates {
  /** By node: number of its state. */
  state = new Uint8Array(0);
  /** By node: the attempt that counts, -1 before the first. */
  row = new Int32Array(0);
  /** Number of the state of nodes of which nothing is known. */
  unbegun: number = stateNumber.pending;
  /** Moves whenever the columns do. */
  revision = 0;
  /** What the last revision changed; null where anything may have. */
  changed: readonly StateChange[] | null = null;
  /** Rows read since the start: a budget. */
  rowsRead = 0;
  #before = new Uint8Array(0);
  #rowBefore = new Int32Array(0);
  #table: RunTable | null = null;
  #version = -1;
  #atNs = NaN;
  #nodes = -1;
  #endNs = NaN;
  #marks = -1;
  #generation = -1;
  #touches = 0;
  /** Nothing is known of any row, or of the run, after this moment. */
  #latestNs = -Infinity;

  /** The columns are those of a moment. */
  isAt(index: GraphIndex, table: RunTable, atNs: number): boolean {
    return this.#isOf(index, table) && table.version === this.#version && atNs === this.#atNs;
  }

  /** Only the rows that frames have brought since need to be read to move to a moment. */
  follows(index: GraphIndex, table: RunTable, atNs: number): boolean {
    return this.#isOf(index, table) && this.#onlyAdds(table, atNs);
  }

  /** Brings the columns to a moment; returns whether anything may have changed. */
  update(index: GraphIndex, table: RunTable, atNs: number): boolean {
    if (this.isAt(index, table, atNs)) return false;
    if (this.follows(index, table, atNs)) this.#follow(table, atNs);
    else this.#readAll(index.nodes, table, atNs, this.#isOf(index, table));
    this.#table = table;
    this.#version = table.version;
    this.#atNs = atNs;
    this.#nodes = index.nodes;
    this.#endNs = endOf(table);
    this.#marks = table.marks.length;
    this.#generation = table.touched.generation;
    this.#touches = table.touched.length;
    this.revision++;
    return true;
  }

  #isOf(index: GraphIndex, table: RunTable): boolean {
    return table === this.#table && this.#nodes === index.nodes;
  }

  /** Rows that no frame touched are at both moments what they will stay. */
  #onlyAdds(table: RunTable, atNs: number): boolean {
    const isSameLog = endOf(table) === this.#endNs && table.marks.length === this.#marks;
    return isSameLog && table.touched.generation === this.#generation && this.#latestNs <= Math.min(atNs, this.#atNs);
  }

  #follow(table: RunTable, atNs: number): void {
    const changed: StateChange[] = [];
    for (const touched of touchedSince(table, this.#touches)) {
      this.#latestNs = Math.max(this.#latestNs, latestOf(table, touched));
      const node = table.node[touched]!;
      if (node >= this.#nodes) continue;
      const before = this.state[node]!;
      const now = stateNumber[taskStateAt(table, node, atNs)];
      this.row[node] = attemptAt(table, node, atNs);
      this.state[node] = now;
      changed.push({ node, before, now });
      this.rowsRead++;
    }
    this.changed = changed;
  }

  #readAll(nodes: number, table: RunTable, atNs: number, isKnown: boolean): void {
    if (this.state.length < nodes) {
      this.state = new Uint8Array(Math.max(64, nodes));
      this.#before = new Uint8Array(this.state.length);
      this.row = new Int32Array(this.state.length);
      this.#rowBefore = new Int32Array(this.state.length);
    }
    [this.state, this.#before] = [this.#before, this.state];
    [this.row, this.#rowBefore] = [this.#rowBefore, this.row];
    this.unbegun = stateNumber[unbegunState(isOverAt(table, atNs))];
    this.state.fill(this.unbegun);
    this.row.fill(-1);
    const { state, row } = this;
    eachBegunTask(table, atNs, (at, number) => {
      const node = table.node[at]!;
      if (node >= state.length) return;
      state[node] = number;
      row[node] = at;
    });
    this.rowsRead += table.rows;
    this.changed = isKnown && table.version === this.#version ? this.#differences(nodes) : null;
    this.#latestNs = table.ended ? Infinity : latestOfAll(table);
  }

  #differences(nodes: number): StateChange[] {
    const changed: StateChange[] = [];
    for (let node = 0; node < nodes; node++) {
      const before = this.#before[node]!;
      const isSame = before === this.state[node] && this.#rowBefore[node] === this.row[node];
      if (!isSame) changed.push({ node, before, now: this.state[node]! });
    }
    return changed;
  }
}

/** The last moment that is known of a row. */
function latestOf(table: RunTable, row: number): number {
  let latest = -Infinity;
  for (const column of [table.readyNs, table.claimedNs, table.startedNs, table.endedNs, table.updatedNs]) {
    if (column[row]! > latest) latest = column[row]!;
  }
  return latest;
}

function latestOfAll(table: RunTable): number {
  let latest = -Infinity;
  for (const { atNs } of table.marks) latest = Math.max(latest, atNs);
  for (let row = 0; row < table.rows; row++) latest = Math.max(latest, latestOf(table, row));
  return latest;
}
