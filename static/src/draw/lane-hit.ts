// What of the lanes is at a point: pure functions over the geometry that painting uses.

import { type BackOff, backOffsOf } from '../model/back-off';
import { visibleRows, type Lane } from '../model/lanes';
import { isOnlyNow, type Lately, latelyAt } from '../model/lately';
import type { Preparation } from '../model/preparation';
import { slotsAt } from '../model/presence';
import { type Standstill, standstillAt, standstillsOf } from '../model/standstill';
import { countStates } from '../model/state-counts';
import { noStates, stateAt, type StateCounts } from '../model/states';
import { backOffRect } from './lane-gaps';
import { rowsInBucket, type LaneBuckets } from './lane-buckets';
import type { LaneRow } from './lane-layout';
import {
  attemptRect,
  laneBuckets,
  longNs,
  nsAt,
  plotRect,
  preparationsOf,
  rowOfAttempt,
  stripBuckets,
  type LanesFrame,
} from './lanes-frame';
import { stateIs, stateName, worseState } from './mark-state';
import type { TaskState } from '../model/task-state';

/** What a pointer can be over, best first: an attempt, attempts too short to distinguish, a gap, the ribbon. */
export type LaneHit =
  | { readonly kind: 'attempt'; readonly row: number; readonly node: number }
  | {
      readonly kind: 'bucket';
      readonly rows: readonly number[];
      /** States of these attempts at the playhead. */
      readonly counts: StateCounts;
      readonly worst: TaskState;
    }
  /** Why nothing was done there: the task of a failed attempt is not tried again yet, or the run was at a standstill. */
  | { readonly kind: 'back-off'; readonly backOff: BackOff; readonly node: number }
  | { readonly kind: 'preparation'; readonly worker: number; readonly preparation: Preparation }
  | { readonly kind: 'standstill'; readonly standstill: Standstill }
  | {
      readonly kind: 'slots';
      readonly atNs: number;
      readonly standstill: Standstill | undefined;
      readonly running: number;
      readonly moving: number;
      readonly idle: number;
      /** In the second before, where the log does not have yet what happened at the moment. */
      readonly lately: Lately | undefined;
      readonly ready: number;
      /** Tasks that failed and wait to be tried again. */
      readonly retrying: number;
    };

/** Bars answer this far outside of themselves, px: narrow ones could not be met otherwise. */
const MARGIN_PX = 1.5;

export function hitLanes(frame: LanesFrame, x: number, y: number): LaneHit | null {
  const plot = plotRect(frame);
  if (x < plot.x || x > plot.x + plot.w) return null;
  const { layout } = frame;
  if (y >= layout.slotsTop && y <= layout.readyTop + layout.readyHeight) return hitRibbon(frame, x);
  const row = laneRowAt(frame, y);
  if (!row) return null;
  const within = y - layout.areaTop + frame.scrollPx;
  // Between two lanes there is a px of nothing; it belongs to the upper one.
  if (within < row.top || within >= row.top + row.height) return null;
  return hitRow(frame, row, x) ?? hitBackOff(frame, row, x) ?? hitPreparation(frame, row, x) ?? hitStandstill(frame, x);
}

function hitRow(frame: LanesFrame, row: LaneRow, x: number): LaneHit | null {
  if (!row.lane) return hitBuckets(frame, row.worker.slots, stripBuckets(frame, row), x, Infinity);
  const buckets = laneBuckets(frame, row.lane);
  const hit = hitLane(frame, row.lane, buckets, x);
  return hit ?? (buckets && hitBuckets(frame, [row.lane], buckets, x, longNs(buckets)));
}

function hitBackOff(frame: LanesFrame, row: LaneRow, x: number): LaneHit | null {
  const backOff = backOffsOf(frame.table).find((one) => {
    const rect = rowOfAttempt(frame, one.row) === row ? backOffRect(frame, one) : null;
    return rect !== null && rect.x <= x && x <= rect.x + rect.w;
  });
  return backOff ? { kind: 'back-off', backOff, node: frame.table.node[backOff.row]! } : null;
}

