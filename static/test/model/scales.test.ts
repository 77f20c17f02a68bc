import { describe, expect, test } from 'vitest';

import { GraphView } from '../../src/model/graph-view';
import { bucketWidth, TimeScale, wheelZoom } from '../../src/model/time-scale';
import { forSeeds, type Random } from '../fake/random';

function randomScale(random: Random): TimeScale {
  const fromNs = random.whole(-1e9, 1e12);
  return new TimeScale(fromNs, fromNs + random.whole(1e4, 1e12), random.whole(0, 200), random.whole(201, 4000));
}

describe('TimeScale', () => {
  test('px and ns are inverses', () => {
    forSeeds(50, (random) => {
      const scale = randomScale(random);
      const px = random.whole(-1000, 5000);
      expect(scale.px(scale.ns(px))).toBeCloseTo(px, 3);
      expect(scale.px(scale.fromNs)).toBe(scale.leftPx);
      expect(scale.px(scale.toNs)).toBeCloseTo(scale.rightPx, 6);
    });
  });

  test('zooming keeps the moment under the pointer, and turning the wheel back ends where it began', () => {
    forSeeds(50, (random) => {
      const scale = randomScale(random);
      const atPx = random.whole(0, 2000);
      const turns = Array.from({ length: random.whole(1, 8) }, () => random.whole(-120, 120));
      let zoomed = scale;
      for (const turn of turns) {
        const atNs = zoomed.ns(atPx);
        zoomed = zoomed.zoom(wheelZoom(turn), atPx);
        expect((zoomed.ns(atPx) - atNs) / zoomed.nsPerPx).toBeCloseTo(0, 3);
      }
      for (const turn of turns) zoomed = zoomed.zoom(wheelZoom(-turn), atPx);
      expect((zoomed.fromNs - scale.fromNs) / scale.nsPerPx).toBeCloseTo(0, 3);
      expect(zoomed.nsPerPx / scale.nsPerPx).toBeCloseTo(1, 6);
    });
  });

  test('panning there and back is nothing', () => {
    forSeeds(20, (random) => {
      const scale = randomScale(random);
      const px = random.whole(-500, 500);
      const moved = scale.pan(px);
      expect(moved.px(scale.ns(100))).toBeCloseTo(100 + px, 3);
      expect((moved.pan(-px).fromNs - scale.fromNs) / scale.nsPerPx).toBeCloseTo(0, 3);
    });
  });

  test('does not show less than a microsecond', () => {
    const scale = new TimeScale(0, 5_000, 0, 100).zoom(100, 50);
    expect(scale.toNs - scale.fromNs).toBeCloseTo(1_000, 6);
    expect(new TimeScale(7, 7, 0, 0)).toMatchObject({ fromNs: 7, toNs: 1_007, leftPx: 0, rightPx: 1 });
  });

  test.each([
    [0, 45.4e9, 1000, 78, 5e9, 10],
    [0, 45.4e9, 100, 78, 60e9, 1],
    [0, 2e6, 1000, 100, 2e5, 11],
    [9.9e9, 20e9, 1010, 100, 1e9, 11],
    [0, 86400e9 * 30, 1000, 400, 86400e9 * 12, 3],
  ])('has ticks from %d to %d over %d px', (fromNs, toNs, widthPx, leastPx, stepNs, count) => {
    const ticks = new TimeScale(fromNs, toNs, 0, widthPx).ticks(leastPx);
    expect(ticks.stepNs).toBe(stepNs);
    expect(ticks.atNs).toHaveLength(count);
    for (const at of ticks.atNs) expect(at % stepNs).toBe(0);
  });
});

test('buckets are powers of two, so that their edges stay while panning', () => {
  expect([0, 1, 3, 1024, 1025].map(bucketWidth)).toEqual([1, 1, 4, 1024, 2048]);
});

test('panning a graph there and back is nothing', () => {
  const view = new GraphView(2, 3, 10, 20);
  expect([view.toX(4), view.toY(4)]).toEqual([18, 32]);
  expect(view.pan(5, -7)).toEqual(new GraphView(2, 3, 15, 13));
  expect(view.pan(5, -7).pan(-5, 7)).toEqual(view);
});
