// Paints what lanes stand on: axis, grid, names in the gutter, and what is expected.

import { count, shortCount } from '../model/format';
import type { Lanes, WorkerLanes } from '../model/lanes';
import { peakSlots, presencesOf } from '../model/presence';
import type { Brushes } from './graph-frame';
import { rowsBetween, type LaneRow } from './lane-layout';
import { AXIS_TEXT_Y, axisFont, axisLabels, axisTicks } from './lanes-axis';
import { EDGE_PX, plotRect, rowTop, xOf, type LanesFrame, type WorkerLabel } from './lanes-frame';

/** Between the names of a worker, and between slots and the plot. */
const NAMES_APART_PX = 4;
const SIDE_APART_PX = 10;

export function paintGround(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { palette, layout, width } = frame;
  ctx.fillStyle = palette.surface;
  ctx.fillRect(0, 0, width, layout.height);
  paintGrid(ctx, frame);
  clipped(ctx, 0, layout.areaTop, width, layout.areaHeight, () => paintRows(ctx, frame));
  paintScrollbar(ctx, frame);
  paintRibbonFrame(ctx, frame);
  paintExpected(ctx, frame);
}

export function clipped(
  ctx: CanvasRenderingContext2D,
  x: number,
  y: number,
  w: number,
  h: number,
  paint: () => void,
): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, Math.max(0, w), Math.max(0, h));
  ctx.clip();
  paint();
  ctx.restore();
}

function paintGrid(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { palette, layout } = frame;
  const plot = plotRect(frame);
  ctx.fillStyle = palette.grid;
  for (const ns of axisTicks(frame).atNs) {
    const x = Math.round(xOf(frame, ns));
    if (x < plot.x - 0.5 || x > plot.x + plot.w + 0.5) continue;
    ctx.fillRect(x, layout.axisHeight, 1, layout.height - layout.axisHeight);
  }
  ctx.font = axisFont(frame);
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'center';
  for (const { x, text, isGap } of axisLabels(frame)) {
    ctx.fillStyle = isGap ? palette.ink2 : palette.ink3;
    ctx.fillText(text, x, AXIS_TEXT_Y);
  }
}

function paintRows(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { layout, palette, scrollPx } = frame;
  const plot = plotRect(frame);
  paintAbsences(ctx, frame);
  for (const row of rowsBetween(layout, scrollPx, scrollPx + layout.areaHeight)) {
    const top = rowTop(frame, row);
    ctx.fillStyle = palette.grid;
    ctx.fillRect(plot.x, top + row.height - 1, plot.w, 1);
    paintRowName(ctx, frame, row, top + row.height / 2 - 0.5);
  }
}

function paintRowName(ctx: CanvasRenderingContext2D, frame: LanesFrame, row: LaneRow, y: number): void {
  const { palette, layout, measurer } = frame;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'right';
  ctx.fillStyle = palette.ink3;
  const { strong, regular } = nameFonts(frame);
  ctx.font = regular;
  const side =
    row.kind === 'strip' ? `${row.isOpen ? '▾' : '▸'} ${row.worker.slots.length}` : String(row.lane?.slot ?? '');
  ctx.fillText(side, layout.gutter - SIDE_APART_PX, y);
  if (!row.isFirst) return;
  const label = frame.workers[row.worker.worker];
  const name = label?.name ?? `w${row.worker.worker}`;
  const room = layout.gutter - EDGE_PX - NAMES_APART_PX - SIDE_APART_PX - measurer.width(regular, side);
  const fitted = measurer.fit(strong, name, room);
  ctx.textAlign = 'left';
  ctx.font = strong;
  ctx.fillStyle = palette.ink;
  ctx.fillText(fitted, EDGE_PX, y);
  const used = measurer.width(strong, fitted) + NAMES_APART_PX;
  ctx.font = regular;
  ctx.fillStyle = palette.ink3;
  ctx.fillText(measurer.fit(regular, label?.process ?? '', room - used), EDGE_PX + used, y);
}

function nameFonts({ palette }: Brushes): { readonly strong: string; readonly regular: string } {
  return { strong: `500 11.5px ${palette.fontUi}`, regular: `400 11px ${palette.fontUi}` };
}

/** Of so many workers each name is measured; of more, as many of those with most characters. */
const MEASURED = 64;

/** What the longest of the names at the left would take. */
export function namesWidth(brushes: Brushes, lanes: Lanes, workers: readonly WorkerLabel[]): number {
  const { measurer } = brushes;
  const { strong, regular } = nameFonts(brushes);
  let widest = 0;
  for (const { worker, slots } of withLongestNames(lanes.workers, workers)) {
    const { name, process } = nameOf(workers, worker);
    const side = measurer.width(regular, String(slots.length)) + SIDE_APART_PX;
    const names = measurer.width(strong, name) + (process ? NAMES_APART_PX + measurer.width(regular, process) : 0);
    widest = Math.max(widest, EDGE_PX + names + 2 * NAMES_APART_PX + side);
  }
  return widest;
}

