// Paints why nothing was done: a band over everything during a standstill of the run, and a mark after an attempt that
// failed for as long as its task was not tried again.

import { type BackOff, backOffsOf } from '../model/back-off';
import { durationText } from '../model/format';
import { type Standstill, standstillsOf, standstillWord } from '../model/standstill';
import { OFF_PATH } from './lane-density';
import { type Tense, WAIT_PX } from './lane-bars';
import { barRect, plotRect, rowOfAttempt, visibleSpan, xOf, type LanesFrame } from './lanes-frame';
import { stateIs } from './mark-state';
import { RectBatch } from './rect-batch';
import type { Rect } from './rect';

/** Narrower ones have only their line. */
const LEAST_HATCH_PX = 3;
const LABEL_PAD_PX = 5;
const LABEL_H_PX = 15;

/** The part of the plot's width that a standstill takes; null outside of what is in view. */
export function standstillSpan(frame: LanesFrame, { fromNs, toNs }: Standstill): { x: number; w: number } | null {
  const plot = plotRect(frame);
  const left = Math.max(plot.x, xOf(frame, fromNs));
  const right = Math.min(plot.x + plot.w, xOf(frame, Math.min(toNs, frame.openEndNs)));
  return right < left ? null : { x: left, w: Math.max(1, right - left) };
}

/** Hatches the standstills over a height, for one tense; what still ran is painted over them. */
export function paintStandstills(
  ctx: CanvasRenderingContext2D,
  frame: LanesFrame,
  alpha: number,
  y: number,
  h: number,
) {
  const { palette, hatches, table } = frame;
  for (const standstill of standstillsOf(table)) {
    const span = standstillSpan(frame, standstill);
    if (!span) continue;
    ctx.globalAlpha = alpha;
    ctx.fillStyle = palette.lineStrong;
    ctx.fillRect(span.x, y, 1, h);
    ctx.fillRect(span.x + span.w - 1, y, 1, h);
    if (span.w < LEAST_HATCH_PX) continue;
    ctx.fillStyle = hatches.pattern(ctx, palette.lineStrong, 'falling');
    ctx.fillRect(span.x, y, span.w, h);
  }
  ctx.globalAlpha = 1;
}

/** Above the lanes the band has a head, and on the ribbon its name, where there is room. */
export function paintStandstillNames(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { palette, hatches, layout, measurer, table, openEndNs } = frame;
  const font = `400 11px ${palette.fontUi}`;
  ctx.font = font;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  for (const standstill of standstillsOf(table)) {
    const span = standstillSpan(frame, standstill);
    if (!span) continue;
    ctx.fillStyle = hatches.pattern(ctx, palette.ink3, 'falling');
    ctx.fillRect(span.x, layout.axisHeight, span.w, layout.areaTop - layout.axisHeight);
    const word = standstillWord(standstill);
    const lastedNs = Math.min(standstill.toNs, openEndNs) - standstill.fromNs;
    const text = measurer.first(font, [`${word} ${durationText(lastedNs)}`, word], span.w - 4 * LABEL_PAD_PX);
    if (text === '') continue;
    const w = measurer.width(font, text) + 2 * LABEL_PAD_PX;
    const [x, y] = [span.x + span.w / 2, layout.slotsTop + layout.slotsHeight / 2];
    ctx.fillStyle = palette.surface;
    ctx.fillRect(x - w / 2, y - LABEL_H_PX / 2, w, LABEL_H_PX);
    ctx.fillStyle = palette.ink2;
    ctx.fillText(text, x, y + 0.5);
  }
}

/** Where a back-off is drawn: after the attempt that failed, in its lane or strip; null without a lane. */
export function backOffRect(frame: LanesFrame, { row, fromNs, toNs }: BackOff): Rect | null {
  const lane = rowOfAttempt(frame, row);
  const untilNs = frame.live ? Math.min(toNs, frame.openEndNs) : toNs;
  return lane && fromNs < untilNs ? barRect(frame, lane, fromNs, untilNs) : null;
}

function eachBackOff(frame: LanesFrame, visit: (rect: Rect, alpha: number) => void): void {
  const { table, path, onPath, selected } = frame;
  const span = visibleSpan(frame);
  for (const backOff of backOffsOf(table)) {
    if (backOff.toNs < span.fromNs || backOff.fromNs > span.toNs) continue;
    const rect = backOffRect(frame, backOff);
    const node = table.node[backOff.row]!;
    if (rect) visit(rect, path && !onPath.has(node) && node !== selected ? OFF_PATH : 1);
  }
}

/** Hatches back-offs for one tense: what the lane did meanwhile is painted over them. */
export function paintBackOffs(ctx: CanvasRenderingContext2D, frame: LanesFrame, tense: Tense): void {
  const { palette, hatches } = frame;
  const batch = new RectBatch();
  eachBackOff(frame, ({ x, y, w, h }, alpha) => {
    batch.add(palette.soft[stateIs.retrying]!, alpha, x, y, w, h);
    if (w >= LEAST_HATCH_PX)
      batch.addOver(hatches, palette.mark[stateIs.retrying]!, 'rising', alpha * 0.45, x, y, w, h);
  });
  batch.paint(ctx, tense.alpha);
}

/** Underlines back-offs for one tense, which is seen whatever the lane did meanwhile. */
export function paintBackOffLines(ctx: CanvasRenderingContext2D, frame: LanesFrame, tense: Tense): void {
  const batch = new RectBatch();
  eachBackOff(frame, ({ x, y, w, h }, alpha) => {
    batch.add(frame.palette.mark[stateIs.retrying]!, alpha, x, y + h + 1, w, WAIT_PX);
  });
  batch.paint(ctx, tense.alpha);
}
