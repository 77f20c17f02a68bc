// Paints nodes of tasks, at the size that there is room for.

import { sizeOf } from '../model/edges';
import { bytesText, durationText } from '../model/format';
import { drawIcon } from './icons';
import { DIMMED, type GraphFrame } from './graph-frame';
import { isUntouched, nodeStyle, TINY_PX, type NodeStyle } from './node-style';
import type { HatchDirection } from './hatches';
import { stateIs, stateName } from './mark-state';
import type { Rect } from './rect';
import { ShapeBatch } from './shape-batch';
import { taskLabel } from './task-label';
import { CUT } from './text-measurer';

/** A task to be painted, at its place on the screen. */
export interface NodeMark {
  readonly node: number;
  readonly rect: Rect;
}

/** Heights from which a node has one, two, three lines, screen px. */
export const ONE_LINE_PX = 13;
export const TWO_LINES_PX = 28;
export const THREE_LINES_PX = 48;
/** Narrower than this there is no room for a label. */
const LABEL_LEAST_PX = 34;
const LABEL_KEEPS_PX = 90;
/** Wider than this, a node of one line shows its time too. */
const TIME_PX = 150;
/** Least room between the two. */
const TIME_APART_PX = 10;

const RADIUS = 2.5;
const ICON_PX = 10;
const ICON_LEFT = 5;
const TEXT_LEFT = 19;
const PROGRESS_LEAST_PX = 9;
const PROGRESS_PX = 2;

interface Styled extends NodeMark {
  readonly state: number;
  readonly style: NodeStyle;
  readonly alpha: number;
}

/** Paints nodes: shapes by style first, then what is on them. */
export function paintNodes(ctx: CanvasRenderingContext2D, frame: GraphFrame, marks: readonly NodeMark[]): void {
  const batch = new ShapeBatch();
  const styled: Styled[] = [];
  for (const mark of marks) {
    const state = frame.states.state[mark.node] ?? 0;
    const alpha = frame.path && !frame.onPath.has(mark.node) && mark.node !== frame.selected ? DIMMED : 1;
    const style = nodeStyle(frame, mark.node, state, mark.rect.h, alpha);
    const { x, y, w, h } = mark.rect;
    batch.add(style.key, () => style.shape, x, y, w, h, Math.min(RADIUS, h / 3, w / 3));
    if (mark.rect.h >= 4) styled.push({ ...mark, state, style, alpha });
  }
  batch.paint(ctx);
  paintHatching(ctx, frame, styled);
  paintProgress(ctx, frame, styled);
  paintPathRings(ctx, frame, styled);
  paintLabels(ctx, frame, styled);
  ctx.globalAlpha = 1;
}

/** How states are hatched that are. */
const HATCHED = new Map<number, HatchDirection>([
  [stateIs.fetching, 'rising'],
  [stateIs.storing, 'falling'],
  [stateIs.cached, 'level'],
]);

/**
 * Fetching, storing and cached are hatched in different directions, under the icon only where there is a label. The icon
 * of cached has level lines itself, so nothing is hatched under it.
 */
function paintHatching(ctx: CanvasRenderingContext2D, frame: GraphFrame, marks: readonly Styled[]): void {
  const { palette, hatches } = frame;
  for (const { state, rect, alpha } of marks) {
    const direction = HATCHED.get(state);
    if (direction === undefined || (state === stateIs.cached && hasLabel(rect))) continue;
    const isTiny = rect.h < TINY_PX;
    // What is painted in full is hatched in the colour of the ground, what is soft in its own.
    const colour = (isTiny && state !== stateIs.cached ? palette.surface : palette.mark[state]) ?? palette.surface;
    ctx.fillStyle = hatches.pattern(ctx, colour, direction);
    ctx.globalAlpha = alpha * (isTiny ? 0.7 : 0.5);
    const w = hasLabel(rect) ? Math.min(rect.w - 2, TEXT_LEFT - 2) : rect.w - 2;
    ctx.fillRect(rect.x + 1, rect.y + 1, w, rect.h - 2);
  }
  ctx.globalAlpha = 1;
}

