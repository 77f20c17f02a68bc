// The log as a reader sees it: what happened, in order, as text.

import { sizeOf } from './edges';
import { bytesText, durationText } from './format';
import type { GraphIndex } from './graph-index';
import { firstAfter, firstFrom } from './order';
import { isLoss, type Mark, MarkKind, NO_WORKER, Outcome, RowFlag, type RunTable, workerOf } from './run-table';
import { MARK, SortedMoments, type TakeMoment } from './sorted-moments';
import { stateAt } from './states';
import type { TaskState } from './task-state';

/** What happened to an attempt, or to the run as a whole. */
const EventKind = { claimed: 0, started: 1, ended: 2, over: 3, mark: MARK } as const;

/** Events of a run, ascending in time; equal times in the order of cause and effect. Columns, with one place for each event. */
export class RunEvents {
  readonly length: number;
  readonly atNs: Float64Array;
  /** Of EventKind. */
  readonly kind: Uint8Array;
  /** Row of the table; of a mark, its place in table.marks. */
  readonly row: Uint32Array;
  readonly #index: GraphIndex;
  readonly #table: RunTable;

  constructor(index: GraphIndex, table: RunTable) {
    this.#index = index;
    this.#table = table;
    const { atNs, kind, row } = sortedOf(table).of(table, Infinity);
    this.length = atNs.length;
    this.atNs = atNs;
    this.kind = kind;
    this.row = row;
  }

  /** How many events had happened by a moment; the last of them has the place before. */
  countAt(atNs: number): number {
    return firstAfter(this.atNs, atNs);
  }

  /** Moment of the last event strictly before a moment, NaN where there is none. */
  eventBefore(atNs: number): number {
    return this.atNs[firstFrom(this.atNs, atNs) - 1] ?? NaN;
  }

  /** Moment of the first event strictly after a moment, NaN where there is none. */
  eventAfter(atNs: number): number {
    return this.atNs[firstAfter(this.atNs, atNs)] ?? NaN;
  }

  /** Task that an event is about, -1 of marks. */
  nodeOf(place: number): number {
    return this.kind[place] === EventKind.mark ? -1 : this.#table.node[this.row[place]!]!;
  }

  /** State that the attempt entered, for its icon; undefined of marks. */
  stateOf(place: number): TaskState | undefined {
    if (this.kind[place] === EventKind.mark) return undefined;
    return stateAt(this.#table, this.row[place]!, this.atNs[place]!);
  }

  /** What happened, in words: blur[3] executes on w2/1. */
  text(place: number): string {
    const row = this.row[place]!;
    if (this.kind[place] === EventKind.mark) return markText(this.#table.marks, row);
    const name = this.#index.labelOf(this.#table.node[row]!);
    switch (this.kind[place]) {
      case EventKind.claimed:
        return `${name} claimed${this.#where(row)}${this.#table.epoch[row]! > 0 ? ', once more' : ''}`;
      case EventKind.started:
        return `${name} executes${this.#where(row)}`;
      case EventKind.ended:
        return `${name} ${this.#handing(row)}`;
      default:
        return `${name} ${this.#ending(row)}`;
    }
  }

  #where(row: number): string {
    return this.#table.worker[row] === NO_WORKER ? '' : ` on ${slotName(this.#table, row)}`;
  }

  #handing(row: number): string {
    const bytes = sizeOf(this.#table, row);
    const verb = (this.#table.flags[row]! & RowFlag.stored) === 0 ? 'hands on' : 'stores';
    return Number.isNaN(bytes) ? `${verb} its output` : `${verb} ${bytesText(bytes)}`;
  }

  #ending(row: number): string {
    const attempt = this.#table.attempt[row]!;
    switch (this.#table.outcome[row]) {
      case Outcome.ok:
        return `succeeded${this.#where(row)}`;
      case Outcome.retrying:
        return `failed${this.#where(row)}, attempt ${attempt}, to be tried again`;
      case Outcome.failed:
        return `failed${this.#where(row)}, attempt ${attempt}`;
      case Outcome.cancelled:
        return 'cancelled';
      case Outcome.lost:
        return `lost with its worker${this.#where(row)}`;
      case Outcome.cached:
        return `was cached${this.#where(row)}`;
      case Outcome.skipped:
        return 'skipped, a task it needs has failed';
      default:
        return 'over';
    }
  }
}

/** What a slot is called: w2/1 is slot 1 of worker 2. */
export function slotName(table: RunTable, row: number): string {
  return `${workerName(table.worker[row]!)}/${table.slot[row]!}`;
}

/** What a worker is called where its own name is not at hand. */
export function workerName(worker: number): string {
  return `w${worker}`;
}

const cache = new WeakMap<GraphIndex, { version: number; events: RunEvents }>();

/** The events of a run so far. */
export function eventsOf(index: GraphIndex, table: RunTable): RunEvents {
  const known = cache.get(index);
  if (known?.version === table.version) return known.events;
  const events = new RunEvents(index, table);
  cache.set(index, { version: table.version, events });
  return events;
}

const sorted = new WeakMap<RunTable, SortedMoments>();

function sortedOf(table: RunTable): SortedMoments {
  let moments = sorted.get(table);
  if (moments === undefined) sorted.set(table, (moments = new SortedMoments(eventsOfRow, true)));
  return moments;
}

function eventsOfRow(table: RunTable, row: number, _endNs: number, take: TakeMoment): void {
  if (table.outcome[row] === Outcome.cached) {
    take(table.updatedNs[row]!, EventKind.over); // its body was not called
    return;
  }
  take(table.claimedNs[row]!, EventKind.claimed);
  take(table.startedNs[row]!, EventKind.started);
  if (table.outcome[row] === Outcome.ok) take(table.endedNs[row]!, EventKind.ended);
  take(table.updatedNs[row]!, EventKind.over);
}

const outcomeWords = ['ended', 'succeeded', 'failed', 'was interrupted', 'was cancelled', 'was interrupted', 'ended'];

function markText(marks: readonly Mark[], place: number): string {
  const mark = marks[place]!;
  switch (mark.kind) {
    case MarkKind.runStarted:
      return marks.findIndex(({ kind }) => kind === MarkKind.runStarted) < place ? 'run continued' : 'run started';
    case MarkKind.runFinished:
      return `run ${outcomeWords[mark.value] ?? 'ended'} after ${durationText(mark.atNs)}`;
    case MarkKind.workerStarted:
      return `worker ${workerName(workerOf(mark))} started`;
    case MarkKind.workerStopped:
      return `worker ${workerName(workerOf(mark))} ${isLoss(mark) ? 'lost' : 'stopped'}`;
    case 9:
      return 'run paused';
    case 10:
      return 'run resumed';
    case 11:
      return 'run reached its deadline';
    case 12:
      return 'cancellation requested';
    case 13:
      return `a slot of ${workerName(workerOf(mark))} is gone: its task ignored the cancellation`;
    default:
      return `step of kind ${mark.kind}`;
  }
}
