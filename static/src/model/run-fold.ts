// The one writer of a run's table.

import { type Frame, type FrameRows } from './frame';
import { nodeRowsOf } from './node-rows';
import { type Expansion, type Mark, NO_WORKER, type RunTable, type TouchedRows, type Usage } from './run-table';

/**
 * Folds frames into a RunTable. Rows and expansions are idempotent, so that frames may bring them again; a frame that
 * does not follow on what is known is refused and leaves the table as it was.
 */
export class RunFold {
  readonly #columns = new RunColumns();

  get table(): RunTable {
    return this.#columns;
  }

  /** Applies a frame; false where it does not follow on what the table holds, and then a snapshot is needed. */
  apply(frame: Frame): boolean {
    const columns = this.#columns;
    const isSnapshot = frame.kind === 'snapshot';
    if (!isSnapshot && frame.from !== columns.seq) return false;
    if (!addsWithoutHoles(frame.rows, isSnapshot ? 0 : columns.rows)) return false;
    if (isSnapshot) columns.clear();
    columns.write(frame.rows);
    for (const mark of frame.marks) columns.marks.push(mark); // more arguments than a call may have
    addExpansions(columns.expansions, frame.expansions);
    columns.seq = frame.to;
    columns.nowNs = frame.ended ? frame.nowNs : Math.max(columns.nowNs, frame.nowNs);
    columns.ended = frame.ended;
    columns.version++;
    return true;
  }

  /** Says that the run was made from the record of another tool. */
  markRecorded(): void {
    if (this.#columns.recorded) return;
    this.#columns.recorded = true;
    this.#columns.version++;
  }

  /** Forgets everything; the next frame must be a snapshot. */
  reset(): void {
    this.#columns.clear();
    this.#columns.version++;
  }
}

function addsWithoutHoles(rows: FrameRows, known: number): boolean {
  let next = known;
  for (const row of rows.row) {
    if (row > next) return false;
    if (row === next) next++;
  }
  return true;
}

/** An expansion of a fan-out that has one is a repetition. */
function addExpansions(expansions: Expansion[], more: readonly Expansion[]): void {
  if (more.length === 0) return;
  const known = new Set(expansions.map((e) => e.node));
  for (const expansion of more) {
    if (known.has(expansion.node)) continue;
    known.add(expansion.node);
    expansions.push(expansion);
  }
}

const SMALLEST = 256;
/** The list of touched rows begins again when it is this many times as long as the table: it must not grow for ever. */
const MOST_TOUCHES = 16;

class TouchLog implements TouchedRows {
  generation = 0;
  length = 0;
  #rows = new Uint32Array(0);

  at(place: number): number {
    return this.#rows[place]!;
  }

  add(rows: Uint32Array, known: number): void {
    if (this.length > SMALLEST + MOST_TOUCHES * known) this.restart();
    if (this.length + rows.length > this.#rows.length) {
      const size = Math.max(SMALLEST, 2 * this.#rows.length, this.length + rows.length);
      this.#rows = grown(this.#rows, new Uint32Array(size), this.length);
    }
    this.#rows.set(rows, this.length);
    this.length += rows.length;
  }

  restart(): void {
    this.generation++;
    this.length = 0;
  }
}

/** The columns that frames have too, under the same names. */
const COLUMNS = [
  'node',
  'epoch',
  'attempt',
  'worker',
  'slot',
  'outcome',
  'flags',
  'readyNs',
  'claimedNs',
  'startedNs',
  'endedNs',
  'updatedNs',
  'fetchNs',
  'outputBytes',
  'storedBytes',
] as const satisfies readonly (keyof FrameRows & keyof RunTable)[];

class RunColumns implements RunTable {
  rows = 0;
  version = 0;
  node = new Uint32Array(0);
  epoch = new Uint16Array(0);
  attempt = new Uint16Array(0);
  worker = new Uint16Array(0);
  slot = new Uint16Array(0);
  outcome = new Uint8Array(0);
  flags = new Uint8Array(0);
  readyNs = new Float64Array(0);
  claimedNs = new Float64Array(0);
  startedNs = new Float64Array(0);
  endedNs = new Float64Array(0);
  updatedNs = new Float64Array(0);
  fetchNs = new Float64Array(0);
  outputBytes = new Float64Array(0);
  storedBytes = new Float64Array(0);
  readonly usage = new Map<number, Usage>();
  readonly expansions: Expansion[] = [];
  readonly marks: Mark[] = [];
  readonly touched = new TouchLog();
  seq = 0;
  nowNs = 0;
  ended = false;
  recorded = false;

  rowsOf(node: number): readonly number[] {
    return nodeRowsOf(this).rowsOf(node);
  }

  clear(): void {
    this.rows = 0;
    this.#resize(0);
    this.usage.clear();
    this.touched.restart();
    this.expansions.length = 0;
    this.marks.length = 0;
    this.seq = 0;
    this.nowNs = 0;
    this.ended = false;
  }

  write(from: FrameRows): void {
    if (from.count === 0) return;
    const rows = from.row[from.count - 1]! + 1;
    if (rows > this.node.length) this.#resize(Math.max(SMALLEST, rows, 2 * this.node.length));
    this.touched.add(from.row, this.rows);
    this.rows = Math.max(this.rows, rows);
    for (const name of COLUMNS) put(this[name], from[name], from.row);
    if (this.usage.size > 0) for (const row of from.row) this.usage.delete(row); // a row is sent whole
    for (const [place, usage] of from.usage) this.usage.set(from.row[place]!, usage);
  }

  #resize(size: number): void {
    const rows = this.rows;
    this.node = grown(this.node, new Uint32Array(size), rows);
    this.epoch = grown(this.epoch, new Uint16Array(size), rows);
    this.attempt = grown(this.attempt, new Uint16Array(size), rows);
    this.worker = grown(this.worker, new Uint16Array(size).fill(NO_WORKER), rows);
    this.slot = grown(this.slot, new Uint16Array(size), rows);
    this.outcome = grown(this.outcome, new Uint8Array(size), rows);
    this.flags = grown(this.flags, new Uint8Array(size), rows);
    this.readyNs = grown(this.readyNs, unset(size), rows);
    this.claimedNs = grown(this.claimedNs, unset(size), rows);
    this.startedNs = grown(this.startedNs, unset(size), rows);
    this.endedNs = grown(this.endedNs, unset(size), rows);
    this.updatedNs = grown(this.updatedNs, unset(size), rows);
    this.fetchNs = grown(this.fetchNs, new Float64Array(size), rows);
    this.outputBytes = grown(this.outputBytes, unset(size), rows);
    this.storedBytes = grown(this.storedBytes, unset(size), rows);
  }
}

type Column = Float64Array | Uint32Array | Uint16Array | Uint8Array;

/** Writes values to some rows, ascending: of a stretch without holes, as snapshots have them, in one go. */
function put(column: Column, values: Column, rows: Uint32Array): void {
  const first = rows[0]!;
  if (rows[rows.length - 1]! - first + 1 === rows.length) column.set(values, first);
  else for (let i = 0; i < rows.length; i++) column[rows[i]!] = values[i]!;
}

function unset(size: number): Float64Array<ArrayBuffer> {
  return new Float64Array(size).fill(NaN);
}

function grown<T extends Column>(old: T, fresh: T, rows: number): T {
  fresh.set(old.subarray(0, rows));
  return fresh;
}