/** A running task fills from the left against the median of its past, as far as one is known. */
function paintProgress(ctx: CanvasRenderingContext2D, frame: GraphFrame, marks: readonly Styled[]): void {
  ctx.fillStyle = frame.palette.inkOn;
  for (const { node, state, rect, alpha } of marks) {
    if (state !== stateIs.running || rect.h < PROGRESS_LEAST_PX) continue;
    const share = progressOf(frame, node);
    if (Number.isNaN(share)) continue;
    ctx.globalAlpha = 0.55 * alpha;
    ctx.fillRect(rect.x, rect.y + rect.h - PROGRESS_PX, rect.w * share, PROGRESS_PX);
  }
  ctx.globalAlpha = 1;
}

/** How far execution has come: by its real end in a finished run, else by the past median; NaN where neither is known. */
function progressOf(frame: GraphFrame, node: number): number {
  const row = frame.states.row[node] ?? -1;
  if (row < 0) return NaN;
  const started = frame.table.startedNs[row]!;
  const end = frame.live ? started + frame.median(frame.index.functionOf(node)) : frame.table.endedNs[row]!;
  return Math.min(1, Math.max(0, (frame.atNs - started) / (end - started)));
}

function paintPathRings(ctx: CanvasRenderingContext2D, frame: GraphFrame, marks: readonly Styled[]): void {
  if (!frame.path) return;
  ctx.strokeStyle = frame.palette.ink;
  ctx.lineWidth = 1.8;
  ctx.beginPath();
  for (const { node, rect } of marks) {
    if (frame.onPath.has(node)) ctx.roundRect(rect.x, rect.y, rect.w, rect.h, Math.min(RADIUS, rect.h / 3));
  }
  ctx.stroke();
}

function hasLabel(rect: Rect): boolean {
  return rect.h >= ONE_LINE_PX && rect.w >= LABEL_LEAST_PX;
}

function paintLabels(ctx: CanvasRenderingContext2D, frame: GraphFrame, marks: readonly Styled[]): void {
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  for (const mark of marks) if (hasLabel(mark.rect)) paintLabel(ctx, frame, mark);
}

function paintLabel(ctx: CanvasRenderingContext2D, frame: GraphFrame, mark: Styled): void {
  const { rect, style, state } = mark;
  const { palette, measurer } = frame;
  const lines = rect.h >= THREE_LINES_PX ? 3 : rect.h >= TWO_LINES_PX ? 2 : 1;
  const size = frame.geometry.viewport.narrow ? 10.5 : 11;
  const regular = `400 ${size}px ${palette.fontUi}`;
  const font = lines > 1 && !isUntouched(state) ? `500 ${size}px ${palette.fontUi}` : regular;
  const middle = rect.y + rect.h / 2;
  const shift = hiddenPart(rect);
  const left = rect.x + shift + TEXT_LEFT;
  const room = rect.w - shift - TEXT_LEFT - 4;
  const afterIcon = taskLabel(frame, mark.node, font, room);
  // Where the icon takes room from the name, it goes to the second line.
  const isCut = lines > 1 && (afterIcon === '' || afterIcon.includes(CUT));
  const label = isCut ? taskLabel(frame, mark.node, font, room + TEXT_LEFT - ICON_LEFT) : afterIcon;
  // What has no time, and will have none, has its name in the middle.
  const isAlone =
    lines === 1 || label === '' || (!isCut && isUntouched(state) && timeLines(frame, mark.node).length === 0);
  const top = middle + (isAlone ? 0.5 : lines === 2 ? -6.5 : -14);
  const second = middle + (lines === 3 ? 1 : 7.5);
  const iconY = isCut && label !== '' ? second : top;
  ctx.globalAlpha = mark.alpha === 1 ? 1 : 0.5;
  drawIcon(ctx, stateName(state), rect.x + shift + ICON_LEFT, iconY - ICON_PX / 2 - 0.5, ICON_PX, style.icon);
  if (label === '') return;
  setFont(ctx, font);
  ctx.fillStyle = style.ink;
  ctx.fillText(label, isCut ? rect.x + shift + ICON_LEFT : left, top);
  if (lines === 1 && rect.w < TIME_PX) return;
  setFont(ctx, regular);
  ctx.fillStyle = style.quietInk;
  if (lines === 1) {
    paintTimeRight(ctx, frame, mark, top, room - measurer.width(font, label));
    return;
  }
  ctx.fillText(measurer.first(regular, timeLines(frame, mark.node), room), left, second);
  if (lines === 3) ctx.fillText(measurer.first(regular, thirdLines(frame, mark.node), room), left, middle + 15);
}

