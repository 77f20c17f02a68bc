// Paints levels that are too dense for nodes: a box per function, filled with its states by their share, with its times.

import { count, durationText, shortCount } from '../model/format';
import { doneOf, toScreen, type GraphFrame } from './graph-frame';
import type { Group } from './graph-groups';
import type { Times } from './graph-times';
import { groupColour } from './group-colour';
import { isMagnitude, type TaskColour } from './node-colours';
import { isHollow, isUntouched } from './node-style';
import { STATES, stateIs, stateName } from './mark-state';
import type { Palette } from './palette';
import { HEAD_PX } from './graph-geometry';
import { tasksOfGroup } from './graph-groups';
import { intersection, overlaps, type Rect } from './rect';
import { tallyAt } from './state-tally';
import { functionLabel } from './task-label';

/** Least height of a state that has any task, px: one failed among 10,000 is still seen. */
const LEAST_PX = 2.5;
/** From this size on a segment has its number written on it. */
const NUMBER_H_PX = 15;
const NUMBER_W_PX = 22;
const LINE_PX = 14;

/** States whose part is filled with their soft colour. */
const QUIET: ReadonlySet<number> = new Set([
  stateIs.succeeded,
  stateIs.cached,
  stateIs.ready,
  stateIs.cancelled,
  stateIs['not run'],
]);

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
  const { counts, total } = tallyAt(frame.groups, group.id);
  const parts = segments(rect, counts, total);
  ctx.globalAlpha = frame.path ? 0.5 : 1;
  const colour = groupColour(frame, group);
  for (const part of parts) {
    ctx.fillStyle = fillOf(frame, colour, part.state);
    ctx.fillRect(part.rect.x, part.rect.y, part.rect.w, part.rect.h);
    if (part.state === stateIs.cached) paintCached(ctx, frame, part.rect);
  }
  ctx.strokeStyle = colour && !isMagnitude(colours.mode) ? colour.full : palette.lineStrong;
  ctx.lineWidth = 1;
  if (rect.w >= 5) ctx.strokeRect(rect.x + 0.5, rect.y + 0.5, rect.w - 1, rect.h - 1);
  if (parts.length > 0) paintNumbers(ctx, frame, group, parts, colour);
}

/** What was cached is hatched here too; faintly, because its number is written over it. */
function paintCached(ctx: CanvasRenderingContext2D, { palette, hatches }: GraphFrame, { x, y, w, h }: Rect): void {
  const { globalAlpha } = ctx;
  ctx.globalAlpha = 0.3 * globalAlpha;
  ctx.fillStyle = hatches.pattern(ctx, palette.mark[stateIs.cached]!, 'level');
  ctx.fillRect(x, y, w, h);
  ctx.globalAlpha = globalAlpha;
}

/** Where a group is on the screen: never so narrow that it is lost. */
export function groupScreenRect(frame: GraphFrame, group: Group): Rect {
  const rect = toScreen(frame.view, group.rect);
  const h = Math.max(3, rect.h);
  return { x: rect.x, y: rect.y + (rect.h - h) / 2, w: Math.max(2, rect.w), h };
}

function fillOf({ palette, colours }: GraphFrame, colour: TaskColour | null, state: number): string {
  if (isHollow(state)) return palette.surface;
  const isLoud = !QUIET.has(state);
  if (colour && state === stateIs.succeeded) return colour.quiet;
  if (colour && state === stateIs.running && !isMagnitude(colours.mode)) return colour.full;
  return (isLoud ? palette.mark[state] : palette.soft[state]) ?? palette.line;
}

/**
 * What is written on a group's box: in its largest part the name, where the head names several; the times on those that
 * took them.
 */
