// The binary frames of the live stream, decoded straight into columns. The format is described in metricsstore/runtable.

import type { Expansion, Mark, Usage } from './run-table';

/** A frame that does not hold what its header promises; the client asks for a fresh snapshot. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** What changed in a run between two steps of its log. */
export interface Frame {
  readonly kind: 'snapshot' | 'patch';
  readonly channel: number;
  /** The frame holds what changed in (from, to]. */
  readonly from: number;
  readonly to: number;
  /** The run's clock at sending, ns since its start. */
  readonly nowNs: number;
  /** Another frame of the same batch follows. */
  readonly more: boolean;
  /** The log is complete: nothing will follow. */
  readonly ended: boolean;
  /** Tasks known so far. */
  readonly tasks: number;
  readonly marks: readonly Mark[];
  readonly expansions: readonly Expansion[];
  readonly rows: FrameRows;
}

/** Changed rows as columns; those of RunTable, and which row of the table each is. */
export interface FrameRows {
  readonly count: number;
  /** Ascending. */
  readonly row: Uint32Array;
  readonly node: Uint32Array;
  readonly epoch: Uint16Array;
  readonly attempt: Uint16Array;
  readonly worker: Uint16Array;
  readonly slot: Uint16Array;
  readonly outcome: Uint8Array;
  readonly flags: Uint8Array;
  readonly readyNs: Float64Array;
  readonly claimedNs: Float64Array;
  readonly startedNs: Float64Array;
  readonly endedNs: Float64Array;
  readonly updatedNs: Float64Array;
  readonly fetchNs: Float64Array;
  readonly outputBytes: Float64Array;
  readonly storedBytes: Float64Array;
  /** By place in the frame. */
  readonly usage: ReadonlyMap<number, Usage>;
}

const VERSION = 2;
/** More rows than any log has: an engine accepts 100,000 tasks; a greater number is damage, not data. */
const MAX_ROWS = 1 << 24;
const MAX_NODE = 0xfffffffe;
const MORE = 1;
const ENDED = 2;

