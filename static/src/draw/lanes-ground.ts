// Paints what lanes stand on: axis, grid, names in the gutter, and what is expected.

import { momentText } from '../model/clock-format';
import { tickText } from '../model/format';
import { TimeScale, type Ticks } from '../model/time-scale';
import { rowsBetween, type LaneRow } from './lane-layout';
import { EDGE_PX, plotRect, rowTop, xOf, type LanesFrame } from './lanes-frame';

/** Labels of the axis are at least so far apart, px; times of day are longer. */
const TICK_PX = 84;
const CLOCK_TICK_PX = 96;
const AXIS_TEXT_Y = 13;
/** The kind of mark with which a worker joins a run; see engine.StepKind. */
const WORKER_STARTED = 3;

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

/** Ticks at round moments of the clock that is shown. */
export function axisTicks(frame: LanesFrame): Ticks {
  const { axis, scale } = frame;
  if (axis.mode === 'relative') return scale.ticks(TICK_PX);
  const zoneMs = axis.mode === 'local' ? new Date(axis.epochMs).getTimezoneOffset() * 60_000 : 0;
  const dayMs = 86_400_000;
  // The moment of the run's start within its day: exact in ns, as a whole epoch would not be.
  const offsetNs = ((((axis.epochMs - zoneMs) % dayMs) + dayMs) % dayMs) * 1e6;
  const shifted = new TimeScale(scale.fromNs + offsetNs, scale.toNs + offsetNs, scale.leftPx, scale.rightPx);
  const { stepNs, atNs } = shifted.ticks(CLOCK_TICK_PX);
  return { stepNs, atNs: atNs.map((ns) => ns - offsetNs) };
}

/** Label of a tick: no more places than the step needs. */
export function axisText(frame: LanesFrame, ns: number, stepNs: number): string {
  const { axis } = frame;
  if (axis.mode === 'relative') return tickText(ns, stepNs);
  const text = momentText(ns, axis.epochMs, axis.mode, stepNs);
  const short = stepNs >= 60e9 ? 5 : stepNs >= 1e9 ? 8 : text.length;
  return text.slice(0, short);
}

function paintGrid(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { palette, layout } = frame;
  const plot = plotRect(frame);
  const { stepNs, atNs } = axisTicks(frame);
  const right = plot.x + plot.w;
  ctx.font = `400 11px ${palette.fontUi}`;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'center';
  for (const ns of atNs) {
    const x = Math.round(xOf(frame, ns));
    if (x < plot.x - 0.5 || x > right + 0.5) continue;
    ctx.fillStyle = palette.grid;
    ctx.fillRect(x, layout.axisHeight, 1, layout.height - layout.axisHeight);
    ctx.fillStyle = palette.ink3;
    if (x < right - 12) ctx.fillText(axisText(frame, ns, stepNs), x, AXIS_TEXT_Y);
  }
}

function paintRows(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { layout, palette, scrollPx } = frame;
  const plot = plotRect(frame);
  paintColdStarts(ctx, frame);
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
  ctx.font = `400 11px ${palette.fontUi}`;
  const side =
    row.kind === 'strip' ? `${row.isOpen ? '▾' : '▸'} ${row.worker.slots.length}` : String(row.lane?.slot ?? '');
  ctx.fillText(side, layout.gutter - 10, y);
  if (!row.isFirst) return;
  const label = frame.workers[row.worker.worker];
  const name = label?.name ?? `w${row.worker.worker + 1}`;
  const strong = `500 11.5px ${palette.fontUi}`;
  const room = layout.gutter - EDGE_PX - 14 - measurer.width(ctx.font, side);
  const fitted = measurer.fit(strong, name, room);
  ctx.textAlign = 'left';
  ctx.font = strong;
  ctx.fillStyle = palette.ink;
  ctx.fillText(fitted, EDGE_PX, y);
  const used = measurer.width(strong, fitted) + 4;
  const regular = `400 11px ${palette.fontUi}`;
  const host = label?.host ?? '';
  if (measurer.width(regular, host) > room - used) return;
  ctx.font = regular;
  ctx.fillStyle = palette.ink3;
  ctx.fillText(host, EDGE_PX + used, y);
}

/** Before its worker joined, a lane is sunken. */
function paintColdStarts(ctx: CanvasRenderingContext2D, frame: LanesFrame): void {
  const { layout, palette, scrollPx, table } = frame;
  const startedNs = new Map<number, number>();
  for (const mark of table.marks) {
    if (mark.kind === WORKER_STARTED && !startedNs.has(mark.value)) startedNs.set(mark.value, mark.atNs);
  }
  ctx.fillStyle = palette.sunken;
  for (const row of rowsBetween(layout, scrollPx, scrollPx + layout.areaHeight)) {
    const until = startedNs.get(row.worker.worker) ?? 0;
    const left = Math.max(layout.gutter, xOf(frame, 0));
    const x = Math.min(xOf(frame, until), frame.width - layout.right);
    if (x - left > 1) ctx.fillRect(left, rowTop(frame, row), x - left, row.height);
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
  const { layout, lanes, ribbon } = frame;
  paintScaleOf(ctx, frame, 'Slots', layout.slotsTop, layout.slotsHeight, String(lanes.lanes.length));
  paintScaleOf(ctx, frame, 'Ready', layout.readyTop, layout.readyHeight, String(ribbon.mostReady));
}

function paintScaleOf(
  ctx: CanvasRenderingContext2D,
  frame: LanesFrame,
  name: string,
  top: number,
  height: number,
  most: string,
): void {
  const { palette, layout } = frame;
  const plot = plotRect(frame);
  ctx.font = `400 11px ${palette.fontUi}`;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  ctx.fillStyle = palette.ink2;
  ctx.fillText(name, EDGE_PX, top + height / 2);
  ctx.textAlign = 'right';
  ctx.fillStyle = palette.ink3;
  ctx.fillText(most, layout.gutter - 10, top + 6);
  if (height > 24) ctx.fillText('0', layout.gutter - 10, top + height - 4);
  ctx.fillStyle = palette.lineStrong;
  ctx.fillRect(plot.x, top + height, plot.w, 1);
}

/** The end as history has it: a band with a hatched head, while the run goes on. */
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
