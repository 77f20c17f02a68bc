// Paints the bars of lanes: what each slot did, phase by phase.

import { visibleRows, type Lane } from '../model/lanes';
import { preparedNs } from '../model/preparation';
import { Outcome, RowFlag, type RunTable } from '../model/run-table';
import type { HatchDirection } from './hatches';
import { addBuckets, CAP_PX, OFF_PATH } from './lane-density';
import type { LaneBuckets } from './lane-buckets';
import { rowsBetween, type LaneRow } from './lane-layout';
import {
  barHeight,
  barRect,
  drawnEnd,
  laneBuckets,
  plotRect,
  preparationsOf,
  rowTop,
  visibleSpan,
  xOf,
  type LanesFrame,
} from './lanes-frame';
import { taskColour } from './node-colours';
import { stateIs } from './mark-state';
import type { PhaseColours } from './palette';
import { RectBatch } from './rect-batch';
import { taskLabel } from './task-label';

/** What of the run one pass paints: before the playhead, or after it. */
export interface Tense {
  readonly fromNs: number;
  readonly toNs: number;
  readonly alpha: number;
}

/** Phases narrower than this are left out, px. */
const LEAST_PHASE_PX = 0.8;
const LEAST_HATCH_PX = 2.5;
const LEAST_UPDATE_PX = 0.4;
const LEAST_WAIT_PX = 1.5;
/** Height of a line below a bar. */
export const WAIT_PX = 1.6;
/** Mark of an attempt that took no time, in the middle of its moment. */
const INSTANT_PX = 2;
/** Left and right of a bar's name, px: half of it on bars that are not wide; narrower bars have no name. */
const LABEL_INSET_PX = 5;
const WIDE_PX = 60;
const LABEL_LEAST_PX = 20;

interface Label {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly ink: string;
  readonly alpha: number;
}

/** The marks of one pass, gathered by style. */
interface Marks {
  readonly batch: RectBatch;
  readonly labels: Label[];
}

/** Rows of attempts that the last calls of paintBars visited: a budget of painting. */
export interface BarCount {
  rows: number;
}

/** Paints the bars of the rows in the lanes' area for one tense. */
export function paintBars(ctx: CanvasRenderingContext2D, frame: LanesFrame, tense: Tense, visited: BarCount): void {
  const { layout, scrollPx } = frame;
  const span = visibleSpan(frame);
  const fromNs = Math.max(span.fromNs, tense.fromNs);
  const toNs = Math.min(span.toNs, tense.toNs);
  if (!(fromNs < toNs)) return;
  const marks: Marks = { batch: new RectBatch(), labels: [] };
  for (const row of rowsBetween(layout, scrollPx, scrollPx + layout.areaHeight)) {
    if (!row.lane) continue;
    const buckets = laneBuckets(frame, row.lane);
    if (!buckets) {
      const { from: first, to } = visibleRows(row.lane, fromNs, toNs);
      const last = afterInstants(row.lane, to, toNs);
      for (let i = first; i < last; i++) addBar(frame, row, row.lane, i, marks);
      visited.rows += last - first;
      continue;
    }
    addBuckets(frame, row, buckets, fromNs, toNs, marks.batch);
    for (const i of buckets.long) addBar(frame, row, row.lane, i, marks);
    visited.rows += buckets.long.length;
  }
  marks.batch.paint(ctx, tense.alpha);
  paintLabels(ctx, frame, marks.labels, tense.alpha);
}

/** Attempts that took no time belong to both tenses at the moment between them: each paints its half of the mark. */
function afterInstants(lane: Lane, to: number, atNs: number): number {
  let last = to;
  while (lane.startNs[last] === atNs && lane.endNs[last] === atNs) last++;
  return last;
}

