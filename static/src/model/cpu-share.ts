// Whether functions compute or wait: their CPU time divided by the time of their execution.

import type { GraphIndex } from './graph-index';
import { metricsOf, valueOf } from './metric';
import { executeNs } from './duration-rank';
import { Outcome, type RunTable } from './run-table';

/** What a CPU share means, as the heads of tables explain it. */
export const cpuTitle =
  'CPU time divided by execution time: 100 % is one processor that computes throughout; a low share is waiting for files or others';

/** CPU time of an attempt by its execution time; NaN where either is not known. */
export function cpuShareOf(table: RunTable, row: number): number {
  const ns = executeNs(table, row);
  return ns > 0 ? valueOf(table, row, 'cpu_ns') / ns : Number.NaN;
}

/**
 * CPU time of each function by its execution time, over the attempts that had ended well by a moment and whose CPU time
 * is known; NaN without one. 1 is one processor that computes throughout, more are several. Undefined where no attempt
 * of the whole run has a CPU time.
 */
export function cpuSharesAt(index: GraphIndex, table: RunTable, atNs: number): readonly number[] | undefined {
  if (!metricsOf(table).includes('cpu_ns')) return undefined;
  const cpuNs = new Float64Array(index.graph.functions.length);
  const executeNs = new Float64Array(cpuNs.length);
  for (const [row, usage] of table.usage) {
    if (Number.isNaN(usage.cpuNs) || table.outcome[row] !== Outcome.ok || !(table.updatedNs[row]! <= atNs)) continue;
    const fn = index.functionOf(table.node[row]!);
    if (fn < 0) continue;
    cpuNs[fn]! += usage.cpuNs;
    executeNs[fn]! += valueOf(table, row, 'execute_ns');
  }
  return Array.from(cpuNs, (ns, fn) => (executeNs[fn]! > 0 ? ns / executeNs[fn]! : Number.NaN));
}
