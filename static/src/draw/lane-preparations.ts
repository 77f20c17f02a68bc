// Paints what workers prepared before they claimed tasks: over all slots of a worker, none of which could execute any.

import { durationText } from '../model/format';
import type { Tense } from './lane-bars';
import { rowsBetween, type LaneRow } from './lane-layout';
import { barRect, preparationsOf, type LanesFrame } from './lanes-frame';
import { RectBatch } from './rect-batch';

/** Narrower ones are not hatched. */
const LEAST_HATCH_PX = 3;
const LABEL_INSET_PX = 5;

/** Paints the preparations of the rows in view for one tense. */
export function paintPreparations(ctx: CanvasRenderingContext2D, frame: LanesFrame, tense: Tense): void {
  const { layout, scrollPx, palette, hatches, openEndNs } = frame;
  const batch = new RectBatch();
  const rows = rowsBetween(layout, scrollPx, scrollPx + layout.areaHeight);
  for (const row of rows) {
    for (const { fromNs, toNs } of preparationsOf(frame, row)) {
      const { x, y, w, h } = barRect(frame, row, fromNs, Math.min(toNs, openEndNs));
      batch.add(palette.sunken, 1, x, y, w, h);
      if (w >= LEAST_HATCH_PX) batch.addOver(hatches, palette.lineStrong, 'level', 1, x, y, w, h);
    }
  }
  batch.paint(ctx, tense.alpha);
  ctx.globalAlpha = tense.alpha;
  for (const row of rows) if (row.isFirst) paintNames(ctx, frame, row);
  ctx.globalAlpha = 1;
}

/** On the first row of a worker each preparation has its name, on ground of its own. */
function paintNames(ctx: CanvasRenderingContext2D, frame: LanesFrame, row: LaneRow): void {
  const { palette, measurer, layout, openEndNs } = frame;
  const font = `400 10.5px ${palette.fontUi}`;
  ctx.font = font;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  for (const { name, fromNs, toNs } of preparationsOf(frame, row)) {
    const untilNs = Math.min(toNs, openEndNs);
    const { x, y, w, h } = barRect(frame, row, fromNs, untilNs);
    const left = Math.max(x, layout.gutter);
    const words = [`preparing ${name}, ${durationText(untilNs - fromNs)}`, `preparing ${name}`, 'preparing'];
    const text = measurer.first(font, words, w - (left - x) - 2 * LABEL_INSET_PX);
    if (text === '') continue;
    ctx.fillStyle = palette.sunken;
    ctx.fillRect(left, y, measurer.width(font, text) + 2 * LABEL_INSET_PX, h);
    ctx.fillStyle = palette.ink2;
    ctx.fillText(text, left + LABEL_INSET_PX, y + h / 2 + 0.5);
  }
}
