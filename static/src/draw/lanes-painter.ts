// Paints lanes and ribbon in three layers: see LanesPainter.

import { count, percent, shortCount } from '../model/format';
import { busyShare } from '../model/lanes';
import { isOnlyNow, latelyAt } from '../model/lately';
import { slotsAt } from '../model/presence';
import { paintBars, paintStrips, type BarCount, type Tense } from './lane-bars';
import { paintBackOffLines, paintBackOffs, paintStandstillNames, paintStandstills } from './lane-gaps';
import { rowsBetween } from './lane-layout';
import { paintPreparations } from './lane-preparations';
import { BUSY, EDGE_PX, plotRect, rowTop, stripBuckets, xOf, type LanesFrame } from './lanes-frame';
import { clipped, paintGround } from './lanes-ground';
import { paintOverlay } from './lanes-overlay';
import { paintRibbon } from './ribbon-painter';

const AXIS_TEXT_Y = 13;

/**
 * Paints a prepared frame of the lanes. Three layers: the ground (axis, grid, names), the marks (bars, ribbon, figures:
 * what the playhead changes) and the overlay (selection, critical path, hover, playhead). It keeps nothing between
 * calls but a count of what it visited.
 */
export class LanesPainter {
  /** Attempts visited by the last paintMarks. */
  readonly visited: BarCount = { rows: 0 };

  paintGround(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
    paintGround(ctx, frame);
  }

  paintMarks(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
    const { layout, width } = frame;
    this.visited.rows = 0;
    ctx.clearRect(0, 0, width, layout.height);
    for (const tense of tenses(frame)) this.#paintTense(ctx, frame, tense);
    paintStandstillNames(ctx, frame);
    paintFigures(ctx, frame);
  }

  paintOverlay(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
    paintOverlay(ctx, frame);
  }

  #paintTense(ctx: CanvasRenderingContext2D, frame: LanesFrame, tense: Tense): void {
    const { layout } = frame;
    const plot = plotRect(frame);
    const left = Math.max(plot.x, xOf(frame, tense.fromNs));
    const right = Math.min(plot.x + plot.w, xOf(frame, tense.toNs));
    if (right <= left) return;
    clipped(ctx, left, layout.areaTop, right - left, layout.areaHeight, () => {
      paintStandstills(ctx, frame, tense.alpha, layout.areaTop, layout.areaHeight);
      paintPreparations(ctx, frame, tense);
      if (layout.isFolded) paintStrips(ctx, frame, tense, (row) => stripBuckets(frame, row));
      else paintBackOffs(ctx, frame, tense);
      paintBars(ctx, frame, tense, this.visited);
      paintBackOffLines(ctx, frame, tense);
    });
    clipped(ctx, left, layout.slotsTop, right - left, layout.height - layout.slotsTop, () =>
      paintRibbon(ctx, frame, tense),
    );
  }
}

/** Before the playhead in full, after it faint; while a run is live, nothing is right of now. */
function tenses(frame: LanesFrame): Tense[] {
  const { atNs, palette, live, openEndNs } = frame;
  const past: Tense = { fromNs: -Infinity, toNs: atNs, alpha: 1 };
  const untilNs = live ? openEndNs : Infinity;
  return untilNs <= atNs ? [past] : [past, { fromNs: atNs, toNs: untilNs, alpha: palette.future }];
}

/** Busy share of each lane, idle slots and ready tasks, as of the playhead. */
function paintFigures(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { palette, layout, width, scrollPx, counts, atNs, measurer } = frame;
  ctx.font = `400 11px ${palette.fontUi}`;
  ctx.textAlign = 'right';
  ctx.textBaseline = 'middle';
  ctx.fillStyle = palette.ink3;
  ctx.fillText(BUSY, width - EDGE_PX, AXIS_TEXT_Y);
  clipped(ctx, width - layout.right, layout.areaTop, layout.right, layout.areaHeight, () => {
    for (const row of rowsBetween(layout, scrollPx, scrollPx + layout.areaHeight)) {
      const own = row.lane ? [row.lane] : row.worker.slots;
      const share = own.reduce((sum, lane) => sum + busyShare(lane, atNs), 0) / Math.max(1, own.length);
      ctx.fillText(percent(share), width - EDGE_PX, rowTop(frame, row) + row.height / 2 - 0.5);
    }
  });
  ctx.fillStyle = palette.ink2;
  const write = (wordings: readonly string[], y: number): void =>
    ctx.fillText(measurer.first(ctx.font, wordings, layout.right - EDGE_PX), width - EDGE_PX, y);
  write(slotsWordings(frame), layout.slotsTop + layout.slotsHeight / 2);
  write([count(counts.ready), shortCount(counts.ready)], layout.readyTop + layout.readyHeight / 2);
}

/** How many slots are idle; while only what they did lately is known, how busy they were. */
function slotsWordings({ table, lanes, atNs, counts }: LanesFrame): string[] {
  if (isOnlyNow(table, atNs)) {
    const { busy, slots } = latelyAt(table, lanes, atNs);
    return slots > 0 ? [`${percent(busy / slots)} busy`, percent(busy / slots)] : ['no slot'];
  }
  const idle = Math.max(0, slotsAt(table, lanes, atNs) - counts.running - counts.fetching - counts.storing);
  return [`${count(idle)} idle`, `${shortCount(idle)} idle`];
}
