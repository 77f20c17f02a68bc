// What the rules of placement did in a run, as lines of a table: one a figure, with the sum and each worker.

import type { RunWorker, Savings } from '../../api/schema';
import { workerName } from '../../model/events';
import { bytesText, count, durationText } from '../../model/format';

export interface SavingsLine {
  readonly label: string;
  /** On hover: what it is. */
  readonly title: string;
  readonly sum: string;
  /** In the order of the columns; empty where it is none. */
  readonly each: readonly string[];
}

export interface SavingsTable {
  /** Workers that have reported, by name. */
  readonly columns: readonly string[];
  readonly lines: readonly SavingsLine[];
}

interface FigureKind {
  readonly of: keyof Savings;
  readonly label: string;
  readonly title: string;
  readonly write: (n: number) => string;
}

const figures: readonly FigureKind[] = [
  {
    of: 'became',
    label: 'continued with',
    title: 'Tasks that a worker continued with instead of handing them out',
    write: count,
  },
  { of: 'invoked', label: 'handed out', title: 'Tasks that were left to other workers', write: count },
  { of: 'clustered', label: 'drawn to their input', title: 'Tasks that ran where their large input was', write: count },
  {
    of: 'not_stored_bytes',
    label: 'not stored',
    title: 'Bytes of outputs that never left their worker',
    write: bytesText,
  },
  { of: 'stored_bytes', label: 'stored', title: 'Bytes of outputs that went into the store', write: bytesText },
  {
    of: 'inline_bytes',
    label: 'sent inline',
    title: 'Bytes of outputs that travelled with the end of their task',
    write: bytesText,
  },
  { of: 'fetched_bytes', label: 'fetched', title: 'Bytes of inputs that came from elsewhere', write: bytesText },
  {
    of: 'delayed_held',
    label: 'held',
    title: 'Large outputs that waited for a consumer that was not ready',
    write: count,
  },
  {
    of: 'delayed_stored',
    label: 'stored after all',
    title: 'Those of them that had to be stored in the end',
    write: count,
  },
  {
    of: 'preloaded',
    label: 'fetched ahead',
    title: 'Inputs that were fetched before their task got a slot',
    write: count,
  },
  {
    of: 'preload_ns',
    label: 'time of that',
    title: 'What fetching them took, which no slot waited for',
    write: durationText,
  },
  { of: 'invalidated', label: 'made again', title: 'Outputs that were lost and asked for again', write: count },
  { of: 'commands', label: 'commands', title: 'To the store, by the processes of the workers', write: count },
  {
    of: 'round_trips',
    label: 'round trips',
    title: 'To the store and back, by the processes of the workers',
    write: count,
  },
];

/** What the workers of a run have reported; null where none has. Figures that are 0 everywhere are left out. */
export function savingsTable(workers: readonly RunWorker[]): SavingsTable | null {
  const reporting = workers.filter((worker) => worker.saved !== undefined);
  if (reporting.length === 0) return null;
  const lines: SavingsLine[] = [];
  for (const { of, label, title, write } of figures) {
    const each = reporting.map((worker) => worker.saved![of]);
    const sum = each.reduce((total, value) => total + value, 0);
    if (sum > 0)
      lines.push({ label, title, sum: write(sum), each: each.map((value) => (value > 0 ? write(value) : '')) });
  }
  return { columns: reporting.map((worker) => workerName(worker.worker)), lines };
}
