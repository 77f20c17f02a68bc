// What moved along the edges of a run.

import type { GraphIndex } from './graph-index';
import { attemptAt, sourceOf } from './states';
import { isDone, NO_WORKER, type RunTable, RowFlag } from './run-table';

/** Data that a task read from one of its parents. */
export interface EdgeUse {
  readonly from: number;
  readonly to: number;
  /** Size of the output that was read. */
  readonly bytes: number;
  /** How it reached its reader: in the memory of the same worker, through the store, or with the task's message. */
  readonly via: 'local' | 'store' | 'inline';
  /** When the reader had been claimed. */
  readonly atNs: number;
}

/** Size of an output: of the value where that says it, else as it was encoded for the store; NaN where neither does. */
export function sizeOf(table: RunTable, row: number): number {
  const bytes = table.outputBytes[row]!;
  if (!Number.isNaN(bytes)) return bytes;
  const stored = table.storedBytes[row]!;
  return stored > 0 ? stored : NaN;
}

/** How the output of one attempt reached another. */
export function viaOf(table: RunTable, from: number, to: number): EdgeUse['via'] {
  const worker = table.worker[from]!;
  if (worker !== NO_WORKER && worker === table.worker[to]) return 'local';
  return (table.flags[from]! & RowFlag.stored) !== 0 ? 'store' : 'inline';
}

/**
 * The edges with most bytes that had been read by a moment, the heaviest first. Only the outputs of the heaviest
 * producers are followed, so that the cost is that of what is shown.
 */
export function heaviestEdges(index: GraphIndex, table: RunTable, atNs: number, count: number): EdgeUse[] {
  const heaviest: EdgeUse[] = [];
  for (const row of producersBySize(table)) {
    const bytes = sizeOf(table, row);
    if (count <= 0 || bytes < leastOf(heaviest, count)) break;
    if (!(table.endedNs[row]! <= atNs)) continue;
    for (const child of index.children(table.node[row]!)) {
      const reader = attemptAt(table, child, atNs);
      if (reader < 0 || !(table.claimedNs[reader]! <= atNs)) continue;
      if (sourceOf(table, table.node[row]!, reader) !== row) continue; // it was made again, or before
      const read = index.readBytes(table.node[row]!, child);
      if (read === 0 || Number.isNaN(read)) continue;
      const via = read === undefined ? viaOf(table, row, reader) : 'store';
      heaviest.push({ from: table.node[row]!, to: child, bytes: read ?? bytes, via, atNs: table.claimedNs[reader]! });
    }
  }
  heaviest.sort((a, b) => b.bytes - a.bytes || a.from - b.from || a.to - b.to);
  return heaviest.slice(0, count);
}

/** No edge carries more than its producer's output: what is below the least of those that are shown ends the search. */
function leastOf(found: readonly EdgeUse[], count: number): number {
  if (found.length < count) return 0;
  return found.map((edge) => edge.bytes).sort((a, b) => b - a)[count - 1]!;
}

const producers = new WeakMap<RunTable, { version: number; rows: Uint32Array }>();

function producersBySize(table: RunTable): Uint32Array {
  const known = producers.get(table);
  if (known?.version === table.version) return known.rows;
  const found: number[] = [];
  for (let row = 0; row < table.rows; row++) {
    if (isDone(table.outcome[row]!) && sizeOf(table, row) > 0) found.push(row);
  }
  const rows = Uint32Array.from(found).sort((a, b) => sizeOf(table, b) - sizeOf(table, a) || a - b);
  producers.set(table, { version: table.version, rows });
  return rows;
}
