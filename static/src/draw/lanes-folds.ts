// Paints folded gaps: a torn band through lanes and ribbon, where time is shorter than it was.

import { plotRect, xOf, type LanesFrame } from './lanes-frame';

export function paintFolds(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { palette, hatches, layout, folds } = frame;
  const plot = plotRect(frame);
  const top = layout.axisHeight;
  const height = layout.height - top;
  for (const { fromNs, toNs } of folds.gaps) {
    const left = Math.max(plot.x, xOf(frame, fromNs));
    const width = Math.min(plot.x + plot.w, xOf(frame, toNs)) - left;
    if (width <= 0) continue;
    ctx.fillStyle = palette.surface;
    ctx.fillRect(left, top, width, height);
    ctx.fillStyle = hatches.pattern(ctx, palette.line, 'rising');
    ctx.fillRect(left, top, width, height);
    ctx.fillStyle = palette.lineStrong;
    ctx.fillRect(left, top, 1, height);
    ctx.fillRect(left + width - 1, top, 1, height);
  }
}
