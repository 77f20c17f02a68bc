// Paints the ribbon: how many slots worked or moved bytes over time, and how many tasks were ready.

import { firstAfter } from '../model/order';
import { peakSlots } from '../model/presence';
import type { Tense } from './lane-bars';
import { paintStandstills } from './lane-gaps';
import { visibleSpan, xOf, type LanesFrame } from './lanes-frame';
import type { PhaseColours } from './palette';

/** Paints slots and ready tasks for one tense; the caller has clipped to it. */
export function paintRibbon(ctx: CanvasRenderingContext2D, frame: LanesFrame, tense: Tense): void {
  const { layout, palette, ribbon, lanes, table } = frame;
  const tone: PhaseColours = palette.phasePast;
  const slots = Math.max(1, peakSlots(table, lanes));
  const floor = layout.slotsTop + layout.slotsHeight;
  const perSlot = layout.slotsHeight / slots;
  const endX = Math.min(xOf(frame, Math.min(frame.endNs, tense.toNs)), frame.width - layout.right);
  ctx.globalAlpha = tense.alpha;
  ctx.fillStyle = palette.sunken;
  const left = Math.max(layout.gutter, xOf(frame, 0));
  if (endX > left) ctx.fillRect(left, layout.slotsTop, endX - left, layout.slotsHeight);
  for (const [top, height] of [
    [layout.slotsTop, layout.slotsHeight],
    [layout.readyTop, layout.readyHeight],
  ] as const)
    paintStandstills(ctx, frame, tense.alpha, top, height);
  ctx.globalAlpha = tense.alpha;
  area(
    ctx,
    frame,
    tense,
    tone.fetching,
    floor,
    (i) => Math.min(slots, ribbon.running[i]! + ribbon.moving[i]!) * perSlot,
  );
  area(ctx, frame, tense, tone.running, floor, (i) => Math.min(slots, ribbon.running[i]!) * perSlot);
  const readyFloor = layout.readyTop + layout.readyHeight;
  area(ctx, frame, tense, tone.ready, readyFloor, (i) => (ribbon.ready[i]! / ribbon.mostReady) * layout.readyHeight);
  ctx.globalAlpha = 1;
}

/** Fills the area under a step function, as one path. */
function area(
  ctx: CanvasRenderingContext2D,
  frame: LanesFrame,
  tense: Tense,
  colour: string,
  floor: number,
  heightOf: (i: number) => number,
): void {
  const { ribbon } = frame;
  const span = visibleSpan(frame);
  const fromNs = Math.max(span.fromNs, tense.fromNs, 0);
  const toNs = Math.min(span.toNs, tense.toNs, frame.endNs);
  const first = Math.max(0, firstAfter(ribbon.atNs.subarray(0, ribbon.length), fromNs) - 1);
  if (!(fromNs < toNs) || first >= ribbon.length) return;
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.moveTo(xOf(frame, Math.max(fromNs, ribbon.atNs[first]!)), floor);
  let end = floor;
  for (let i = first; i < ribbon.length && ribbon.atNs[i]! < toNs; i++) {
    const y = floor - heightOf(i);
    const next = i + 1 < ribbon.length ? ribbon.atNs[i + 1]! : frame.openEndNs;
    ctx.lineTo(xOf(frame, Math.max(fromNs, ribbon.atNs[i]!)), y);
    end = xOf(frame, Math.min(toNs, next));
    ctx.lineTo(end, y);
  }
  ctx.lineTo(end, floor);
  ctx.fill();
}
