// The values of a metric by function in ascending order, kept in order while the log grows.

import type { GraphIndex } from './graph-index';
import { type Metric, valueOf } from './metric';
import { ascendingOrder, picked } from './order';
import { Outcome, type RunTable } from './run-table';
import { touchedSince } from './sorted-moments';

/** Values ascending, each with the moment from which it counts. Columns, replaced and never changed. */
export interface FunctionSamples {
  readonly value: Float64Array;
  readonly countsFromNs: Float64Array;
}

/**
 * Follows one table and one metric: of each function of the graph, the values of attempts that ended well. A version that
 * only adds values costs what it adds and a copy; where a known one has changed, all are sorted again.
 */
export class Samples {
  readonly #metric: Metric;
  #byFunction: FunctionSamples[] = [];
  /** By row: the value that the columns hold, NaN for none, and the moment from which it counts. */
  #value = new Float64Array(0);
  #countsFromNs = new Float64Array(0);
  #version = -1;
  #generation = -1;
  #touches = 0;
  /** How often all values were sorted: a budget. */
  sorts = 0;

  constructor(metric: Metric) {
    this.#metric = metric;
  }

  /** By function, as of the table's version. */
  of(index: GraphIndex, table: RunTable): readonly FunctionSamples[] {
    if (table.version === this.#version) return this.#byFunction;
    const { generation, length } = table.touched;
    if (generation !== this.#generation || !this.#append(index, table)) this.#sortAll(index, table);
    this.#version = table.version;
    this.#generation = generation;
    this.#touches = length;
    return this.#byFunction;
  }

  #sortAll(index: GraphIndex, table: RunTable): void {
    this.sorts++;
    this.#value = new Float64Array(table.node.length).fill(NaN);
    this.#countsFromNs = new Float64Array(table.node.length);
    const rowsOf: number[][] = index.graph.functions.map(() => []);
    for (let row = 0; row < table.rows; row++) this.#enter(index, table, row, rowsOf);
    this.#byFunction = rowsOf.map((rows) => this.#sorted(rows));
  }

  /** Adds what is new; false where a known value has gone. */
  #append(index: GraphIndex, table: RunTable): boolean {
    if (table.node.length > this.#value.length) {
      const [value, countsFromNs] = [this.#value, this.#countsFromNs];
      this.#value = new Float64Array(table.node.length).fill(NaN);
      this.#value.set(value);
      this.#countsFromNs = new Float64Array(table.node.length);
      this.#countsFromNs.set(countsFromNs);
    }
    const rowsOf: number[][] = index.graph.functions.map(() => []);
    for (const row of touchedSince(table, this.#touches)) {
      const before = this.#value[row]!;
      const isIn = !Number.isNaN(before);
      const isSame = before === sampleOf(table, row, this.#metric) && this.#countsFromNs[row] === table.updatedNs[row];
      if (isIn && !isSame) return false;
      if (!isIn) this.#enter(index, table, row, rowsOf);
    }
    rowsOf.forEach((rows, fn) => {
      if (rows.length > 0) this.#byFunction[fn] = merged(this.#byFunction[fn]!, this.#sorted(rows));
    });
    return true;
  }

  #enter(index: GraphIndex, table: RunTable, row: number, rowsOf: readonly number[][]): void {
    const value = sampleOf(table, row, this.#metric);
    const rows = Number.isNaN(value) ? undefined : rowsOf[index.functionOf(table.node[row]!)];
    if (rows === undefined) return;
    rows.push(row);
    this.#value[row] = value;
    this.#countsFromNs[row] = table.updatedNs[row]!;
  }

  #sorted(numbers: readonly number[]): FunctionSamples {
    const rows = new Uint32Array(numbers);
    const value = picked(this.#value, rows);
    const order = ascendingOrder(value);
    return { value: picked(value, order), countsFromNs: picked(picked(this.#countsFromNs, rows), order) };
  }
}

/** The value of an attempt that ended well; NaN of any other, and where it is not known. */
function sampleOf(table: RunTable, row: number, metric: Metric): number {
  return table.outcome[row] === Outcome.ok ? valueOf(table, row, metric) : NaN;
}

function merged(known: FunctionSamples, more: FunctionSamples): FunctionSamples {
  const length = known.value.length + more.value.length;
  const value = new Float64Array(length);
  const countsFromNs = new Float64Array(length);
  value.set(known.value);
  countsFromNs.set(known.countsFromNs);
  let left = known.value.length - 1;
  let right = more.value.length - 1;
  for (let to = length - 1; right >= 0; to--) {
    const isKnown = left >= 0 && known.value[left]! > more.value[right]!;
    const from = isKnown ? known : more;
    const place = isKnown ? left-- : right--;
    value[to] = from.value[place]!;
    countsFromNs[to] = from.countsFromNs[place]!;
  }
  return { value, countsFromNs };
}
