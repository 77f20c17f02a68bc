import { describe, expect, test } from 'vitest';

import { backOffAfter, backOffsOf } from '../../src/model/back-off';
import { GraphIndex } from '../../src/model/graph-index';
import { type Mark, MarkKind, Outcome } from '../../src/model/run-table';
import { standstillAt, standstillsOf, standstillWord } from '../../src/model/standstill';
import { gapKinds, gapRows, gapText } from '../../src/view/state/gap-rows';
import { graphOf } from '../fake/graph-of';
import { tableOf } from '../fake/table-of';

const MS = 1e6;
const failed = {
  readyNs: 0,
  claimedNs: 0,
  startedNs: 0,
  endedNs: 9 * MS,
  updatedNs: 10 * MS,
  outcome: Outcome.retrying,
};
const mark = (kind: number, atMs: number): Mark => ({ kind, atNs: atMs * MS, value: 0 });
const pause = [mark(MarkKind.runPaused, 40), mark(MarkKind.runResumed, 65)];
const index = (table: ReturnType<typeof tableOf>) => new GraphIndex(graphOf(['load'], []), table);
const clock = (shownMs: number) => ({ shownNs: shownMs * MS, moment: (ns: number) => `${String(ns / MS)}` });

describe('a back-off', () => {
  test('is from the end of the attempt that failed until its task may be tried again', () => {
    const table = tableOf([failed, { attempt: 2, readyNs: 60 * MS }]);
    expect(backOffAfter(table, 0)).toEqual({ row: 0, fromNs: 10 * MS, toNs: 60 * MS });
    expect(backOffAfter(table, 1)).toBeNull();
    expect(backOffsOf(table)).toEqual([{ row: 0, fromNs: 10 * MS, toNs: 60 * MS }]);
  });

  test('ends with the run, and is none where a task was tried again at once, or had been lost', () => {
    const rows = [failed, { attempt: 2, readyNs: 60 * MS }];
    expect(backOffsOf(tableOf(rows, { ended: true, nowNs: 30 * MS }))).toMatchObject([{ toNs: 30 * MS }]);
    expect(backOffsOf(tableOf([failed, { attempt: 2, readyNs: 10 * MS }]))).toEqual([]);
    expect(
      backOffsOf(
        tableOf([
          { ...failed, outcome: Outcome.lost },
          { attempt: 2, readyNs: 60 * MS },
        ]),
      ),
    ).toEqual([]);
  });
});

describe('the gaps of a run', () => {
  const table = tableOf([failed, { attempt: 2, readyNs: 60 * MS }], { marks: pause, nowNs: 90 * MS });

  test('are standstills and back-offs that had begun by the moment, in order of time', () => {
    expect(gapRows(index(table), table, [], 39 * MS)).toEqual([
      { kind: 'back-off after', fromNs: 10 * MS, toNs: 60 * MS, node: 0, attempt: 'load, attempt 1' },
    ]);
    expect(gapRows(index(table), table, [], 40 * MS).map(({ kind, node }) => [kind, node])).toEqual([
      ['back-off after', 0],
      ['paused', -1],
    ]);
    const preparations = [{ name: 'numpy', fromNs: 0, toNs: 5 * MS, bytes: 0, error: '' }];
    const worker = { number: 0, name: 'w0', process: '', preparations };
    expect(gapRows(index(table), table, [worker], 39 * MS)[0]).toMatchObject({
      kind: 'w0 prepares numpy',
      toNs: 5 * MS,
    });
    expect(gapKinds(table)).toEqual({ standstill: 'paused', hasBackOff: true });
    expect(gapKinds(tableOf([]))).toEqual({ standstill: '', hasBackOff: false });
  });

  test('are listed with their length and their moments', () => {
    const [paused] = standstillsOf(table);
    expect(gapText('paused', paused!, clock(50)).replaceAll('\u00a0', ' ')).toBe('paused 25.0 ms, from 40 to 65');
    const open = tableOf([], { marks: pause.slice(0, 1), nowNs: 50 * MS });
    expect(gapText('', standstillsOf(open)[0]!, clock(50)).replaceAll('\u00a0', ' ')).toBe('10.0 ms so far, since 40');
  });

  test('have a moment each that they end before', () => {
    expect([39, 40, 64, 65].map((ms) => standstillAt(table, ms * MS)?.kind)).toEqual([
      undefined,
      'paused',
      'paused',
      undefined,
    ]);
    const twice = tableOf([], { marks: [mark(1, 0), mark(2, 10), mark(1, 40)], nowNs: 50 * MS });
    expect(standstillWord(standstillAt(twice, 20 * MS)!)).toBe('between two revisions');
  });
});
