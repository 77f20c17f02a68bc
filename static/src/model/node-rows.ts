// Which rows of a table belong to a node, as chains through columns: no object per node.

import type { RunTable } from './run-table';

const NONE = -1;

/** Chains of rows by node. Kept per table and brought up to date when asked, row by row as they are added. */
export interface NodeRows {
  /** Rows that the chains cover. */
  readonly rows: number;
  /** Newest row of each node, -1 for none; may be shorter than the graph is large. */
  readonly last: Int32Array;
  /** The row before and after of the same node, -1 for none. */
  readonly before: Int32Array;
  readonly after: Int32Array;
  rowsOf(node: number): readonly number[];
}

const cache = new WeakMap<RunTable, Chains>();

/** The chains of a table as it is now. */
export function nodeRowsOf(table: RunTable): NodeRows {
  let chains = cache.get(table);
  if (chains === undefined) cache.set(table, (chains = new Chains()));
  chains.follow(table);
  return chains;
}

/** The newest row of a node, -1 for none. */
export function lastRowOf(table: RunTable, node: number): number {
  return nodeRowsOf(table).last[node] ?? NONE;
}

class Chains implements NodeRows {
  rows = 0;
  last = new Int32Array(0);
  before = new Int32Array(0);
  after = new Int32Array(0);
  #column: Uint32Array | null = null;

  rowsOf(node: number): readonly number[] {
    const rows: number[] = [];
    for (let row = this.last[node] ?? NONE; row !== NONE; row = this.before[row]!) rows.push(row);
    return rows.reverse();
  }

  follow(table: RunTable): void {
    // A column is replaced when it grows and when the table starts afresh; then the chains are rebuilt.
    if (table.node !== this.#column || table.rows < this.rows) {
      this.#column = table.node;
      this.rows = 0;
      this.last.fill(NONE);
      this.before = new Int32Array(table.node.length).fill(NONE);
      this.after = new Int32Array(table.node.length).fill(NONE);
    }
    for (; this.rows < table.rows; this.rows++) {
      this.#append(table.node[this.rows]!, this.rows);
    }
  }

  #append(node: number, row: number): void {
    if (node >= this.last.length) {
      const grown = new Int32Array(Math.max(256, 2 * (node + 1))).fill(NONE);
      grown.set(this.last);
      this.last = grown;
    }
    const before = this.last[node]!;
    this.before[row] = before;
    if (before !== NONE) this.after[before] = row;
    this.last[node] = row;
  }
}
