// How the time of one attempt splits up, as record.TaskMetrics has it.

import { Outcome, type RunTable, RowFlag } from './run-table';

/** Phases of an attempt in ns, in order. None is negative, NaN where it is not over. */
export interface Phases {
  /** Ready until claimed. */
  readonly queueNs: number;
  /** Claimed until all inputs are present, without fetchNs. */
  readonly waitNs: number;
  readonly fetchNs: number;
  /** 0 of a cached task, whose body was not called: taking its output from the cache is part of fetchNs. */
  readonly executeNs: number;
  /** From the end of the body until the children are notified: store where the output was stored, else update. */
  readonly storeNs: number;
  readonly updateNs: number;
}

/** Places of the phases in what fillPhases fills. */
export const Phase = { queue: 0, wait: 1, fetch: 2, execute: 3, store: 4, update: 5 } as const;

const PHASES = 6;

/**
 * Phases of a row. Clocks of workers may disagree: moments that lie outside of ready to the end, or before the moment
 * that should precede them, are moved.
 */
export function phasesOf(table: RunTable, row: number): Phases {
  const phases = new Float64Array(PHASES);
  fillPhases(table, row, phases);
  return {
    queueNs: phases[Phase.queue]!,
    waitNs: phases[Phase.wait]!,
    fetchNs: phases[Phase.fetch]!,
    executeNs: phases[Phase.execute]!,
    storeNs: phases[Phase.store]!,
    updateNs: phases[Phase.update]!,
  };
}

/** The same for loops over many rows, into a column that is used again and again. */
export function fillPhases(table: RunTable, row: number, into: Float64Array): void {
  const ready = table.readyNs[row]!;
  const end = Math.max(table.updatedNs[row]!, orLeast(table.endedNs[row]!), orLeast(ready));
  const claimed = within(table.claimedNs[row]!, ready, end);
  const started = within(table.startedNs[row]!, claimed, end);
  const ended = within(table.endedNs[row]!, started, end);
  const fetched = Math.min(Math.max(table.fetchNs[row]!, 0), started - claimed);
  const isStored = (table.flags[row]! & RowFlag.stored) !== 0;
  into[Phase.queue] = claimed - ready;
  const isCached = table.outcome[row] === Outcome.cached;
  into[Phase.wait] = started - claimed - fetched;
  into[Phase.fetch] = fetched + (isCached ? ended - started : 0);
  into[Phase.execute] = isCached ? zeroWhere(ended) : ended - started;
  into[Phase.store] = isStored ? end - ended : zeroWhere(end);
  into[Phase.update] = isStored ? zeroWhere(end) : end - ended;
}

/** The phases as far as they have come at a moment: what has not begun is NaN, what has not ended counts up to it. */
export function phasesAt(table: RunTable, row: number, atNs: number): Phases {
  const until = (column: Float64Array) => (atNs >= column[row]! ? column[row]! : NaN);
  const ready = until(table.readyNs);
  const claimed = until(table.claimedNs);
  const started = until(table.startedNs);
  const ended = until(table.endedNs);
  const updated = until(table.updatedNs);
  const spent = (from: number, to: number) => Math.max(0, (Number.isNaN(to) ? atNs : to) - from);
  const moving = spent(claimed, started);
  // How much of the time is fetching is unknown until the inputs are present: all of it is shown as fetching.
  const fetchNs = Number.isNaN(started) ? moving : Math.min(table.fetchNs[row]!, moving);
  const isStored = (table.flags[row]! & RowFlag.stored) !== 0;
  const handOn = spent(ended, updated);
  const body = spent(started, ended);
  const isCached = table.outcome[row] === Outcome.cached;
  return {
    queueNs: spent(ready, claimed),
    waitNs: moving - fetchNs,
    fetchNs: isCached ? fetchNs + orZero(body) : fetchNs,
    executeNs: isCached ? zeroWhere(body) : body,
    storeNs: isStored ? handOn : zeroWhere(handOn),
    updateNs: isStored ? zeroWhere(handOn) : handOn,
  };
}

function within(at: number, least: number, most: number): number {
  return Math.min(Math.max(at, least), Number.isNaN(most) ? Infinity : most);
}

function orLeast(at: number): number {
  return Number.isNaN(at) ? -Infinity : at;
}

function orZero(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}

/** 0 where a value is known, NaN where it is not. */
function zeroWhere(value: number): number {
  return Number.isNaN(value) ? NaN : 0;
}
