// Paints what lies over the lanes: selection with its producers, the critical path, hover, and the playhead.

import { momentText } from '../model/clock-format';
import { isDone } from '../model/run-table';
import { attemptRect, BUSY, EDGE_PX, plotRect, xOf, type LanesFrame } from './lanes-frame';
import { coverLabels, TAG_H, TAG_TOP } from './lanes-axis';
import { paintFolds } from './lanes-folds';
import { clipped } from './lanes-ground';
import { paintRange } from './lanes-range';
import type { Rect } from './rect';

/** Producers beyond this many are not outlined one by one. */
const MOST_PRODUCERS = 500;
const ARROW_PX = 5;
const PLAYHEAD_PX = 1.5;
const TAG_PAD = 7;
const TAG_APART = 6;

export function paintOverlay(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { layout, width } = frame;
  ctx.clearRect(0, 0, width, layout.height);
  paintFolds(ctx, frame);
  paintRange(ctx, frame);
  const plot = plotRect(frame);
  clipped(ctx, plot.x - 3, layout.areaTop - 2, plot.w + 6, layout.areaHeight + 4, () => {
    if (frame.path) paintPath(ctx, frame, frame.path);
    else paintProducers(ctx, frame);
    paintSelection(ctx, frame);
  });
  paintPlayhead(ctx, frame);
}

/** Attempts of a node that are in the lanes, oldest first. */
function attemptsOf(frame: LanesFrame, node: number): readonly number[] {
  return node < 0 ? [] : frame.table.rowsOf(node).filter((row) => !Number.isNaN(frame.table.claimedNs[row]!));
}

/** The attempt that made a task's output, else its last. */
function decisiveRow(frame: LanesFrame, node: number): number {
  const rows = attemptsOf(frame, node);
  return rows.findLast((row) => isDone(frame.table.outcome[row]!)) ?? rows.at(-1) ?? -1;
}

/** Nothing right of now exists while a run is live; what lies right of the playhead is drawn, faint. */
function isOnScreen(frame: LanesFrame, rect: Rect | null): rect is Rect {
  const plot = plotRect(frame);
  return rect !== null && rect.x < plot.x + plot.w && rect.x + rect.w > plot.x;
}

function paintSelection(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { palette, selected, hovered } = frame;
  ctx.strokeStyle = palette.ink2;
  ctx.lineWidth = 1.5;
  if (hovered !== selected) for (const row of attemptsOf(frame, hovered)) box(ctx, attemptRect(frame, row), 1);
  ctx.strokeStyle = palette.ink;
  ctx.lineWidth = 2;
  for (const row of attemptsOf(frame, selected)) box(ctx, attemptRect(frame, row), 1.5);
}

/** What the selected task read is outlined, with an arrow at its end: where its inputs came from. */
function paintProducers(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { index, selected, palette } = frame;
  if (selected < 0 || selected >= index.nodes) return;
  for (const node of index.parents(selected).slice(0, MOST_PRODUCERS)) {
    const row = decisiveRow(frame, node);
    const rect = row < 0 ? null : attemptRect(frame, row);
    if (!isOnScreen(frame, rect)) continue;
    ctx.strokeStyle = palette.ink2;
    ctx.lineWidth = 1;
    box(ctx, rect, 0.5);
    ctx.fillStyle = palette.ink;
    ctx.beginPath();
    ctx.moveTo(rect.x + rect.w + 1, rect.y - 1);
    ctx.lineTo(rect.x + rect.w + 1 + ARROW_PX, rect.y + rect.h / 2);
    ctx.lineTo(rect.x + rect.w + 1, rect.y + rect.h + 1);
    ctx.fill();
  }
}

function paintPath(ctx: CanvasRenderingContext2D, frame: LanesFrame, path: readonly number[]): void {
  ctx.strokeStyle = frame.palette.ink;
  let before: Rect | null = null;
  const links: [Rect, Rect][] = [];
  ctx.lineWidth = 1.6;
  for (const node of path) {
    const row = decisiveRow(frame, node);
    const rect = row < 0 ? null : attemptRect(frame, row);
    if (isOnScreen(frame, rect) && rect.w >= 2) box(ctx, rect, 0.5);
    if (before && rect && (isOnScreen(frame, rect) || isOnScreen(frame, before))) links.push([before, rect]);
    before = rect;
  }
  ctx.lineWidth = 1.4;
  ctx.beginPath();
  for (const [from, to] of links) link(ctx, from, to);
  ctx.stroke();
}

/** From the end of one bar to the beginning of the next. */
function link(ctx: CanvasRenderingContext2D, from: Rect, to: Rect): void {
  const x0 = from.x + from.w;
  const y0 = from.y + from.h / 2;
  const y1 = to.y + to.h / 2;
  if (y0 === y1 && to.x - x0 < 1) return;
  ctx.moveTo(x0, y0);
  const half = (to.x - x0) / 2;
  if (to.x - x0 < 14 || y0 === y1) ctx.lineTo(to.x, y1);
  else ctx.bezierCurveTo(x0 + half, y0, to.x - half, y1, to.x, y1);
}

function box(ctx: CanvasRenderingContext2D, rect: Rect | null, apart: number): void {
  if (rect) ctx.strokeRect(rect.x - apart, rect.y - apart, Math.max(2, rect.w) + 2 * apart, rect.h + 2 * apart);
}

/** The playhead with its moment; where it is out of view, its tag waits at the edge. */
function paintPlayhead(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { palette, layout, measurer, axis, width } = frame;
  const plot = plotRect(frame);
  const x = xOf(frame, frame.atNs);
  const isInView = x >= plot.x - 1 && x <= plot.x + plot.w + 1;
  ctx.fillStyle = palette.ink;
  // At the right edge, where ended runs begin to be shown, it stands next to the marks that end there, not over them.
  const lineLeft = x >= plot.x + plot.w ? plot.x + plot.w : Math.round(x) - PLAYHEAD_PX / 2;
  if (isInView) ctx.fillRect(lineLeft, layout.axisHeight - 3, PLAYHEAD_PX, layout.height - layout.axisHeight + 3);
  const font = `500 11px ${palette.fontUi}`;
  const text = momentText(frame.atNs, axis.epochMs, axis.mode, frame.endNs);
  const w = measurer.width(font, text) + 2 * TAG_PAD;
  // The head of the figures on the right stays readable next to it.
  const headLeft = width - EDGE_PX - measurer.width(`400 11px ${palette.fontUi}`, BUSY);
  const left = Math.min(Math.max(layout.gutter - 20, x - w / 2), headLeft - TAG_APART - w);
  coverLabels(ctx, frame, left, left + w);
  ctx.fillStyle = palette.ink;
  ctx.beginPath();
  ctx.roundRect(left, TAG_TOP, w, TAG_H, 3);
  if (!isInView) {
    ctx.fillStyle = palette.surface; // the axis does not shine through
    ctx.fill();
    ctx.fillStyle = palette.ink;
    ctx.globalAlpha = 0.6;
  }
  ctx.fill();
  ctx.font = font;
  ctx.fillStyle = palette.inkOn;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillText(text, left + w / 2, TAG_TOP + TAG_H / 2 + 0.5);
  ctx.globalAlpha = 1;
}
