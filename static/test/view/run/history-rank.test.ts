import { describe, expect, it } from 'vitest';

import {
  below,
  histogramOf,
  type Past,
  pastByFunction,
  pastOf,
  rankSentence,
  type RankStage,
  shareBelow,
} from '../../../src/view/state/history-rank';

const past: Past = {
  n: 4,
  min: 100,
  max: 400,
  p25: 175,
  p50: 250,
  p75: 325,
  bins: [
    { low: 90, high: 200, count: 2 },
    { low: 200, high: 400, count: 2 },
  ],
  ecdf: [
    { x: 100, p: 0.25 },
    { x: 200, p: 0.5 },
    { x: 300, p: 0.75 },
    { x: 400, p: 1 },
  ],
};
const none: Past = { n: 0, min: null, max: null, p25: null, p50: null, p75: null, bins: [], ecdf: [] };
const say = (valueNs: number, stage: RankStage, of = past): string =>
  rankSentence({ past: of, valueNs, stage, attempt: 2, duration: (ns) => `${String(ns)} ns`, count: String })
    .map((piece) => piece.text)
    .join('');

describe('rank among the past', () => {
  it('counts what took less time', () => {
    expect([50, 100, 101, 300, 301, 999].map((value) => below(past, value))).toEqual([0, 0, 1, 2, 3, 4]);
    expect(shareBelow(past, 350)).toBe(0.75);
    expect(shareBelow(none, 350)).toBeNaN();
  });

  it('says where a value stands', () => {
    expect(say(NaN, 'none')).toBe('Not executed; the median of 4 past is 250 ns');
    expect(say(150, 'running')).toBe('Executing for 150 ns; the median of 4 past is 250 ns');
    expect(say(350, 'running')).toBe('Executing for 350 ns, longer than 3 of 4 past already');
    expect(say(500, 'done')).toBe('Execute 500 ns is longer than 4 of 4 past, 2.0× the median');
    expect(say(5, 'failed')).toBe('Attempt 2 failed after 5 ns; failed attempts are not ranked');
  });

  it('says so where there is no past', () => {
    expect(say(NaN, 'none', none)).toBe('Not executed, and never before');
    expect(say(7, 'done', none)).toBe('Executed in 7 ns; nothing in the past to compare it with');
    expect(histogramOf(none, 7, String)).toBeNull();
  });

  it('draws the value inside of the axis, however far it lies outside of the past', () => {
    for (const value of [1, 250, 1e9]) {
      const histogram = histogramOf(past, value, String)!;
      for (const mark of [value, past.min!, past.p50!, past.max!]) {
        expect(histogram.place(mark)).toBeGreaterThan(0);
        expect(histogram.place(mark)).toBeLessThan(1);
      }
    }
    expect(histogramOf(past, 250, String)!.bars.map((bar) => bar.text)).toEqual([
      '2 from 90 to 200',
      '2 from 200 to 400',
    ]);
  });

  it('reads what the service answers, by function and version', () => {
    const group = {
      key: 'blur@2',
      n: 3,
      min: 1,
      max: 3,
      quantiles: [
        { q: 0.25, value: 1.5 },
        { q: 0.5, value: 2 },
        { q: 0.75, value: null },
      ],
    };
    const read = pastOf(pastByFunction([group]), { function: 'blur', version: 2 });
    expect(read).toEqual({ n: 3, min: 1, max: 3, p25: 1.5, p50: 2, p75: null, bins: [], ecdf: [] });
    expect(pastOf(pastByFunction([group]), { function: 'blur', version: 0 })?.n).toBe(0);
  });
});
