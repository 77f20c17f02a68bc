// The attempts of one run as columns: the only thing that pictures of a run are made from.

/** Outcome numbers, as record.Outcome has them; 0 means that the attempt has not ended. */
export const Outcome = {
  none: 0,
  ok: 1,
  failed: 2,
  retrying: 3,
  cancelled: 4,
  lost: 5,
  skipped: 6,
  /** Not executed, because its output was there from an earlier run; only in imported runs. */
  cached: 7,
} as const;

/** The task is done after an attempt with this outcome: what waits for it goes on, and nothing repeats it. */
export function isDone(outcome: number): boolean {
  return outcome === Outcome.ok || outcome === Outcome.cached;
}

/** Bits of the column flags. */
export const RowFlag = {
  /** Claimed from the ready tasks; otherwise its worker became it after one of its parents. */
  head: 1,
  /** Its worker continued with one of its children. */
  became: 2,
  /** The output went into the store; otherwise it stayed with the worker or travelled inline. */
  stored: 4,
} as const;

/** No worker yet, in the column worker. */
export const NO_WORKER = 0xffff;

/**
 * Attempts of one run as columns; row i is one attempt, in the order in which the log first mentions them. Rows are
 * only ever added, and values only ever filled in or corrected. Times are ns since the run's start, NaN = not yet.
 * Columns may be longer than rows and are replaced when they grow: hold the table, never a column.
 */
export interface RunTable {
  readonly rows: number;
  /** Moves once per applied frame; caches compare it. */
  readonly version: number;
  readonly node: Uint32Array;
  readonly epoch: Uint16Array;
  /** From 1. */
  readonly attempt: Uint16Array;
  readonly worker: Uint16Array;
  readonly slot: Uint16Array;
  readonly outcome: Uint8Array;
  readonly flags: Uint8Array;
  readonly readyNs: Float64Array;
  readonly claimedNs: Float64Array;
  /** Inputs present, body called. */
  readonly startedNs: Float64Array;
  /** Body returned. */
  readonly endedNs: Float64Array;
  /** The output is handed on and the children are notified: the attempt is over. A skipped task has only this one. */
  readonly updatedNs: Float64Array;
  /** How much of claimed to started went into fetching inputs from elsewhere. */
  readonly fetchNs: Float64Array;
  /** NaN = unknown. */
  readonly outputBytes: Float64Array;
  readonly storedBytes: Float64Array;
  /** What attempts used, by row; few runs have any of it. */
  readonly usage: ReadonlyMap<number, Usage>;
  /** Which rows frames have brought or changed, in that order: readers that follow the table continue from where they stopped. */
  readonly touched: TouchedRows;
  /** Rows of a node, oldest first; empty while nothing is known of it. */
  rowsOf(node: number): readonly number[];
  readonly expansions: readonly Expansion[];
  readonly marks: readonly Mark[];
  /** Last step folded; what the table shows is the log up to it. */
  readonly seq: number;
  /** The run's clock when the last frame was sent, ns since its start. */
  readonly nowNs: number;
  /** The log is complete: nothing will follow. */
  readonly ended: boolean;
  /** Made from the record of another tool, which need not say what a task waited for before it was ready. */
  readonly recorded: boolean;
}

/** What an attempt used, as far as it was measured; NaN = unknown. */
export interface Usage {
  /** Of processors, added up. */
  readonly cpuNs: number;
  /** The most that was resident. */
  readonly memoryBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** Numbers of rows, each as often as a frame had it. The list begins again, under another number, with the table. */
export interface TouchedRows {
  readonly generation: number;
  readonly length: number;
  at(place: number): number;
}

/** A fan-out that has learnt its width: its instances have the nodes from first on, instance by instance. */
export interface Expansion {
  readonly node: number;
  readonly width: number;
  readonly first: number;
}

/** Something that happened to the run or to a worker as a whole; kind is the number of record.StepKind. */
export interface Mark {
  readonly kind: number;
  readonly atNs: number;
  /** Worker of worker marks and of leaked slots, outcome of run.finished, else 0. See workerOf and isLoss. */
  readonly value: number;
}

/** Numbers of record.StepKind that marks have and that more than their words depend on. */
export const MarkKind = {
  runStarted: 1,
  runFinished: 2,
  workerStarted: 3,
  workerStopped: 4,
  runPaused: 9,
  runResumed: 10,
  runDeadline: 11,
  cancelRequested: 12,
} as const;

/** Added to the worker in the mark of one that stopped because it was lost. */
const WORKER_LOST = 0x10000;

/** The worker that a mark is about. */
export function workerOf(mark: Mark): number {
  return mark.value % WORKER_LOST;
}

/** A worker stopped without a word. */
export function isLoss(mark: Mark): boolean {
  return mark.kind === MarkKind.workerStopped && mark.value >= WORKER_LOST;
}

/** Workers that were lost. */
export function lostWorkers(table: RunTable): ReadonlySet<number> {
  return new Set(table.marks.filter(isLoss).map(workerOf));
}

/** From when on a run was over, and when it was continued after that. */
export interface Ending {
  readonly fromNs: number;
  /** Infinity where it was not. */
  readonly restartNs: number;
}

const endings = new WeakMap<RunTable, { version: number; all: readonly Ending[] }>();

/** The ends of a run that the log has, in order. Of a run that was cut off it only has that it was continued. */
export function endingsOf(table: RunTable): readonly Ending[] {
  const known = endings.get(table);
  if (known?.version === table.version) return known.all;
  const all: Ending[] = [];
  let hasStarted = false;
  for (const { kind, atNs } of table.marks) {
    if (kind === MarkKind.runFinished) all.push({ fromNs: atNs, restartNs: Infinity });
    if (kind !== MarkKind.runStarted) continue;
    if (all.at(-1)?.restartNs === Infinity) all.push({ ...all.pop()!, restartNs: atNs });
    else if (hasStarted) all.push({ fromNs: atNs, restartNs: atNs });
    hasStarted = true;
  }
  endings.set(table, { version: table.version, all });
  return all;
}

/** When the run was continued after its end, ascending: what had not ended well before was to be done again. */
export function restartsOf(table: RunTable): readonly number[] {
  return endingsOf(table)
    .map(({ restartNs }) => restartNs)
    .filter((atNs) => atNs < Infinity);
}
