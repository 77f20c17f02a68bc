// Paints levels that are too dense for nodes: a box per function, filled with its states by their share.

import { count } from '../model/format';
import { sumCounts, toScreen, type GraphFrame } from './graph-frame';
import type { Group } from './graph-groups';
import { isHollow } from './node-style';
import { STATES, stateIs, stateName } from './node-states';
import { overlaps, type Rect } from './rect';

/** Least height of a state that has any task, px: one failed among 10,000 is still seen. */
const LEAST_PX = 2.5;
/** From this size on a segment has its number written on it. */
const NUMBER_H_PX = 15;
const NUMBER_W_PX = 26;

/** One state's part of a group's box, screen px. */
export interface Segment {
  readonly state: number;
  readonly count: number;
  readonly rect: Rect;
}

/** Cuts a box into its states, top to bottom in the order of states, by share but none below its least. */
export function segments(rect: Rect, counts: Uint32Array, total: number): Segment[] {
  const present: number[] = [];
  for (let state = 0; state < STATES; state++) if (counts[state]! > 0) present.push(state);
  const least = Math.min(LEAST_PX, rect.h / Math.max(1, present.length));
  const heights = present.map((state) => Math.max(least, (counts[state]! / Math.max(1, total)) * rect.h));
  const scale = rect.h / heights.reduce((sum, h) => sum + h, 1e-9);
  const excess = heights.reduce((sum, h) => sum + h, 0) - rect.h;
  // What the least heights take is taken from those that have more, so that none falls below again.
  const spare = heights.reduce((sum, h) => sum + (h - least), 0);
  let y = rect.y;
  return present.map((state, i) => {
    const h = spare > 0 ? heights[i]! - ((heights[i]! - least) / spare) * Math.max(0, excess) : heights[i]! * scale;
    const segment = { state, count: counts[state]!, rect: { x: rect.x, y, w: rect.w, h } };
    y += h;
    return segment;
  });
}

export function paintGroups(ctx: CanvasRenderingContext2D, frame: GraphFrame, visible: Rect): void {
  for (const group of frame.collapse.groups) if (overlaps(group.rect, visible)) paintGroup(ctx, frame, group);
  ctx.globalAlpha = 1;
}

function paintGroup(ctx: CanvasRenderingContext2D, frame: GraphFrame, group: Group): void {
  const { palette, colours } = frame;
  const rect = groupScreenRect(frame, group);
  const { counts, total } = sumCounts(frame, group.elements);
  const parts = segments(rect, counts, total);
  ctx.globalAlpha = frame.path ? 0.5 : 1;
  for (const part of parts) {
    ctx.fillStyle = fillOf(frame, group, part.state);
    ctx.fillRect(part.rect.x, part.rect.y, part.rect.w, part.rect.h);
  }
  const hue = colours.mode === 'function' ? colours.functions[group.fn] : undefined;
  ctx.strokeStyle = hue === undefined ? palette.lineStrong : palette.functions[hue % palette.functions.length]!;
  ctx.lineWidth = 1;
  if (rect.w >= 5) ctx.strokeRect(rect.x + 0.5, rect.y + 0.5, rect.w - 1, rect.h - 1);
  paintNumbers(ctx, frame, parts);
}

/** Where a group is on the screen: never so narrow that it is lost. */
export function groupScreenRect(frame: GraphFrame, group: Group): Rect {
  const rect = toScreen(frame.view, group.rect);
  const h = Math.max(3, rect.h);
  return { x: rect.x, y: rect.y + (rect.h - h) / 2, w: Math.max(2, rect.w), h };
}

function fillOf(frame: GraphFrame, group: Group, state: number): string {
  const { palette, colours } = frame;
  if (isHollow(state)) return palette.surface;
  const hue = colours.mode === 'function' ? colours.functions[group.fn] : undefined;
  const isLoud = state !== stateIs.succeeded && state !== stateIs.ready && state !== stateIs.cancelled;
  if (hue !== undefined && state === stateIs.succeeded) return palette.functionsQuiet[hue % palette.functions.length]!;
  if (hue !== undefined && state === stateIs.running) return palette.functions[hue % palette.functions.length]!;
  return (isLoud ? palette.mark[state] : palette.soft[state]) ?? palette.line;
}

function paintNumbers(ctx: CanvasRenderingContext2D, frame: GraphFrame, parts: readonly Segment[]): void {
  const { palette, measurer } = frame;
  const font = `500 11px ${palette.fontUi}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  for (const { state, count: tasks, rect } of parts) {
    if (rect.h < NUMBER_H_PX || rect.w < NUMBER_W_PX) continue;
    const isLoud = ['running', 'failed', 'storing', 'fetching', 'retrying'].includes(stateName(state));
    ctx.font = font;
    ctx.fillStyle = isLoud ? palette.inkOn : isHollow(state) ? palette.ink3 : palette.ink;
    const text = count(tasks);
    if (measurer.width(font, text) + 4 < rect.w) ctx.fillText(text, rect.x + rect.w / 2, rect.y + rect.h / 2 + 0.5);
  }
}