function hitPreparation(frame: LanesFrame, row: LaneRow, x: number): LaneHit | null {
  const atNs = nsAt(frame, x);
  const found = preparationsOf(frame, row).find(
    (one) => one.fromNs <= atNs && atNs <= Math.min(one.toNs, frame.openEndNs),
  );
  return found ? { kind: 'preparation', worker: row.worker.worker, preparation: found } : null;
}

function hitStandstill(frame: LanesFrame, x: number): LaneHit | null {
  const margin = MARGIN_PX * frame.scale.nsPerPx;
  const [fromNs, toNs] = [nsAt(frame, x) - margin, Math.min(nsAt(frame, x) + margin, frame.openEndNs)];
  const standstill = standstillsOf(frame.table).find((one) => one.fromNs <= toNs && fromNs <= one.toNs);
  return standstill && nsAt(frame, x) <= frame.openEndNs ? { kind: 'standstill', standstill } : null;
}

/** The row of the lanes' area at a height, null outside of it. */
export function laneRowAt(frame: LanesFrame, y: number): LaneRow | null {
  const { layout, scrollPx } = frame;
  if (y < layout.areaTop || y >= layout.areaTop + layout.areaHeight) return null;
  const within = y - layout.areaTop + scrollPx;
  return layout.rows.find((row) => within >= row.top && within < row.top + row.height) ?? null;
}

/** The attempt of a lane that is nearest to x, among those painted by themselves. */
function hitLane(frame: LanesFrame, lane: Lane, buckets: LaneBuckets | null, x: number): LaneHit | null {
  const margin = MARGIN_PX * frame.scale.nsPerPx;
  const atNs = nsAt(frame, x);
  const { from, to } = visibleRows(lane, atNs - margin, atNs + margin);
  let best = -1;
  let least = MARGIN_PX;
  let width = Infinity;
  for (let i = from; i < to; i++) {
    if (buckets && lane.endNs[i]! - lane.startNs[i]! < longNs(buckets)) continue;
    const row = lane.rows[i]!;
    const rect = attemptRect(frame, row);
    const away = rect ? Math.max(rect.x - x, x - rect.x - rect.w) : Infinity;
    // Of two under the pointer the narrower one: one that took no time lies over the next, and has no other place.
    const w = rect?.w ?? Infinity;
    const distance = Math.max(0, away);
    if (away > MARGIN_PX || distance > least || (distance === least && best >= 0 && w > width)) continue;
    least = distance;
    width = w;
    best = row;
  }
  return best < 0 ? null : { kind: 'attempt', row: best, node: frame.table.node[best]! };
}

function hitBuckets(
  frame: LanesFrame,
  lanes: readonly Lane[],
  buckets: LaneBuckets,
  x: number,
  longest: number,
): LaneHit | null {
  const number = Math.floor(frame.folds.shown(nsAt(frame, x)) / buckets.widthNs);
  const rows = rowsInBucket(lanes, buckets, number, longest);
  if (rows.length === 0) return null;
  if (rows.length === 1) return { kind: 'attempt', row: rows[0]!, node: frame.table.node[rows[0]!]! };
  const counts = noStates();
  let worst: number = stateIs.skipped;
  for (const row of rows) {
    const state = stateAt(frame.table, row, frame.atNs);
    counts[state]++;
    worst = worseState(stateIs[state], worst);
  }
  return { kind: 'bucket', rows, counts, worst: stateName(worst) };
}

function hitRibbon(frame: LanesFrame, x: number): LaneHit | null {
  const { index, table, lanes } = frame;
  const atNs = nsAt(frame, x);
  if (atNs < 0 || atNs > frame.openEndNs) return null;
  // Exact, where the picture may show means over a px.
  const { running, fetching, storing, ready, retrying } = countStates(index, table, atNs);
  const moving = fetching + storing;
  return {
    kind: 'slots',
    atNs,
    standstill: standstillAt(table, atNs),
    running,
    moving,
    lately: isOnlyNow(table, atNs) ? latelyAt(table, lanes, atNs) : undefined,
    idle: Math.max(0, slotsAt(table, lanes, atNs) - running - moving),
    ready,
    retrying,
  };
}