/** Decodes one frame; throws FrameError where bytes are missing, left over or out of range. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const reader = new FrameReader(bytes);
  const version = reader.byte();
  if (version !== VERSION) throw new FrameError(`frame has version ${version}, expected ${VERSION}`);
  const kind = reader.byte();
  if (kind !== 1 && kind !== 2) throw new FrameError(`frame has kind ${kind}, expected 1 or 2`);
  const channel = reader.unsigned();
  const from = reader.unsigned();
  const to = reader.unsigned();
  if (to < from) throw new FrameError(`frame covers ${from} to ${to}, expected an ascending range`);
  const nowNs = reader.signed();
  const flags = reader.byte();
  const tasks = reader.unsigned();
  const frame: Frame = {
    kind: kind === 1 ? 'snapshot' : 'patch',
    channel,
    from,
    to,
    nowNs,
    more: (flags & MORE) !== 0,
    ended: (flags & ENDED) !== 0,
    tasks,
    marks: readMarks(reader),
    expansions: readExpansions(reader),
    rows: readRows(reader),
  };
  if (reader.left > 0) throw new FrameError(`frame has ${reader.left} bytes too many`);
  return frame;
}

function readMarks(reader: FrameReader): Mark[] {
  const marks: Mark[] = [];
  for (let left = reader.size(3); left > 0; left--) {
    marks.push({ kind: reader.byte(), atNs: reader.signed(), value: reader.unsigned() });
  }
  return marks;
}

function readExpansions(reader: FrameReader): Expansion[] {
  const expansions: Expansion[] = [];
  for (let left = reader.size(3); left > 0; left--) {
    expansions.push({ node: reader.atMost(MAX_NODE), width: reader.atMost(MAX_ROWS), first: reader.atMost(MAX_NODE) });
  }
  return expansions;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function emptyRows(count: number): Mutable<FrameRows> {
  const times = () => new Float64Array(count).fill(NaN);
  return {
    count,
    row: new Uint32Array(count),
    node: new Uint32Array(count),
    epoch: new Uint16Array(count),
    attempt: new Uint16Array(count),
    worker: new Uint16Array(count),
    slot: new Uint16Array(count),
    outcome: new Uint8Array(count),
    flags: new Uint8Array(count),
    readyNs: times(),
    claimedNs: times(),
    startedNs: times(),
    endedNs: times(),
    updatedNs: times(),
    fetchNs: new Float64Array(count),
    outputBytes: times(),
    storedBytes: times(),
    usage: new Map(),
  };
}

function readRows(reader: FrameReader): FrameRows {
  const rows = emptyRows(reader.size(13));
  const { count } = rows;
  let row = -1;
  for (let i = 0; i < count; i++) {
    row += 1 + reader.unsigned();
    if (row >= MAX_ROWS) throw new FrameError(`frame has row ${row}, expected less than ${MAX_ROWS}`);
    rows.row[i] = row;
  }
  let node = 0;
  for (let i = 0; i < count; i++) {
    node += reader.signed();
    if (node < 0 || node > MAX_NODE) throw new FrameError(`frame has node ${node}, expected 0 to ${MAX_NODE}`);
    rows.node[i] = node;
  }
  reader.unsignedInto(rows.epoch, 0xffff);
  reader.unsignedInto(rows.attempt, 0xffff);
  reader.unsignedInto(rows.worker, 0xffff);
  for (let i = 0; i < count; i++) rows.worker[i]!--; // 0 wraps to NO_WORKER
  reader.unsignedInto(rows.slot, 0xffff);
  reader.bytesInto(rows.outcome);
  reader.bytesInto(rows.flags);
  readTimes(reader, rows);
  reader.unsignedInto(rows.fetchNs);
  for (let i = 0; i < count; i++) rows.outputBytes[i] = knownOrNaN(reader.signed());
  for (let i = 0; i < count; i++) rows.storedBytes[i] = knownOrNaN(reader.signed());
  rows.usage = readUsage(reader, count);
  return rows;
}

function readUsage(reader: FrameReader, rows: number): Map<number, Usage> {
  const usage = new Map<number, Usage>();
  let place = -1;
  for (let left = reader.size(5); left > 0; left--) {
    place += 1 + reader.unsigned();
    if (place >= rows) throw new FrameError(`frame has the usage of row ${place}, expected less than ${rows}`);
    usage.set(place, {
      cpuNs: knownOrNaN(reader.signed()),
      memoryBytes: knownOrNaN(reader.signed()),
      readBytes: knownOrNaN(reader.signed()),
      writtenBytes: knownOrNaN(reader.signed()),
    });
  }
  return usage;
}

function readTimes(reader: FrameReader, rows: FrameRows): void {
  const present = new Uint8Array(rows.count);
  reader.bytesInto(present, 31);
  const columns = [rows.readyNs, rows.claimedNs, rows.startedNs, rows.endedNs, rows.updatedNs];
  let last = 0;
  for (let i = 0; i < rows.count; i++) {
    for (let bit = 0; bit < columns.length; bit++) {
      if ((present[i]! & (1 << bit)) === 0) continue;
      last += reader.signed();
      columns[bit]![i] = last;
    }
  }
}

function knownOrNaN(size: number): number {
  return size < 0 ? NaN : size;
}

/** Reads varints of up to 53 bits as numbers: bit operations of JavaScript end at 32. */
class FrameReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new FrameError('frame ends early');
    return value;
  }

  /** Fills a column with single bytes. */
  bytesInto(column: Uint8Array, most = 0xff): void {
    if (column.length > this.left) throw new FrameError('frame ends early');
    column.set(this.#bytes.subarray(this.#at, this.#at + column.length));
    this.#at += column.length;
    if (most === 0xff) return;
    for (const value of column) if (value > most) throw new FrameError(`frame has ${value}, expected at most ${most}`);
  }

  /** Fills a column with numbers that are not negative: most are of one byte, which are taken without a call each. */
  unsignedInto(column: Float64Array | Uint16Array, most = Infinity): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < column.length; i++) {
      const first = bytes[at]!; // undefined beyond the end, and then no number below 128
      if (first < 0x80) {
        column[i] = first;
        at++;
        continue;
      }
      this.#at = at;
      column[i] = this.atMost(most);
      at = this.#at;
    }
    this.#at = at;
  }

  unsigned(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    return this.#rest(first & 0x7f, 0x80);
  }

  signed(): number {
    const first = this.byte();
    const low = (first & 0x7f) >> 1; // the sign is the lowest bit, so the magnitude has 6 bits of the first byte
    const magnitude = first < 0x80 ? low : this.#rest(low, 0x40);
    return (first & 1) === 0 ? magnitude : -magnitude - 1;
  }

  #rest(low: number, weight: number): number {
    let value = low;
    for (let place = weight; ; place *= 0x80) {
      const next = this.byte();
      value += (next & 0x7f) * place;
      if (value > Number.MAX_SAFE_INTEGER) throw new FrameError('frame has a number of more than 53 bits');
      if (next < 0x80) return value;
      if (place > Number.MAX_SAFE_INTEGER) throw new FrameError('frame has a number of more than 9 bytes');
    }
  }

  atMost(most: number): number {
    const value = this.unsigned();
    if (value > most) throw new FrameError(`frame has ${value}, expected at most ${most}`);
    return value;
  }

  /** A number of things that take at least so many bytes each: one that cannot fit is refused before allocating. */
  size(bytesEach: number): number {
    const value = this.unsigned();
    if (value * bytesEach > this.left) throw new FrameError(`frame has ${value} entries, more than its bytes can hold`);
    return value;
  }
}
