// Everything that painting lanes and ribbon reads, prepared once a frame.

import type { Clock } from '../model/clock-format';
import type { GraphIndex } from '../model/graph-index';
import { visibleRows, type Lane, type Lanes } from '../model/lanes';
import type { Preparation } from '../model/preparation';
import type { TimeRange } from '../model/range-figures';
import type { RunTable } from '../model/run-table';
import { endOf, type StateCounts } from '../model/states';
import type { TimeFolds } from '../model/time-folds';
import { bucketWidth, type TimeScale } from '../model/time-scale';
import type { Brushes } from './graph-frame';
import { bucketRange, type BucketCache, type BucketRange, type HueOf, type LaneBuckets } from './lane-buckets';
import { laneKey, type LaneRow, type LanesLayout } from './lane-layout';
import { isMagnitude, type NodeColours } from './node-colours';
import type { Rect } from './rect';
import type { RibbonSteps } from './ribbon-steps';

export interface WorkerLabel {
  readonly name: string;
  /** The process that it was. */
  readonly process?: string;
  /** What it made ready before it claimed a task; nothing by default. */
  readonly preparations?: readonly Preparation[];
}

/** When an end is expected, and by what. */
export interface ExpectedEnd {
  readonly fromNs: number;
  readonly toNs: number;
  readonly text: string;
}

/** How moments are written, and when the run started. */
export interface AxisClock {
  readonly epochMs: number;
  readonly mode: Clock;
}

/** What the page asks to be shown. */
export interface LanesInput {
  readonly index: GraphIndex;
  readonly table: RunTable;
  readonly atNs: number;
  /** Right end of the axis. */
  readonly endNs: number;
  readonly live: boolean;
  readonly selected: number;
  readonly hovered: number;
  readonly colours: NodeColours;
  readonly path: readonly number[] | null;
  readonly expected: ExpectedEnd | null;
  readonly workers: readonly WorkerLabel[];
  /** How many slots each worker has, and how many of them it always has, where that is known. */
  readonly slots: ReadonlyMap<number, number>;
  readonly processors: ReadonlyMap<number, number>;
  readonly axis: AxisClock;
  /** Gaps without work are folded. */
  readonly hasFolds: boolean;
}

export interface LanesFrame extends LanesInput, Brushes {
  readonly lanes: Lanes;
  readonly layout: LanesLayout;
  /** From moments to px of the canvas; it ends at the plot's edges. */
  readonly scale: TimeScale;
  readonly width: number;
  /** Px that the lanes' area is scrolled down by. */
  readonly scrollPx: number;
  readonly buckets: BucketCache;
  readonly ribbon: RibbonSteps;
  /** Tasks by state at the playhead. */
  readonly counts: StateCounts;
  readonly onPath: ReadonlySet<number>;
  /** Gaps that are folded, by which the scale shows time. */
  readonly folds: TimeFolds;
  /** The stretch of time that figures are of. */
  readonly range: TimeRange | null;
  /** Where an attempt that has no end yet is drawn to. */
  readonly openEndNs: number;
}

/** Figures on the right end this far from the edge. */
export const EDGE_PX = 16;
/** Head of the figures on the right, on the axis. */
export const BUSY = 'busy';

/** Bars: this much lower than their lane, and this far below its top. */
const BAR_LESS_PX = 5;
const BAR_TOP_PX = 1;
/** With more attempts than this on each px of a lane, those too short to see are gathered. */
const ROWS_PER_PX = 0.5;
/** What is at least this wide is painted by itself even then, px. */
const LONG_PX = 8;

/** Screen x of a moment. */
export function xOf(frame: LanesFrame, ns: number): number {
  return frame.scale.px(ns);
}

export function nsAt(frame: LanesFrame, x: number): number {
  return frame.scale.ns(x);
}

/** The plot: everything between the gutter and the figures on the right. */
export function plotRect(frame: LanesFrame): Rect {
  const { layout, width } = frame;
  return { x: layout.gutter, y: 0, w: Math.max(1, width - layout.gutter - layout.right), h: layout.height };
}

/** Screen y of a row of the lanes' area. */
export function rowTop(frame: LanesFrame, row: LaneRow): number {
  return frame.layout.areaTop + row.top - frame.scrollPx;
}

