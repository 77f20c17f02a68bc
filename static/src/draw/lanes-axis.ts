// The axis of the lanes: ticks, their labels, and how long what is folded is.

import { momentText } from '../model/clock-format';
import { durationText, tickText } from '../model/format';
import type { Ticks } from '../model/time-scale';
import { plotRect, xOf, type LanesFrame } from './lanes-frame';

/** Labels of the axis are at least so far apart, px; times of day are longer. */
const TICK_PX = 84;
const CLOCK_TICK_PX = 96;
/** So close to the right end there is no label. */
const LAST_PX = 12;
export const AXIS_TEXT_Y = 13;
/** Tags over the axis. */
export const TAG_TOP = 3;
export const TAG_H = 19;

/** Ticks at round moments of the clock that is shown. */
export function axisTicks(frame: LanesFrame): Ticks {
  const { axis, scale } = frame;
  if (axis.mode === 'relative') return scale.ticks(TICK_PX);
  const zoneMs = axis.mode === 'local' ? new Date(axis.epochMs).getTimezoneOffset() * 60_000 : 0;
  const dayMs = 86_400_000;
  // The moment of the run's start within its day: exact in ns, as a whole epoch would not be.
  return scale.ticks(CLOCK_TICK_PX, ((((axis.epochMs - zoneMs) % dayMs) + dayMs) % dayMs) * 1e6);
}

/** Label of a tick: no more places than the step needs. */
function axisText(frame: LanesFrame, ns: number, stepNs: number): string {
  const { axis } = frame;
  if (axis.mode === 'relative') return tickText(ns, stepNs);
  const text = momentText(ns, axis.epochMs, axis.mode, stepNs);
  const short = stepNs >= 60e9 ? 5 : stepNs >= 1e9 ? 8 : text.length;
  return text.slice(0, short);
}

/** A label of the axis, and how far it reaches to either side, px. */
interface AxisLabel {
  readonly x: number;
  readonly half: number;
  readonly text: string;
  /** The length of a folded gap. */
  readonly isGap: boolean;
}

/** How long folded gaps are, and the ticks that leave these room. */
export function axisLabels(frame: LanesFrame): AxisLabel[] {
  const plot = plotRect(frame);
  const right = plot.x + plot.w;
  const labels: AxisLabel[] = [];
  const add = (x: number, text: string, isGap: boolean): void => {
    const half = frame.measurer.width(axisFont(frame), text) / 2 + 1;
    if (!labels.some((other) => Math.abs(other.x - x) < other.half + half)) labels.push({ x, half, text, isGap });
  };
  for (const { fromNs, toNs } of frame.folds.gaps) {
    const x = (xOf(frame, fromNs) + xOf(frame, toNs)) / 2;
    if (x >= plot.x && x <= right) add(x, durationText(toNs - fromNs), true);
  }
  const { stepNs, atNs } = axisTicks(frame);
  for (const ns of atNs) {
    const x = Math.round(xOf(frame, ns));
    if (x >= plot.x - 0.5 && x < right - LAST_PX) add(x, axisText(frame, ns, stepNs), false);
  }
  return labels;
}

export function axisFont({ palette }: LanesFrame): string {
  return `400 11px ${palette.fontUi}`;
}

/** Covers the labels of the axis that a tag between two px would leave half to be read. */
export function coverLabels(ctx: CanvasRenderingContext2D, frame: LanesFrame, left: number, right: number): void {
  ctx.fillStyle = frame.palette.surface;
  for (const { x, half } of axisLabels(frame)) {
    if (x - half < right && x + half > left) ctx.fillRect(x - half, TAG_TOP, 2 * half, TAG_H - 1);
  }
}
