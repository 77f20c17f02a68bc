// Inputs of a task as lines of a table: from the service's detail where there is one, else from the graph.

import { sizeOf, viaOf } from '../../model/edges';
import type { GraphIndex } from '../../model/graph-index';
import type { RunTable } from '../../model/run-table';
import { attemptAt } from '../../model/states';
import { titleOf } from '../../model/task-names';

export interface InputLine {
  readonly key: string;
  /** Task that made it, -1 where it is not a single one. */
  readonly node: number;
  readonly name: string;
  /** store, local, inline; empty while it is not known. */
  readonly via: string;
  /** NaN where it is not known. */
  readonly bytes: number;
  readonly fetchNs: number;
  readonly rate: { readonly figure: string; readonly unit: string } | null;
}

/** What the service reports of one input. */
export interface ReportedInput {
  readonly from: number;
  readonly task: string;
  readonly name?: string | undefined;
  readonly source: string;
  readonly bytes: number | null;
  readonly fetch_ns: number;
}

/** Below this a rate says more about the clock than about the transfer. */
const LEAST_BYTES = 65536;
const LEAST_NS = 1e6;

/** Inputs as the service reported them, the slowest first. */
export function reportedInputs(
  reported: readonly ReportedInput[],
  rate: (bytesPerSecond: number) => InputLine['rate'],
): InputLine[] {
  const lines = reported.map((input, i) => {
    const bytes = input.bytes ?? Number.NaN;
    const moved = bytes >= LEAST_BYTES && input.fetch_ns >= LEAST_NS;
    return {
      key: `${String(i)}:${String(input.from)}`,
      node: input.task === '' ? -1 : input.from,
      name: input.source === 'outside' ? 'outside the run' : input.task === '' ? 'a collection' : titled(input),
      via: input.source,
      bytes,
      fetchNs: input.fetch_ns,
      rate: moved ? rate(bytes / (input.fetch_ns / 1e9)) : null,
    };
  });
  return lines.sort((a, b) => b.fetchNs - a.fetchNs || orZero(b.bytes) - orZero(a.bytes));
}

/** As GraphIndex.titleOf. */
function titled({ name, task }: ReportedInput): string {
  return name === undefined ? task : `${name}, ${task}`;
}

/** Inputs as the graph has them, with the sizes of those outputs that exist by a moment; the largest first. */
export function plannedInputs(index: GraphIndex, table: RunTable, node: number, atNs: number): InputLine[] {
  const reader = attemptAt(table, node, atNs);
  const claimed = reader >= 0 && table.claimedNs[reader]! <= atNs;
  const lines = index.parents(node).map((parent) => {
    const row = attemptAt(table, parent, atNs);
    const made = row >= 0 && table.endedNs[row]! <= atNs;
    return {
      key: String(parent),
      node: parent,
      name: titleOf(index, parent),
      via: claimed && made ? viaOf(table, row, reader) : '',
      bytes: made ? sizeOf(table, row) : Number.NaN,
      fetchNs: Number.NaN,
      rate: null,
    };
  });
  return lines.sort((a, b) => orZero(b.bytes) - orZero(a.bytes));
}

function orZero(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}

/** Sum of the sizes; NaN where one is not known or there is none. */
export function totalBytes(inputs: readonly InputLine[]): number {
  if (inputs.length === 0) return Number.NaN;
  return inputs.reduce((sum, input) => sum + input.bytes, 0);
}
