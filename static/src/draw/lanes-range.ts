// Paints the stretch of time that figures are of: everything outside of it recedes, and its length is on the axis.

import { durationText } from '../model/format';
import { coverLabels, TAG_H, TAG_TOP } from './lanes-axis';
import { plotRect, xOf, type LanesFrame } from './lanes-frame';

/** How far the rest recedes. */
const VEIL = 0.62;
const TAG_PAD = 6;

export function paintRange(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { range, palette, layout } = frame;
  if (!range) return;
  const plot = plotRect(frame);
  const right = plot.x + plot.w;
  const from = Math.min(Math.max(xOf(frame, range.fromNs), plot.x), right);
  const to = Math.min(Math.max(xOf(frame, range.toNs), plot.x), right);
  const top = layout.axisHeight;
  ctx.globalAlpha = VEIL;
  ctx.fillStyle = palette.surface;
  ctx.fillRect(plot.x, top, from - plot.x, layout.height - top);
  ctx.fillRect(to, top, right - to, layout.height - top);
  ctx.globalAlpha = 1;
  ctx.fillStyle = palette.ink;
  for (const x of [from, to]) ctx.fillRect(Math.round(x) - 0.5, top, 1, layout.height - top);
  ctx.fillRect(from, top - 2, to - from, 2);
  paintLength(ctx, frame, from, to);
}

/** The length, over the labels of the axis, where it has room between the ends. */
function paintLength(ctx: CanvasRenderingContext2D, frame: LanesFrame, from: number, to: number): void {
  const { range, palette, measurer } = frame;
  const font = `500 11px ${palette.fontUi}`;
  const text = measurer.first(font, [durationText(range!.toNs - range!.fromNs)], to - from - 2 * TAG_PAD);
  if (text === '') return;
  const w = measurer.width(font, text) + 2 * TAG_PAD;
  const x = (from + to) / 2;
  coverLabels(ctx, frame, x - w / 2, x + w / 2);
  ctx.font = font;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillStyle = palette.ink;
  ctx.fillText(text, x, TAG_TOP + TAG_H / 2 + 0.5);
}