function addBar(frame: LanesFrame, row: LaneRow, lane: Lane, place: number, marks: Marks): void {
  const { table, palette, hatches, onPath, path } = frame;
  const at = lane.rows[place]!;
  const node = table.node[at]!;
  const claimed = lane.startNs[place]!;
  const over = drawnEnd(frame, lane, place);
  const started = Math.min(orElse(table.startedNs[at]!, over), over);
  const ended = Math.min(orElse(table.endedNs[at]!, over), over);
  const isNow = frame.atNs >= claimed && (frame.atNs < over || lane.endNs[place] === Infinity);
  const tone = isNow ? palette.phase : palette.phasePast;
  const alpha = path && !onPath.has(node) && node !== frame.selected ? OFF_PATH : 1;
  const [y, h] = [rowTop(frame, row) + 1, barHeight(row)];
  const [x0, x1, x2, x3] = [xOf(frame, claimed), xOf(frame, started), xOf(frame, ended), xOf(frame, over)];
  const { batch } = marks;
  addWait(frame, row, lane, place, tone, alpha, y + h + 1, batch);
  const xFetch = xOf(frame, fetchFrom(table, at, claimed, started));
  if (xFetch - x0 > LEAST_PHASE_PX) addHatched(tone.wait, 'level', x0, xFetch);
  if (x1 - xFetch > LEAST_PHASE_PX) addHatched(tone.fetching, 'rising', xFetch, x1);
  const colour = executeColour(frame, node, at, isNow, tone);
  const isCached = table.outcome[at] === Outcome.cached;
  if (x3 > x0) batch.add(colour.fill, alpha, x1, y, Math.max(1, x2 - x1), h);
  else addInstant(isCached ? palette.mark[stateIs.cached]! : colour.fill, x1);
  if (isCached && x2 - x1 >= LEAST_HATCH_PX)
    batch.addOver(hatches, palette.mark[stateIs.cached]!, 'level', alpha * 0.5, x1, y, x2 - x1, h);
  if ((table.flags[at]! & RowFlag.stored) !== 0 && x3 - x2 > LEAST_PHASE_PX)
    addHatched(tone.storing, 'falling', x2, x3);
  else if (x3 - x2 > LEAST_UPDATE_PX) batch.add(tone.update, alpha, x2, y, x3 - x2, h);
  addCap(frame, at, over, x3, y, h, alpha, batch);
  if (x3 - x0 > 3) batch.addLast(palette.surface, 1, x3 - 0.5, y, 1, h);
  addLabel(frame, node, x1, x2 - x1, y + h / 2 + 0.5, colour.ink, alpha, marks.labels);

  /** Over the bars next to it, which begin or end at the same moment; at the right edge of the plot, inside of it. */
  function addInstant(fill: string, atX: number): void {
    const plot = plotRect(frame);
    const x = Math.min(atX, plot.x + plot.w - INSTANT_PX / 2);
    batch.addLast(palette.surface, 1, x - INSTANT_PX, y, 2 * INSTANT_PX, h);
    batch.addLast(fill, 1, x - INSTANT_PX / 2, y, INSTANT_PX, h);
  }

  function addHatched(fill: string, direction: HatchDirection, from: number, to: number): void {
    batch.add(fill, alpha, from, y, to - from, h);
    if (to - from >= LEAST_HATCH_PX)
      batch.addOver(hatches, palette.surface, direction, alpha * 0.5, from, y, to - from, h);
  }
}

/** What was not fetching between claim and start is drawn before it; until the start is known, all of it is fetching. */
function fetchFrom(table: RunTable, row: number, claimed: number, started: number): number {
  if (Number.isNaN(table.startedNs[row]!)) return claimed;
  return Math.max(claimed, started - Math.max(0, table.fetchNs[row]!));
}

/**
 * A thin line before a bar: how long its task had been ready, at most since the attempt before it began, or since its
 * worker was prepared. Much of it lies under that attempt: this is what the slot did meanwhile.
 */
function addWait(
  frame: LanesFrame,
  row: LaneRow,
  lane: Lane,
  place: number,
  tone: PhaseColours,
  alpha: number,
  y: number,
  batch: RectBatch,
): void {
  const before = place > 0 ? lane.startNs[place - 1]! : preparedNs(preparationsOf(frame, row));
  const from = Math.max(frame.table.readyNs[lane.rows[place]!]!, before);
  const x0 = xOf(frame, from);
  const w = xOf(frame, lane.startNs[place]!) - x0;
  if (w > LEAST_WAIT_PX) batch.add(tone.ready, alpha, x0 + 0.5, y, w - 1, WAIT_PX);
}