/** How much of a node is beyond the left edge: its label stays in view as long as it has room there. */
function hiddenPart(rect: Rect): number {
  return Math.max(0, Math.min(-rect.x, rect.w - LABEL_KEEPS_PX));
}

function paintTimeRight(ctx: CanvasRenderingContext2D, frame: GraphFrame, mark: Styled, y: number, room: number): void {
  const spent = spentOf(frame, mark.node);
  const text = durationText(spent);
  if (Number.isNaN(spent) || frame.measurer.width(ctx.font, text) + TIME_APART_PX > room) return;
  ctx.textAlign = 'right';
  ctx.fillText(text, mark.rect.x + mark.rect.w - 6, y);
  ctx.textAlign = 'left';
}

function setFont(ctx: CanvasRenderingContext2D, font: string): void {
  if (ctx.font !== font) ctx.font = font;
}

/** Time since its worker took it, up to its end; NaN before. */
function spentOf(frame: GraphFrame, node: number): number {
  const { states, table, atNs } = frame;
  const row = states.row[node] ?? -1;
  if (row < 0 || !(table.claimedNs[row]! <= atNs)) return NaN;
  const over = table.updatedNs[row]!;
  return (over <= atNs ? over : atNs) - table.claimedNs[row]!;
}

/** Wordings of how long a task took or has taken, or took its like in the past: the longest first. */
function timeLines(frame: GraphFrame, node: number): string[] {
  const spent = spentOf(frame, node);
  if (Number.isNaN(spent)) {
    const state = frame.states.state[node];
    if (state === stateIs['not run'] || state === stateIs.skipped) return []; // it is not expected any more
    const median = frame.median(frame.index.functionOf(node));
    // Never the figure alone: a task that has not begun has no time of its own.
    return Number.isNaN(median) ? [] : [`expected ${durationText(median)}`, `exp. ${durationText(median)}`];
  }
  const time = durationText(spent);
  if (frame.states.state[node] === stateIs.cached) return spent > 0 ? [`${time}, cached`, 'cached'] : ['cached'];
  const isOver = frame.table.updatedNs[frame.states.row[node]!]! <= frame.atNs;
  return isOver ? [time] : [`${time} so far`, `${time} …`, time];
}

/** Wordings of its output and its slack. */
function thirdLines(frame: GraphFrame, node: number): string[] {
  const parts: string[] = [];
  const row = frame.states.row[node] ?? -1;
  const bytes = row >= 0 && frame.table.endedNs[row]! <= frame.atNs ? sizeOf(frame.table, row) : NaN;
  if (!Number.isNaN(bytes)) parts.push(`out ${bytesText(bytes)}`);
  const slack = frame.live ? NaN : (frame.slack?.(node) ?? NaN);
  if (frame.onPath.has(node)) parts.push('on the path');
  else if (!Number.isNaN(slack)) parts.push(`slack ${durationText(slack)}`);
  return [parts.join(', '), ...parts];
}
