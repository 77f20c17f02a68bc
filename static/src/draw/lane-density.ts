// Paints buckets of attempts: as high as they are full, with a cap where one failed.

import type { LaneBuckets } from './lane-buckets';
import type { LaneRow } from './lane-layout';
import { barHeight, rowTop, xOf, type LanesFrame } from './lanes-frame';
import { stateIs } from './mark-state';
import { isMagnitude, rampOf } from './node-colours';
import type { RectBatch } from './rect-batch';

/** Attempts off the shown path keep this much. */
export const OFF_PATH = 0.32;
/** Width of the cap that ends a failed attempt, and height of the one over a bucket with one. */
export const CAP_PX = 4;

/** What fills a part of each bucket, from the foot up. */
interface Layer {
  readonly fill: string;
  readonly share: Float64Array;
}

/**
 * Adds the buckets of a row that touch [fromNs, toNs): running at the foot, by hue or step where colours are of
 * functions, workers or amounts, and moving bytes above it.
 */
export function addBuckets(
  frame: LanesFrame,
  row: LaneRow,
  buckets: LaneBuckets,
  fromNs: number,
  toNs: number,
  batch: RectBatch,
): void {
  const { folds, widthNs } = buckets;
  const first = Math.max(0, Math.floor(folds.shown(fromNs) / widthNs) - buckets.first);
  const last = Math.min(buckets.count, Math.ceil(folds.shown(toNs) / widthNs) - buckets.first);
  if (last <= first) return;
  const edges = edgesOf(frame, buckets, first, last);
  for (let i = first; i < last; i++) {
    if (buckets.failed[i] === 1)
      addCap(frame, row, edges[i - first]!, edges[i - first + 1]! - edges[i - first]!, batch);
  }
  const h = barHeight(row);
  const filled = new Float64Array(last - first);
  const below = new Uint16Array(last - first);
  for (const { fill, share } of runningLayers(frame, buckets)) {
    const above = below.map((_, k) => {
      filled[k]! += share[first + k]!;
      return runningPx(buckets, first + k, h, filled[k]!);
    });
    addLayer(frame, row, edges, below, above, fill, batch);
    below.set(above);
  }
  const top = below.map((px, k) => px + Math.min(h - px, Math.round(buckets.moving[first + k]! * h)));
  addLayer(frame, row, edges, below, top, frame.palette.phasePast.fetching, batch);
}

/** Where buckets begin and end, on whole px: fractions would shade every seam. */
function edgesOf(frame: LanesFrame, buckets: LaneBuckets, first: number, last: number): Int32Array {
  const edges = new Int32Array(last - first + 1);
  const { folds, widthNs } = buckets;
  for (let i = first; i <= last; i++)
    edges[i - first] = Math.round(xOf(frame, folds.real((buckets.first + i) * widthNs)));
  return edges;
}

function runningLayers({ palette, colours }: LanesFrame, { running, byHue }: LaneBuckets): Layer[] {
  if (byHue.length === 0) return [{ fill: palette.phasePast.running, share: running }];
  const ramp = isMagnitude(colours.mode) ? rampOf(colours.mode, palette).fill : palette.functionsQuiet;
  return byHue.map(({ hue, running: share }) => {
    const fill = hue < 0 ? palette.phase.update : ramp[hue % ramp.length]!;
    return { fill, share };
  });
}

/** Px up to which so much of a bucket's running share reaches: a bucket with any attempt is never empty. */
function runningPx(buckets: LaneBuckets, i: number, h: number, share: number): number {
  const running = buckets.running[i]!;
  if (running + buckets.moving[i]! === 0 && buckets.started[i] === 0) return 0;
  const all = Math.max(1, Math.round(running * h));
  return running > 0 ? Math.round(Math.min(1, share / running) * all) : all;
}

/** Adds what lies between two heights of each bucket; adjacent ones that look the same are one rectangle. */
function addLayer(
  frame: LanesFrame,
  row: LaneRow,
  edges: Int32Array,
  below: Uint16Array,
  above: Uint16Array,
  fill: string,
  batch: RectBatch,
): void {
  const alpha = frame.path ? OFF_PATH : 1;
  const floor = rowTop(frame, row) + 1 + barHeight(row);
  for (let k = 0; k < below.length;) {
    const from = k;
    while (k < below.length && below[k] === below[from] && above[k] === above[from]) k++;
    const px = above[from]! - below[from]!;
    if (px <= 0) continue;
    batch.add(fill, alpha, edges[from]!, floor - above[from]!, Math.max(1, edges[k]! - edges[from]!), px);
  }
}

function addCap(frame: LanesFrame, row: LaneRow, x: number, w: number, batch: RectBatch): void {
  batch.addLast(frame.palette.mark[stateIs.failed]!, 1, x, rowTop(frame, row), Math.max(2, w), CAP_PX);
}
