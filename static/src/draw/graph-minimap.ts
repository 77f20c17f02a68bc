// The small picture of the whole graph, shown while the large one shows only a part of it.

import { isTaskElement } from './graph-edges';
import { type GraphFrame } from './graph-frame';
import { segments } from './graph-group-marks';
import { isHollow } from './node-style';
import { stateIs, STATES } from './mark-state';
import type { Rect } from './rect';
import { tallyAt } from './state-tally';

const WIDTH_PX = 208;
const MARGIN_PX = 12;
const SMALLEST_SHARE = 0.98;
/** More elements than this are sampled: the picture has no room for them. */
const MOST_MARKS = 4000;

/** Where the minimap is on the screen; null while the whole graph is in view or there is no room. */
export function minimapRect(frame: { geometry: GraphFrame['geometry']; view: GraphFrame['view'] }): Rect | null {
  const { width, height } = frame.geometry.viewport;
  const { kx, ky } = frame.view;
  if (kx * SMALLEST_SHARE <= 1 && ky * SMALLEST_SHARE <= 1) return null;
  const w = Math.min(WIDTH_PX, width * 0.3);
  const h = Math.min((w * height) / Math.max(1, width), height * 0.4);
  if (width < 300 || h < 24) return null;
  return { x: width - w - MARGIN_PX, y: height - h - MARGIN_PX, w, h };
}

/** World point that a point on the minimap stands for. */
export function minimapWorld(frame: { geometry: GraphFrame['geometry'] }, map: Rect, x: number, y: number) {
  const { width, height } = frame.geometry.viewport;
  return { x: ((x - map.x) / map.w) * width, y: ((y - map.y) / map.h) * height };
}

export function paintMinimap(ctx: CanvasRenderingContext2D, frame: GraphFrame): void {
  const map = minimapRect(frame);
  if (!map) return;
  const { palette, geometry, view } = frame;
  const sx = map.w / geometry.viewport.width;
  const sy = map.h / geometry.viewport.height;
  ctx.fillStyle = palette.surface;
  ctx.fillRect(map.x, map.y, map.w, map.h);
  paintMarks(ctx, frame, map, sx, sy);
  ctx.strokeStyle = palette.lineStrong;
  ctx.lineWidth = 1;
  ctx.strokeRect(map.x + 0.5, map.y + 0.5, map.w - 1, map.h - 1);
  const left = clamp(-view.ox / view.kx, 0, geometry.viewport.width) * sx;
  const top = clamp(-view.oy / view.ky, 0, geometry.viewport.height) * sy;
  const right = clamp((geometry.viewport.width - view.ox) / view.kx, 0, geometry.viewport.width) * sx;
  const bottom = clamp((geometry.viewport.height - view.oy) / view.ky, 0, geometry.viewport.height) * sy;
  ctx.strokeStyle = palette.ink;
  ctx.lineWidth = 1.5;
  ctx.strokeRect(
    map.x + left + 0.75,
    map.y + top + 0.75,
    Math.max(3, right - left - 1.5),
    Math.max(3, bottom - top - 1.5),
  );
}

function paintMarks(ctx: CanvasRenderingContext2D, frame: GraphFrame, map: Rect, sx: number, sy: number): void {
  const { geometry, palette } = frame;
  const every = Math.max(1, Math.ceil(geometry.rects.length / MOST_MARKS));
  const byState: Rect[][] = Array.from({ length: STATES }, () => []);
  for (let element = 0; element < geometry.rects.length; element += every) {
    const { x, y, w, h } = geometry.rects[element]!;
    const rect = { x: map.x + x * sx, y: map.y + y * sy, w: Math.max(1.5, w * sx), h: Math.max(1, h * sy) };
    if (isTaskElement(frame, element)) byState[frame.states.state[element] ?? 0]!.push(rect);
    else boxParts(frame, element, rect, byState);
  }
  byState.forEach((rects, state) => {
    if (rects.length === 0) return;
    ctx.fillStyle = isHollow(state) ? palette.lineStrong : palette.mark[state]!;
    ctx.globalAlpha = state === stateIs.succeeded || state === stateIs.cached ? 0.6 : 1;
    for (const rect of rects) ctx.fillRect(rect.x, rect.y, rect.w, rect.h);
  });
  ctx.globalAlpha = 1;
}

/** A fan-out's box shows the states of its tasks by share. */
function boxParts(frame: GraphFrame, element: number, rect: Rect, byState: Rect[][]): void {
  const { counts, total } = tallyAt(frame.elements, element);
  if (total === 0) byState[frame.states.unbegun]!.push(rect);
  for (const part of segments(rect, counts, total)) byState[part.state]!.push(part.rect);
}

function clamp(x: number, least: number, most: number): number {
  return Math.min(Math.max(x, least), most);
}
