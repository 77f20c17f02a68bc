// What the largest attempt of a run had resident: what the others are compared with.

import type { RunTable } from './run-table';

const known = new WeakMap<RunTable, { version: number; bytes: number }>();

/** The most memory that an attempt of the run had resident at a time; NaN where none was measured. */
export function mostMemoryOf(table: RunTable): number {
  const before = known.get(table);
  if (before?.version === table.version) return before.bytes;
  let bytes = Number.NaN;
  for (const { memoryBytes } of table.usage.values()) if (!(memoryBytes <= bytes)) bytes = orElse(memoryBytes, bytes);
  known.set(table, { version: table.version, bytes });
  return bytes;
}

function orElse(bytes: number, otherwise: number): number {
  return Number.isNaN(bytes) ? otherwise : bytes;
}