function paintNumbers(
  ctx: CanvasRenderingContext2D,
  frame: GraphFrame,
  group: Group,
  parts: readonly Segment[],
  colour: TaskColour | null,
): void {
  const { palette } = frame;
  const seen = parts.map((part) => ({ ...part, rect: inSight(frame, part.rect) }));
  const largest = seen.reduce((a, b) => (b.rect.h > a.rect.h ? b : a), seen[0]!);
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  for (const part of seen) {
    if (part.rect.h < NUMBER_H_PX || part.rect.w < NUMBER_W_PX) continue;
    ctx.fillStyle = (part.state === stateIs.succeeded ? colour?.onQuiet : undefined) ?? inkOn(palette, part.state);
    const { x, y, w, h } = part.rect;
    const lines = linesOn(frame, group, part, part === largest);
    const first = y + h / 2 + 0.5 - ((lines.length - 1) * LINE_PX) / 2;
    lines.forEach(({ text, font }, i) => {
      ctx.font = font;
      ctx.fillText(text, x + w / 2, first + i * LINE_PX);
    });
  }
}

/** What is to be seen of a part: its text stays there when the rest is beyond the edge, or below the heads. */
function inSight(frame: GraphFrame, rect: Rect): Rect {
  const { width, height } = frame.geometry.viewport;
  const isInside = rect.x >= 0 && rect.x + rect.w <= width && rect.y >= 0 && rect.y + rect.h <= height;
  return isInside ? rect : intersection(rect, { x: 0, y: HEAD_PX, w: width, h: height - HEAD_PX });
}

function inkOn(palette: Palette, state: number): string {
  const isLoud = ['running', 'failed', 'storing', 'fetching', 'retrying'].includes(stateName(state));
  return isLoud ? palette.inkOn : isUntouched(state) ? palette.ink3 : palette.ink;
}

interface Line {
  readonly text: string;
  readonly font: string;
}

/** The lines of one part, as many as it has room for: number of tasks; with the group's name before and times after it. */
function linesOn(frame: GraphFrame, group: Group, part: Segment, isLargest: boolean): Line[] {
  const { palette, measurer } = frame;
  const { count: tasks, rect, state } = part;
  const room = rect.w - 6;
  const strong = `500 11px ${palette.fontUi}`;
  const regular = `400 11px ${palette.fontUi}`;
  const line = (font: string, ...wordings: string[]): Line[] => {
    const text = measurer.first(font, wordings, room);
    return text === '' ? [] : [{ text, font }];
  };
  const number = line(
    strong,
    ...(state === stateIs.cached ? [`${count(tasks)} cached`] : []),
    count(tasks),
    shortCount(tasks),
  );
  const name = isLargest && hasNeighbours(frame, group) ? frame.index.names[group.fn] : undefined;
  const named = name ? functionLabel(measurer, name, strong, room) : '';
  const isOne = group.elements.length === 1;
  const times = state === stateIs.succeeded ? groupTimes(frame, group) : null;
  const sum = durationText(times?.sumNs ?? NaN);
  const total = !times || times.n === 0 ? [] : line(regular, ...(isOne ? [sum] : [`total ${sum}`, `Σ ${sum}`]));
  const median =
    !times || times.n < 2
      ? []
      : line(regular, `median ${durationText(times.medianNs)}`, `med. ${durationText(times.medianNs)}`);
  const title = named === '' ? [] : [{ text: named, font: strong }];
  const all = isOne ? [...title, ...total] : [...title, ...number, ...total, ...median];
  const most = Math.max(1, Math.floor((rect.h - 2) / LINE_PX));
  return all.length > 0 ? all.slice(0, most) : number;
}

/** Execute times of a group's tasks as of the moment shown. */
export function groupTimes(frame: GraphFrame, group: Group): Times {
  const ended = doneOf(tallyAt(frame.groups, group.id).counts);
  return frame.times.of(`group ${frame.collapse.key} ${group.id}`, ended, () => tasksOfGroup(frame.index, group));
}

/** Whether other functions share the levels of a group, so that the head does not name it alone. */
function hasNeighbours(frame: GraphFrame, group: Group): boolean {
  const { groups } = frame.collapse;
  return (
    groups[group.id - 1]?.firstColumn === group.firstColumn || groups[group.id + 1]?.firstColumn === group.firstColumn
  );
}
