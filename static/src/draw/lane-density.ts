// Paints buckets of attempts: as high as they are full, with a cap where one failed.

import type { LaneBuckets } from './lane-buckets';
import type { LaneRow } from './lane-layout';
import { barHeight, rowTop, xOf, type LanesFrame } from './lanes-frame';
import { stateIs } from './node-states';
import type { RectBatch } from './rect-batch';

/** Attempts off the shown path keep this much. */
export const OFF_PATH = 0.32;
/** Width of the cap that ends a failed attempt, and height of the one over a bucket with one. */
export const CAP_PX = 4;

/** Neighbouring buckets that look the same, px. */
interface Stretch {
  from: number;
  to: number;
  running: number;
  moving: number;
}

/** Adds the buckets of a row that touch [fromNs, toNs): running at the foot, moving bytes above it. */
export function addBuckets(
  frame: LanesFrame,
  row: LaneRow,
  buckets: LaneBuckets,
  fromNs: number,
  toNs: number,
  batch: RectBatch,
): void {
  const first = Math.max(0, Math.floor(fromNs / buckets.widthNs) - buckets.first);
  const last = Math.min(buckets.count, Math.ceil(toNs / buckets.widthNs) - buckets.first);
  const h = barHeight(row);
  const stretch: Stretch = { from: 0, to: 0, running: 0, moving: 0 };
  for (let i = first; i < last; i++) {
    // Edges on whole px: fractions would shade every seam.
    const x = Math.round(xOf(frame, (buckets.first + i) * buckets.widthNs));
    const end = Math.max(x + 1, Math.round(xOf(frame, (buckets.first + i + 1) * buckets.widthNs)));
    const isEmpty = buckets.running[i]! + buckets.moving[i]! === 0 && buckets.started[i] === 0;
    const running = isEmpty ? 0 : Math.max(1, Math.round(buckets.running[i]! * h));
    const moving = Math.min(h - running, Math.round(buckets.moving[i]! * h));
    if (buckets.failed[i] === 1) addCap(frame, row, x, end - x, batch);
    if (running === stretch.running && moving === stretch.moving && x <= stretch.to) {
      stretch.to = end;
      continue;
    }
    addStretch(frame, row, stretch, batch);
    stretch.from = x;
    stretch.to = end;
    stretch.running = running;
    stretch.moving = moving;
  }
  addStretch(frame, row, stretch, batch);
}

function addStretch(frame: LanesFrame, row: LaneRow, stretch: Stretch, batch: RectBatch): void {
  const { palette, path } = frame;
  const { from, to, running, moving } = stretch;
  const alpha = path ? OFF_PATH : 1;
  const floor = rowTop(frame, row) + 1 + barHeight(row);
  if (running > 0) batch.add(palette.phasePast.running, alpha, from, floor - running, to - from, running);
  if (moving > 0) batch.add(palette.phasePast.fetching, alpha, from, floor - running - moving, to - from, moving);
}

function addCap(frame: LanesFrame, row: LaneRow, x: number, w: number, batch: RectBatch): void {
  batch.addLast(frame.palette.mark[stateIs.failed]!, 1, x, rowTop(frame, row), Math.max(2, w), CAP_PX);
}
