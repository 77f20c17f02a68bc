import { describe, expect, test } from 'vitest';

import { lanesOf } from '../../src/model/run-lanes';
import { isOnlyNow, latelyAt, latelyBusy } from '../../src/model/lately';
import { Outcome } from '../../src/model/run-table';
import { nowText } from '../../src/view/state/lane-rows';
import { tableOf } from '../fake/table-of';

const MS = 1e6;

/** Tasks of a lane, one after the other and 5 ms each, from one moment to another; only their ends are known. */
function short(slot: number, fromMs: number, toMs: number, eachMs = 5) {
  return Array.from({ length: (toMs - fromMs) / eachMs }, (_, i) => {
    const at = (fromMs + i * eachMs) * MS;
    const times = { readyNs: 0, claimedNs: at, startedNs: at, endedNs: at + eachMs * MS, updatedNs: at + eachMs * MS };
    return { node: slot * 1000 + i, worker: 0, slot, outcome: Outcome.ok, ...times };
  });
}

const lanesFor = (table: ReturnType<typeof tableOf>) => lanesOf(table, new Map([[0, 2]]), new Map([[0, 2]]));

describe('what slots of a live run did lately', () => {
  test('is busy where tasks are over before they are seen, however far the log lags', () => {
    const table = tableOf([...short(0, 0, 2000), ...short(1, 0, 2000)], { nowNs: 2300 * MS });
    const lanes = lanesFor(table);
    expect(latelyAt(table, lanes, 2300 * MS)).toEqual({ busy: 2, slots: 2 });
    expect(latelyBusy(lanes, lanes.lanes[1]!, 2300 * MS)).toBe(1);
    expect(latelyAt(table, lanes, 500 * MS), 'the first second is shorter').toEqual({ busy: 2, slots: 2 });
  });

  test('counts a slot that is idle as idle, and nothing where nothing happened for longer', () => {
    const table = tableOf(short(0, 0, 2000), { nowNs: 2000 * MS });
    expect(latelyAt(table, lanesFor(table), 2000 * MS)).toEqual({ busy: 1, slots: 2 });
    const still = tableOf(short(0, 0, 2000), { nowNs: 9000 * MS });
    expect(latelyAt(still, lanesFor(still), 9000 * MS)).toEqual({ busy: 0, slots: 2 });
  });

  test('counts a task that has not ended', () => {
    const long = { node: 5000, worker: 0, slot: 1, readyNs: 0, claimedNs: 1500 * MS, startedNs: 1500 * MS };
    const table = tableOf([...short(0, 0, 2000), long], { nowNs: 2000 * MS });
    expect(latelyAt(table, lanesFor(table), 2000 * MS)).toEqual({ busy: 1.5, slots: 2 });
  });

  test('is all that is known of now, not of what lies further back or of a run that is over', () => {
    const live = tableOf([], { nowNs: 5000 * MS });
    expect([3999, 4001, 5200].map((ms) => isOnlyNow(live, ms * MS))).toEqual([false, true, true]);
    expect(isOnlyNow(tableOf([], { nowNs: 5000 * MS, ended: true }), 5000 * MS)).toBe(false);
  });

  test('is what a slot without a task is said to do', () => {
    expect(nowText({ there: true, lately: 0.89 }).replaceAll('\u00a0', ' ')).toBe('89 % busy');
    expect(nowText({ there: true, lately: 0 })).toBe('idle');
    expect(nowText({ there: true, lately: NaN })).toBe('idle');
    expect(nowText({ there: false, lately: 1 })).toBe('not there');
  });
});
