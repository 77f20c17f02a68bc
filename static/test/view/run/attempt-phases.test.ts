import { describe, expect, it } from 'vitest';

import { Outcome, RowFlag } from '../../../src/model/run-table';
import { phaseBars } from '../../../src/view/state/attempt-phases';
import { tableOf } from '../../fake/table-of';

const whole = {
  readyNs: 0,
  claimedNs: 100,
  startedNs: 200,
  fetchNs: 60,
  endedNs: 800,
  updatedNs: 1000,
  outcome: Outcome.ok,
};
const names = (bars: ReturnType<typeof phaseBars>): string[] =>
  bars.bars.filter((bar) => !Number.isNaN(bar.soFarNs)).map((bar) => `${bar.name} ${String(bar.soFarNs)}`);

describe('phases of an attempt', () => {
  it('shows those that have begun, and how far', () => {
    const table = tableOf([whole]);
    expect(names(phaseBars(table, 0, 50, true))).toEqual(['queue 50']);
    expect(names(phaseBars(table, 0, 500, true))).toEqual(['queue 100', 'wait 40', 'fetch 60', 'execute 300']);
    expect(names(phaseBars(table, 0, 1000, true))).toEqual([
      'queue 100',
      'wait 40',
      'fetch 60',
      'execute 600',
      'update 200',
    ]);
  });

  it('counts the end of an attempt that stored as storing', () => {
    const table = tableOf([{ ...whole, flags: RowFlag.stored }]);
    expect(names(phaseBars(table, 0, 900, true)).at(-1)).toBe('store 100');
  });

  it('has no body where the task was cached: that is fetching its output', () => {
    const table = tableOf([{ ...whole, outcome: Outcome.cached }]);
    expect(names(phaseBars(table, 0, 1000, true))).toEqual(['queue 100', 'wait 40', 'fetch 660', 'update 200']);
    expect(names(phaseBars(table, 0, 500, true))).toEqual(['queue 100', 'wait 40', 'fetch 360']);
  });

  it('draws what a replay knows will follow, and of a live run nothing', () => {
    const table = tableOf([whole]);
    const execute = phaseBars(table, 0, 500, true).bars[3]!;
    expect([execute.at, execute.width, execute.rest]).toEqual([0.2, 0.3, 0.3]);
    const { startedNs, claimedNs, readyNs } = whole;
    const live = phaseBars(tableOf([{ readyNs, claimedNs, startedNs }]), 0, 400, false);
    expect(live.over).toBe(false);
    expect(live.bars.map((bar) => bar.rest)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(live.bars[3]!.at + live.bars[3]!.width).toBeCloseTo(1);
  });

  it('is over at the end, and says how long all of it took', () => {
    const table = tableOf([whole]);
    expect(phaseBars(table, 0, 999, true)).toMatchObject({ over: false, spanNs: 999 });
    expect(phaseBars(table, 0, 2000, true)).toMatchObject({ over: true, spanNs: 1000 });
  });

  it('has no negative phase where clocks disagree', () => {
    const table = tableOf([{ ...whole, startedNs: 90 }]);
    for (const bar of phaseBars(table, 0, 2000, true).bars)
      expect(bar.soFarNs >= 0 || Number.isNaN(bar.soFarNs)).toBe(true);
  });
});