/** Height of the bars of a row. */
export function barHeight(row: LaneRow): number {
  return row.kind === 'strip' ? row.height - 3 : row.height - BAR_LESS_PX;
}

/** When an attempt at a place of a lane is drawn to end. */
export function drawnEnd(frame: LanesFrame, lane: Lane, place: number): number {
  const end = lane.endNs[place]!;
  return end === Infinity ? frame.openEndNs : end;
}

/** Where the attempts of a row would be drawn that last from one moment to another. */
export function barRect(frame: LanesFrame, row: LaneRow, fromNs: number, toNs: number): Rect {
  const x = xOf(frame, fromNs);
  return { x, y: rowTop(frame, row) + BAR_TOP_PX, w: Math.max(1, xOf(frame, toNs) - x), h: barHeight(row) };
}

/** What the worker of a row prepared. */
export function preparationsOf({ workers }: LanesFrame, row: LaneRow): readonly Preparation[] {
  return workers[row.worker.worker]?.preparations ?? [];
}

/** The row that an attempt is drawn in: its lane, or the strip that its lane is folded into; undefined without a lane. */
export function rowOfAttempt({ table, layout }: LanesFrame, tableRow: number): LaneRow | undefined {
  const lane = layout.laneAt.get(laneKey(table.worker[tableRow]!, table.slot[tableRow]!));
  return lane === undefined ? undefined : layout.rows[layout.rowOfLane[lane] ?? -1];
}

/** Where an attempt is drawn; null without a lane. */
export function attemptRect(frame: LanesFrame, tableRow: number): Rect | null {
  const { table } = frame;
  const row = rowOfAttempt(frame, tableRow);
  const claimed = table.claimedNs[tableRow]!;
  if (!row || Number.isNaN(claimed)) return null;
  const updated = table.updatedNs[tableRow]!;
  return barRect(frame, row, claimed, Number.isNaN(updated) ? frame.openEndNs : updated);
}

/** The moments at the plot's edges, a little beyond, so that what is cut off there is painted. */
export function visibleSpan(frame: LanesFrame): { fromNs: number; toNs: number } {
  const margin = 4 * frame.scale.nsPerPx;
  return { fromNs: frame.scale.fromNs - margin, toNs: frame.scale.toNs + margin };
}

/** Buckets of one to two px, for the part of the run in view. */
export function visibleBuckets(frame: LanesFrame): BucketRange {
  const { fromNs, toNs } = visibleSpan(frame);
  return bucketRange(fromNs, toNs, bucketWidth(frame.scale.nsPerPx), frame.folds);
}

/** From which length on an attempt is never gathered. */
export function longNs(range: BucketRange): number {
  return range.widthNs * LONG_PX;
}

/** The buckets that a lane is drawn with; null where each of its attempts is drawn. */
export function laneBuckets(frame: LanesFrame, lane: Lane): LaneBuckets | null {
  const { fromNs, toNs } = visibleSpan(frame);
  const { from: first, to: last } = visibleRows(lane, fromNs, toNs);
  if (last - first <= plotRect(frame).w * ROWS_PER_PX) return null;
  const range = visibleBuckets(frame);
  const name = `lane ${lane.index} ${frame.colours.mode}`;
  return frame.buckets.of(frame.table, name, [lane], range, longNs(range), hueOf(frame));
}

/** The hue of an attempt, where colours are of functions or workers, or its step of the ramp: the one that its bar has. */
function hueOf({ table, colours, index }: LanesFrame): HueOf | undefined {
  if (colours.mode === 'function') return (row) => colours.functions[index.functionOf(table.node[row]!)] ?? -1;
  if (colours.mode === 'worker') return (row) => colours.workers[table.worker[row]!] ?? -1;
  if (isMagnitude(colours.mode)) return (row) => colours.step(table.node[row]!) || -1;
  return undefined;
}

/** The buckets of a worker's strip. */
export function stripBuckets(frame: LanesFrame, row: LaneRow): LaneBuckets {
  const name = `strip ${row.worker.worker} ${frame.colours.mode}`;
  return frame.buckets.of(frame.table, name, row.worker.slots, visibleBuckets(frame), Infinity, hueOf(frame));
}

/** Where attempts without an end are drawn to: the end of the log, or now. */
export function openEndOf(input: LanesInput): number {
  const end = endOf(input.table);
  return end === Infinity ? Math.max(input.atNs, input.table.nowNs) : end;
}
