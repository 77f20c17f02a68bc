// Tables for tests, without frames.

import type { RunTable } from '../../src/model/run-table';
import { decodeFrame } from '../../src/model/frame';
import { RunFold } from '../../src/model/run-fold';
import { encodeFrame, type FakeFrame, type FakeRow } from './encode-frame';
import { type FakeRun, FakeTable } from './fake-run';

const blank: FakeRow = {
  node: 0,
  epoch: 0,
  attempt: 1,
  worker: 0xffff,
  slot: 0,
  outcome: 0,
  flags: 0,
  readyNs: NaN,
  claimedNs: NaN,
  startedNs: NaN,
  endedNs: NaN,
  updatedNs: NaN,
  fetchNs: 0,
  outputBytes: NaN,
  storedBytes: NaN,
};

/** A table of some rows; what is not given is not known. */
export function tableOf(rows: readonly Partial<FakeRow>[], more: Partial<FakeFrame> = {}): RunTable {
  const fold = new RunFold();
  applyRows(fold, rows, more);
  return fold.table;
}

/** Applies a frame that has all rows of a table; it replaces everything unless more says otherwise. */
export function applyRows(fold: RunFold, rows: readonly Partial<FakeRow>[], more: Partial<FakeFrame> = {}): void {
  const all = rows.map((row, i) => [i, { ...blank, ...row }] as const);
  const head = { kind: 'snapshot', channel: 1, from: 0, to: rows.length + 1, nowNs: 0, tasks: 0 } as const;
  fold.apply(decodeFrame(encodeFrame({ ...head, marks: [], expansions: [], rows: all, ...more })));
}

/** The table of a run up to a step, the whole of it by default. */
export function foldOf(run: FakeRun, steps = run.steps.length): RunTable {
  const service = new FakeTable(run.steps);
  service.advance(steps);
  const fold = new RunFold();
  for (const frame of service.frames(0, 1)) fold.apply(decodeFrame(frame));
  return fold.table;
}

/** A table as plain values, for comparing. */
export function contentOf(table: RunTable): unknown {
  const columns = { ...table } as unknown as Record<string, ArrayLike<number>>;
  const names = Object.keys(columns).filter((name) => ArrayBuffer.isView(columns[name]));
  return {
    rows: names.map((name) => [name, ...Array.from(columns[name]!).slice(0, table.rows)]),
    usage: [...table.usage].sort(([a], [b]) => a - b),
    marks: [...table.marks],
    expansions: [...table.expansions],
    seq: table.seq,
    ended: table.ended,
  };
}
