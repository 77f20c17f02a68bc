// The service's side of the frame format, written a second time from metricsstore/runtable/FORMAT.md.

import type { Expansion, Mark, Usage } from '../../src/model/run-table';

/** One row as the service keeps it; NaN is not known yet. */
export interface FakeRow {
  node: number;
  epoch: number;
  attempt: number;
  worker: number;
  slot: number;
  outcome: number;
  flags: number;
  readyNs: number;
  claimedNs: number;
  startedNs: number;
  endedNs: number;
  updatedNs: number;
  fetchNs: number;
  outputBytes: number;
  storedBytes: number;
  usage?: Usage;
}

export interface FakeFrame {
  readonly kind: 'snapshot' | 'patch';
  readonly channel: number;
  readonly from: number;
  readonly to: number;
  readonly nowNs: number;
  readonly more?: boolean;
  readonly ended?: boolean;
  readonly tasks: number;
  readonly marks: readonly Mark[];
  readonly expansions: readonly Expansion[];
  readonly rows: readonly (readonly [number, FakeRow])[];
}

class Bytes {
  readonly out: number[] = [];

  byte(value: number): this {
    this.out.push(value);
    return this;
  }

  unsigned(value: number): this {
    let rest = BigInt(value);
    for (; rest >= 128n; rest >>= 7n) this.out.push(Number(rest & 127n) | 128);
    return this.byte(Number(rest));
  }

  signed(value: number): this {
    const big = BigInt(value);
    let rest = big < 0n ? -2n * big - 1n : 2n * big;
    for (; rest >= 128n; rest >>= 7n) this.out.push(Number(rest & 127n) | 128);
    return this.byte(Number(rest));
  }
}

const times = ['readyNs', 'claimedNs', 'startedNs', 'endedNs', 'updatedNs'] as const;

export function encodeFrame(frame: FakeFrame): Uint8Array {
  const bytes = new Bytes();
  bytes.byte(2).byte(frame.kind === 'snapshot' ? 1 : 2);
  bytes.unsigned(frame.channel).unsigned(frame.from).unsigned(frame.to).signed(frame.nowNs);
  bytes.byte((frame.more === true ? 1 : 0) | (frame.ended === true ? 2 : 0)).unsigned(frame.tasks);
  bytes.unsigned(frame.marks.length);
  for (const mark of frame.marks) bytes.byte(mark.kind).signed(mark.atNs).unsigned(mark.value);
  bytes.unsigned(frame.expansions.length);
  for (const { node, width, first } of frame.expansions) bytes.unsigned(node).unsigned(width).unsigned(first);
  encodeRows(bytes, frame.rows);
  return Uint8Array.from(bytes.out);
}

function encodeRows(bytes: Bytes, rows: FakeFrame['rows']): void {
  bytes.unsigned(rows.length);
  let last = -1;
  for (const [row] of rows) {
    bytes.unsigned(row - last - 1);
    last = row;
  }
  last = 0;
  for (const [, { node }] of rows) {
    bytes.signed(node - last);
    last = node;
  }
  for (const [, { epoch }] of rows) bytes.unsigned(epoch);
  for (const [, { attempt }] of rows) bytes.unsigned(attempt);
  for (const [, { worker }] of rows) bytes.unsigned(worker === 0xffff ? 0 : worker + 1);
  for (const [, { slot }] of rows) bytes.unsigned(slot);
  for (const [, { outcome }] of rows) bytes.byte(outcome);
  for (const [, { flags }] of rows) bytes.byte(flags);
  for (const [, row] of rows) {
    bytes.byte(times.reduce((bits, name, i) => bits | (Number.isNaN(row[name]) ? 0 : 1 << i), 0));
  }
  last = 0;
  for (const [, row] of rows) {
    for (const name of times) {
      if (Number.isNaN(row[name])) continue;
      bytes.signed(row[name] - last);
      last = row[name];
    }
  }
  for (const [, { fetchNs }] of rows) bytes.unsigned(fetchNs);
  for (const [, { outputBytes }] of rows) bytes.signed(Number.isNaN(outputBytes) ? -1 : outputBytes);
  for (const [, { storedBytes }] of rows) bytes.signed(Number.isNaN(storedBytes) ? -1 : storedBytes);
  encodeUsage(bytes, rows);
}

function encodeUsage(bytes: Bytes, rows: FakeFrame['rows']): void {
  bytes.unsigned(rows.filter(([, { usage }]) => usage !== undefined).length);
  let last = -1;
  rows.forEach(([, { usage }], place) => {
    if (usage === undefined) return;
    bytes.unsigned(place - last - 1);
    last = place;
    for (const part of [usage.cpuNs, usage.memoryBytes, usage.readBytes, usage.writtenBytes]) {
      bytes.signed(Number.isNaN(part) ? -1 : part);
    }
  });
}