function nameOf(workers: readonly WorkerLabel[], worker: number): WorkerLabel {
  return workers[worker] ?? { name: `w${worker}` };
}

function withLongestNames(lanes: readonly WorkerLanes[], workers: readonly WorkerLabel[]): readonly WorkerLanes[] {
  if (lanes.length <= MEASURED) return lanes;
  const lengths = lanes.map(({ worker }) => {
    const { name, process } = nameOf(workers, worker);
    return name.length + (process?.length ?? 0);
  });
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  return lanes.filter((_, i) => lengths[i] === longest).slice(0, MEASURED);
}

/** Before its worker joined and after its end, a lane is sunken. */
function paintAbsences(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { layout, palette, scrollPx } = frame;
  const presences = presencesOf(frame.table);
  const leftPx = Math.max(layout.gutter, xOf(frame, 0));
  const rightPx = Math.min(xOf(frame, frame.openEndNs), frame.width - layout.right);
  ctx.fillStyle = palette.sunken;
  for (const row of rowsBetween(layout, scrollPx, scrollPx + layout.areaHeight)) {
    const there = presences.get(row.worker.worker);
    if (!there) continue;
    const top = rowTop(frame, row);
    const fromPx = Math.min(xOf(frame, there.fromNs), rightPx);
    if (fromPx - leftPx > 1) ctx.fillRect(leftPx, top, fromPx - leftPx, row.height);
    const toPx = Math.max(leftPx, xOf(frame, Math.min(there.toNs, frame.openEndNs)));
    if (rightPx - toPx > 1) ctx.fillRect(toPx, top, rightPx - toPx, row.height);
  }
}

/** A scroll thumb, where not all lanes have room. */
function paintScrollbar(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { layout, palette, scrollPx, width } = frame;
  if (layout.contentHeight <= layout.areaHeight) return;
  const h = Math.max(20, (layout.areaHeight / layout.contentHeight) * layout.areaHeight);
  const y = layout.areaTop + (scrollPx / layout.contentHeight) * layout.areaHeight;
  ctx.fillStyle = palette.lineStrong;
  ctx.fillRect(width - 5, Math.min(y, layout.areaTop + layout.areaHeight - h), 3, h);
}

function paintRibbonFrame(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { layout, lanes, ribbon, table } = frame;
  paintScaleOf(ctx, frame, 'Slots', layout.slotsTop, layout.slotsHeight, peakSlots(table, lanes));
  paintScaleOf(ctx, frame, 'Ready', layout.readyTop, layout.readyHeight, ribbon.mostReady);
}

function paintScaleOf(
  ctx: CanvasRenderingContext2D,
  frame: LanesFrame,
  name: string,
  top: number,
  height: number,
  most: number,
): void {
  const { palette, layout, measurer } = frame;
  const plot = plotRect(frame);
  const font = `400 11px ${palette.fontUi}`;
  ctx.font = font;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  ctx.fillStyle = palette.ink2;
  ctx.fillText(name, EDGE_PX, top + height / 2);
  ctx.textAlign = 'right';
  ctx.fillStyle = palette.ink3;
  const room = layout.gutter - SIDE_APART_PX - EDGE_PX - measurer.width(font, name) - NAMES_APART_PX;
  ctx.fillText(measurer.first(font, [count(most), shortCount(most)], room), layout.gutter - SIDE_APART_PX, top + 6);
  if (height > 24) ctx.fillText('0', layout.gutter - SIDE_APART_PX, top + height - 4);
  ctx.fillStyle = palette.lineStrong;
  ctx.fillRect(plot.x, top + height, plot.w, 1);
}

/** The end as history has it: a band with a hatched head, while the run is live. */
function paintExpected(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { expected, palette, layout, hatches, measurer } = frame;
  if (!expected) return;
  const plot = plotRect(frame);
  const left = Math.max(plot.x, xOf(frame, expected.fromNs));
  const right = Math.min(plot.x + plot.w, xOf(frame, expected.toNs));
  if (right <= left) return;
  ctx.fillStyle = palette.sunken;
  ctx.fillRect(left, layout.axisHeight, right - left, layout.height - layout.axisHeight);
  ctx.fillStyle = hatches.pattern(ctx, palette.lineStrong, 'rising');
  ctx.fillRect(left, layout.axisHeight, right - left, 4);
  ctx.font = `400 11px ${palette.fontUi}`;
  ctx.fillStyle = palette.ink3;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'right';
  const nowX = xOf(frame, frame.atNs);
  if (left - 6 - measurer.width(ctx.font, expected.text) > nowX + 8) {
    ctx.fillText(expected.text, left - 6, layout.axisHeight + 10);
  }
}
