import { describe, expect, it } from 'vitest';

import { FoldedScale } from '../../src/model/folded-scale';
import { profileBuckets } from '../../src/model/ribbon';
import { Outcome, type RunTable } from '../../src/model/run-table';
import { foldsOf, TimeFolds, unfolded } from '../../src/model/time-folds';
import { TimeScale } from '../../src/model/time-scale';
import { forSeeds, type Random } from '../fake/random';
import { tableOf } from '../fake/table-of';

function tableFrom(spans: readonly (readonly [number, number])[]): RunTable {
  const rows = spans.map(([fromNs, toNs], node) => {
    const times = { readyNs: 0, claimedNs: fromNs, startedNs: fromNs, endedNs: toNs, updatedNs: toNs };
    return { node, worker: 0, slot: 0, outcome: Outcome.ok, ...times };
  });
  return tableOf(rows, { ended: true, nowNs: Math.max(...spans.map(([, toNs]) => toNs)) + 1 });
}

function someFolds(random: Random): TimeFolds {
  let atNs = 0;
  const gaps = Array.from({ length: random.whole(0, 6) }, () => {
    const fromNs = atNs + random.whole(0, 1e6);
    atNs = fromNs + random.whole(1e6, 1e9);
    return { fromNs, toNs: atNs };
  });
  return new TimeFolds(gaps, random.whole(1, 1000));
}

describe('folds', () => {
  it('are of the gaps that are long next to the work, before it and between it, not after it', () => {
    // 100 to 200, 204 to 300, 1300 to 1400: 296 of work, and 4 that are no gap worth folding.
    const folds = foldsOf(
      tableFrom([
        [100, 200],
        [1300, 1400],
        [150, 180],
        [204, 300],
      ]),
    );
    expect(folds.gaps).toEqual([
      { fromNs: 0, toNs: 100 },
      { fromNs: 300, toNs: 1300 },
    ]);
    const shown = [0, 100, 300, 800, 1300, 1400].map((ns) => folds.shown(ns));
    const gap = 296 * 0.02;
    expect(shown.map((ns, i) => ns - [0, 0, 200, 200, 200, 300][i]!)).toEqual(
      [0, gap, gap, 1.5 * gap, 2 * gap, 2 * gap].map((ns) => expect.closeTo(ns, 6) as number),
    );
  });

  it('are none where slots worked throughout, or nothing ran', () => {
    expect(
      foldsOf(
        tableFrom([
          [0, 300],
          [300, 1400],
        ]),
      ).gaps,
    ).toEqual([]);
    expect(foldsOf(tableOf([{ node: 0, readyNs: 0 }])).gaps).toEqual([]);
  });

  it('take less than the work together, however many there are', () => {
    const folds = foldsOf(tableFrom(Array.from({ length: 400 }, (_, i) => [i * 10_000, i * 10_000 + 10] as const)));
    expect(folds.gaps.length).toBe(399);
    expect(folds.shown(399 * 10_000 + 10)).toBeLessThan(4000 * 1.5);
  });

  it('map moments to shown time and back, in order', () => {
    forSeeds(50, (random) => {
      const folds = someFolds(random);
      let before = -1;
      for (let i = 0; i < 100; i++) {
        const ns = (i * 7e9) / 100;
        expect(folds.real(folds.shown(ns))).toBeCloseTo(ns, 0); // a gap of a second may be shown as a nanosecond
        expect(folds.shown(ns)).toBeGreaterThan(before);
        before = folds.shown(ns);
      }
      expect([unfolded.shown(17), unfolded.real(17)]).toEqual([17, 17]);
    });
  });
});

describe('a folded scale', () => {
  it('has px and ns as inverses, and keeps the moment under the pointer while zooming', () => {
    forSeeds(50, (random) => {
      const scale = new FoldedScale(0, 7e9, 100, 1100, someFolds(random));
      for (let px = 100; px <= 1100; px += 50) expect(scale.px(scale.ns(px))).toBeCloseTo(px, 4);
      const at = random.whole(100, 1100);
      const zoomed = scale.zoom(4, at);
      expect(Math.abs(zoomed.ns(at) - scale.ns(at))).toBeLessThan(7e9 * 1e-6);
      expect(zoomed.pan(30).px(scale.ns(at))).toBeCloseTo(at + 30, 3);
    });
  });

  it('has no tick within a gap and the same step everywhere; without folds it is a plain scale', () => {
    const gap = { fromNs: 3e9, toNs: 63e9 };
    const { stepNs, atNs } = new FoldedScale(0, 70e9, 0, 1000, new TimeFolds([gap], 1e9)).ticks(84);
    expect(stepNs).toBe(1e9);
    expect(atNs).toEqual(
      [0, 1, 2, 3, 63, 64, 65, 66, 67, 68, 69, 70].map((s) => s * 1e9).filter((ns) => atNs.includes(ns)),
    );
    expect(atNs.filter((ns) => ns > gap.fromNs && ns < gap.toNs)).toEqual([]);
    expect(atNs.length).toBeGreaterThan(8);
    const [plain, none] = [new TimeScale(5, 9e9, 10, 900), new FoldedScale(5, 9e9, 10, 900, unfolded)];
    expect(none.ticks(84, 12)).toEqual(plain.ticks(84, 12));
    expect([none.px(1e9), none.ns(400), none.nsPerPx]).toEqual([plain.px(1e9), plain.ns(400), plain.nsPerPx]);
  });
});

it('the ribbon is what it was outside of gaps, in as many buckets as shown time takes', () => {
  const table = tableFrom([
    [0, 64],
    [1064, 1128],
  ]);
  const folds = new TimeFolds([{ fromNs: 64, toNs: 1064 }], 16);
  const { running } = profileBuckets(table, 0, 16, 9, 1128, folds);
  expect([...running]).toEqual([1, 1, 1, 1, 0, 1, 1, 1, 1]);
});
