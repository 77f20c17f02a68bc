import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { decodeFrame, FrameError } from '../../src/model/frame';
import { RunFold } from '../../src/model/run-fold';
import type { RunTable } from '../../src/model/run-table';
import { taskStateAt } from '../../src/model/states';
import { encodeFrame, type FakeFrame, type FakeRow } from '../fake/encode-frame';
import { forSeeds, type Random } from '../fake/random';

interface Golden {
  readonly frames: readonly string[];
  readonly seq: number;
  readonly now_ns: number;
  readonly rows: readonly Readonly<Record<string, number>>[];
  readonly marks: readonly { Kind: number; At: number; Value: number }[];
  readonly expansions: readonly { Node: number; Width: number; First: number }[];
  readonly states: readonly { node: number; at_ns: number; state: string }[];
}

/** What the service's own encoder made of a run, and what that has to lead to. */
function golden(name = 'frames'): Golden {
  const path = new URL(`../../../metricsstore/runtable/testdata/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')) as Golden;
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, 'base64'));
}

function rowOf(table: RunTable, row: number): Record<string, number> {
  const values: Record<string, number> = {
    node: table.node[row]!,
    epoch: table.epoch[row]!,
    attempt: table.attempt[row]!,
    worker: table.worker[row]!,
    slot: table.slot[row]!,
    outcome: table.outcome[row]!,
    flags: table.flags[row]!,
    fetch_ns: table.fetchNs[row]!,
    output_bytes: Number.isNaN(table.outputBytes[row]!) ? -1 : table.outputBytes[row]!,
    stored_bytes: Number.isNaN(table.storedBytes[row]!) ? -1 : table.storedBytes[row]!,
  };
  const times = {
    ready_ns: table.readyNs,
    claimed_ns: table.claimedNs,
    started_ns: table.startedNs,
    ended_ns: table.endedNs,
    updated_ns: table.updatedNs,
  };
  for (const [name, column] of Object.entries(times)) if (!Number.isNaN(column[row]!)) values[name] = column[row]!;
  const usage = table.usage.get(row);
  const known = (part: number): number => (Number.isNaN(part) ? -1 : part);
  if (usage !== undefined) {
    values['cpu_ns'] = known(usage.cpuNs);
    values['memory_bytes'] = known(usage.memoryBytes);
    values['read_bytes'] = known(usage.readBytes);
    values['written_bytes'] = known(usage.writtenBytes);
  }
  return values;
}

describe.each(['frames', 'measured', 'troubled'])('frames of the service, %s,', (name) => {
  const want = golden(name);
  const fold = new RunFold();
  for (const frame of want.frames) expect(fold.apply(decodeFrame(bytesOf(frame)))).toBe(true);
  const { table } = fold;

  test('lead to the table that the service has', () => {
    expect(table.seq).toBe(want.seq);
    expect(table.nowNs).toBe(want.now_ns);
    expect(table.ended).toBe(true);
    expect(want.rows.map((_, i) => rowOf(table, i))).toEqual(want.rows);
    expect(table.rows).toBe(want.rows.length);
    expect(table.marks).toEqual(want.marks.map((m) => ({ kind: m.Kind, atNs: m.At, value: m.Value })));
    expect(table.expansions).toEqual(want.expansions.map((e) => ({ node: e.Node, width: e.Width, first: e.First })));
  });

  test('give the states that the service computes', () => {
    const got = want.states.map(({ node, at_ns }) => ({ node, at_ns, state: taskStateAt(table, node, at_ns) }));
    expect(got).toEqual(want.states);
  });

  test('that are cut off anywhere are refused', () => {
    const whole = bytesOf(want.frames.at(-1)!);
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeFrame(whole.subarray(0, length)), `${length} bytes`).toThrow(FrameError);
    }
    expect(() => decodeFrame(Uint8Array.from([...whole, 0]))).toThrow(FrameError);
  });
});

const empty: FakeFrame = {
  kind: 'patch',
  channel: 1,
  from: 3,
  to: 4,
  nowNs: 0,
  tasks: 0,
  marks: [],
  expansions: [],
  rows: [],
};

function randomRow(random: Random): FakeRow {
  const part = () => (random.chance(0.3) ? NaN : random.whole(0, 2 ** 52));
  const time = () => (random.chance(0.3) ? NaN : random.whole(-5, 2 ** 52));
  return {
    node: random.whole(0, 0xfffffffe),
    epoch: random.whole(0, 0xffff),
    attempt: random.whole(0, 0xffff),
    worker: random.whole(0, 0xffff),
    slot: random.whole(0, 0xffff),
    outcome: random.whole(0, 6),
    flags: random.whole(0, 7),
    readyNs: time(),
    claimedNs: time(),
    startedNs: time(),
    endedNs: time(),
    updatedNs: time(),
    fetchNs: random.whole(0, 2 ** 52),
    outputBytes: random.chance(0.2) ? NaN : random.whole(0, 2 ** 52),
    storedBytes: random.chance(0.2) ? NaN : random.whole(0, 2 ** 52),
    ...(random.chance(0.5)
      ? {}
      : { usage: { cpuNs: part(), memoryBytes: part(), readBytes: part(), writtenBytes: part() } }),
  };
}

describe('decodeFrame', () => {
  test('gives back whatever was encoded, up to 53 bits', () => {
    forSeeds(50, (random) => {
      const numbers = [...new Set(Array.from({ length: random.whole(0, 20) }, () => random.whole(0, 1 << 20)))];
      const rows = numbers.sort((a, b) => a - b).map((row) => [row, randomRow(random)] as const);
      const marks = [{ kind: 13, atNs: random.whole(0, 2 ** 52), value: random.whole(0, 2 ** 52) }];
      const expansions = [{ node: random.whole(0, 0xfffffffe), width: 3, first: 0xfffffffe }];
      const from = random.whole(0, 2 ** 50);
      const given: FakeFrame = { ...empty, from, to: from + 5, nowNs: 2 ** 52, rows, marks, expansions, ended: true };
      const { rows: got, ...head } = decodeFrame(encodeFrame(given));
      expect(head).toEqual({ ...given, more: false, ended: true, rows: undefined });
      rows.forEach(([row, values], i) => {
        expect(got.row[i]).toBe(row);
        const { usage, ...columns } = values;
        expect(got.usage.get(i)).toEqual(usage);
        for (const [name, value] of Object.entries(columns)) {
          expect((got as unknown as Record<string, ArrayLike<number>>)[name]![i], name).toBe(value);
        }
      });
    });
  });

  test('refuses other versions and kinds, and ranges that descend', () => {
    const bytes = encodeFrame(empty);
    expect(() => decodeFrame(Uint8Array.from(bytes, (b, i) => (i === 0 ? 1 : b)))).toThrow('version 1, expected 2');
    expect(() => decodeFrame(Uint8Array.from(bytes, (b, i) => (i === 1 ? 3 : b)))).toThrow('kind 3');
    expect(() => decodeFrame(encodeFrame({ ...empty, to: 2 }))).toThrow('covers 3 to 2');
  });

  test('refuses rows and nodes out of range, and counts that cannot be true', () => {
    const row = randomRow({ chance: () => false, whole: (least: number) => least } as unknown as Random);
    expect(() => decodeFrame(encodeFrame({ ...empty, rows: [[1 << 24, row]] }))).toThrow('row 16777216');
    expect(() => decodeFrame(encodeFrame({ ...empty, rows: [[0, { ...row, node: -1 }]] }))).toThrow('node -1');
    const bytes = encodeFrame(empty);
    for (const place of [1, 2]) {
      // of usages, and of rows
      const wrong = bytes.slice();
      wrong[bytes.length - place] = 100;
      expect(() => decodeFrame(wrong)).toThrow('100 entries');
    }
  });

  test('throws nothing but FrameError, whatever the bytes', () => {
    const seeds = golden().frames.map(bytesOf);
    forSeeds(200, (random) => {
      const bytes = random.pick(seeds).slice();
      for (let i = random.whole(1, 8); i > 0; i--) bytes[random.whole(0, bytes.length - 1)] = random.whole(0, 255);
      try {
        const fold = new RunFold();
        fold.apply(decodeFrame(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
    });
  });
});
