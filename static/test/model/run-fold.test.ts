import { expect, test } from 'vitest';

import { decodeFrame } from '../../src/model/frame';
import { RunFold } from '../../src/model/run-fold';
import { encodeFrame } from '../fake/encode-frame';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun, FakeTable } from '../fake/fake-run';
import { forSeeds } from '../fake/random';
import { contentOf, foldOf } from '../fake/table-of';

test('however a log is cut into frames, it gives the same table', () => {
  forSeeds(40, (random) => {
    const run = new FakeRun(randomGraph(random), random);
    const service = new FakeTable(run.steps);
    const fold = new RunFold();
    while (!service.isComplete || fold.table.seq < service.seq) {
      service.advance(random.whole(0, 7));
      for (const bytes of service.frames(fold.table.seq, 1, random.whole(1, 30))) {
        expect(fold.apply(decodeFrame(bytes))).toBe(true);
      }
    }
    expect(contentOf(fold.table)).toEqual(contentOf(foldOf(run)));
    expect(fold.table.rows).toBe(run.rows.length);
  });
});

test('rows and expansions that come again change nothing', () => {
  forSeeds(20, (random) => {
    const run = new FakeRun(randomGraph(random), random);
    const service = new FakeTable(run.steps);
    service.advance(Infinity);
    const fold = new RunFold();
    const [snapshot] = service.frames(0, 1);
    fold.apply(decodeFrame(snapshot!));
    const once = contentOf(fold.table);
    const { marks, ...again } = decodeFrame(snapshot!);
    expect(marks.length).toBeGreaterThan(0);
    expect(fold.apply({ ...again, kind: 'patch', from: again.to, marks: [] })).toBe(true);
    expect(contentOf(fold.table)).toEqual(once);
  });
});

test('a frame that does not follow is refused and changes nothing', () => {
  forSeeds(20, (random) => {
    const run = new FakeRun(randomGraph(random), random);
    const service = new FakeTable(run.steps);
    service.advance(1);
    const fold = new RunFold();
    for (const bytes of service.frames(0, 1)) fold.apply(decodeFrame(bytes));
    const before = contentOf(fold.table);
    const { version } = fold.table;
    service.advance(Infinity);
    const later = decodeFrame(service.frames(0, 1)[0]!);
    expect(fold.apply({ ...later, kind: 'patch', from: 2 })).toBe(false);
    const holes = { ...later.rows, row: later.rows.row.map((row) => row + 1000) };
    expect(fold.apply({ ...later, kind: 'patch', from: fold.table.seq, rows: holes })).toBe(false);
    expect(contentOf(fold.table)).toEqual(before);
    expect(fold.table.version).toBe(version);
  });
});

test('a snapshot replaces all rows', () => {
  forSeeds(10, (random) => {
    const fold = new RunFold();
    for (let i = 0; i < 2; i++) {
      const run = new FakeRun(randomGraph(random), random);
      const service = new FakeTable(run.steps);
      service.advance(Infinity);
      for (const bytes of service.frames(0, 1, 9)) expect(fold.apply(decodeFrame(bytes))).toBe(true);
      expect(contentOf(fold.table)).toEqual(contentOf(foldOf(run)));
      for (const row of run.rows) expect(fold.table.rowsOf(row.node)).toEqual(foldOf(run).rowsOf(row.node));
    }
  });
});

test('the version moves once a frame, and the clock of a live run never turns back', () => {
  const fold = new RunFold();
  const head = { kind: 'patch', channel: 1, tasks: 0, marks: [], expansions: [], rows: [] } as const;
  expect(fold.apply(decodeFrame(encodeFrame({ ...head, from: 0, to: 1, nowNs: 50 })))).toBe(true);
  expect(fold.apply(decodeFrame(encodeFrame({ ...head, from: 1, to: 2, nowNs: 40 })))).toBe(true);
  expect(fold.table).toMatchObject({ version: 2, nowNs: 50, seq: 2, ended: false });
  expect(fold.apply(decodeFrame(encodeFrame({ ...head, from: 2, to: 2, nowNs: 45, ended: true })))).toBe(true);
  expect(fold.table).toMatchObject({ version: 3, nowNs: 45, ended: true });
  fold.reset();
  expect(fold.table).toMatchObject({ version: 4, rows: 0, seq: 0, ended: false });
});