/** A failure has a red end, what was cancelled or lost a dark one. */
function addCap(
  frame: LanesFrame,
  at: number,
  over: number,
  x: number,
  y: number,
  h: number,
  alpha: number,
  batch: RectBatch,
): void {
  const { palette, table } = frame;
  const outcome = table.outcome[at]!;
  const isBad = outcome === Outcome.failed || outcome === Outcome.retrying;
  const isCut = outcome === Outcome.cancelled || outcome === Outcome.lost;
  if ((!isBad && !isCut) || over === Infinity) return;
  const colour = palette.mark[isBad ? stateIs.failed : stateIs.cancelled]!;
  // A cap never hides the bar that it ends, but for those too short to be seen.
  const w = Math.min(CAP_PX, Math.max(1.5, (x - xOf(frame, frame.table.claimedNs[at]!)) / 2));
  batch.addLast(colour, alpha, x - w, y - 1, w, h + 2);
}

function executeColour(frame: LanesFrame, node: number, at: number, isNow: boolean, tone: PhaseColours) {
  const { colours, palette, index, table } = frame;
  if (colours.mode === 'state' && table.outcome[at] === Outcome.cached)
    return { fill: palette.soft[stateIs.cached]!, ink: palette.ink };
  const byState = { fill: tone.running, ink: isNow ? palette.inkOn : palette.ink };
  if (colours.mode === 'state') return byState;
  const colour = taskColour(colours, palette, index.functionOf(node), table.worker[at]!, node);
  if (!colour) return { fill: palette.phase.update, ink: palette.inkOn };
  return isNow ? { fill: colour.full, ink: colour.onFull } : { fill: colour.quiet, ink: colour.onQuiet };
}

function addLabel(
  frame: LanesFrame,
  node: number,
  x: number,
  w: number,
  y: number,
  ink: string,
  alpha: number,
  labels: Label[],
): void {
  // A bar cut off on the left keeps its name in view.
  const left = Math.max(x, frame.layout.gutter);
  const room = w - (left - x);
  if (room < LABEL_LEAST_PX) return;
  const inset = room < WIDE_PX ? LABEL_INSET_PX / 2 : LABEL_INSET_PX;
  const text = taskLabel(frame, node, labelFont(frame), room - 2 * inset);
  if (text !== '') labels.push({ text, x: left + inset, y, ink, alpha });
}

function labelFont(frame: LanesFrame): string {
  return `500 10.5px ${frame.palette.fontUi}`;
}

function paintLabels(ctx: CanvasRenderingContext2D, frame: LanesFrame, labels: readonly Label[], alpha: number): void {
  ctx.font = labelFont(frame);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  for (const label of labels) {
    ctx.globalAlpha = alpha * label.alpha;
    ctx.fillStyle = label.ink;
    ctx.fillText(label.text, label.x, label.y);
  }
  ctx.globalAlpha = 1;
}

/** Paints the strips of folded workers for one tense. */
export function paintStrips(
  ctx: CanvasRenderingContext2D,
  frame: LanesFrame,
  tense: Tense,
  bucketsOf: (row: LaneRow) => LaneBuckets,
): void {
  const { layout, scrollPx } = frame;
  const span = visibleSpan(frame);
  const batch = new RectBatch();
  const fromNs = Math.max(span.fromNs, tense.fromNs);
  const toNs = Math.min(span.toNs, tense.toNs);
  if (!(fromNs < toNs)) return;
  for (const row of rowsBetween(layout, scrollPx, scrollPx + layout.areaHeight)) {
    if (row.kind !== 'strip') continue;
    const { x, w } = barRect(frame, row, 0, Math.max(1, Math.min(frame.endNs, tense.toNs)));
    batch.add(frame.palette.sunken, 1, x, rowTop(frame, row) + 1, w, barHeight(row));
    addBuckets(frame, row, bucketsOf(row), fromNs, toNs, batch);
  }
  batch.paint(ctx, tense.alpha);
}

function orElse(at: number, otherwise: number): number {
  return Number.isNaN(at) ? otherwise : at;
}
