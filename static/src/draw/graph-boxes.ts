// Paints fan-outs: a box of fixed place and size, its body once, its instances as a grid of cells.

import { NO_STEP } from '../model/colour-steps';
import type { Block } from '../model/graph-index';
import { count, durationText } from '../model/format';
import { countOf, toScreen, type GraphFrame } from './graph-frame';
import type { BodyShape } from './graph-geometry';
import type { NodeMark } from './graph-nodes';
import { prominence } from './node-colours';
import type { Times } from './graph-times';
import { bodyOf, boxParts, cellGrid, cellRect, elementInCell, type CellGrid } from './graph-places';
import { isHollow, nodeStyle } from './node-style';
import { stateIs, worseState } from './mark-state';
import { overlaps, type Rect } from './rect';
import { ShapeBatch } from './shape-batch';
import { functionLabel } from './task-label';

/** A fan-out to be painted: one instance of an element of a scope. */
export interface BoxMark {
  readonly node: number;
  readonly scope: number;
  readonly element: number;
  /** World px. */
  readonly rect: Rect;
}

/** Cells smaller than this on the screen stand for several instances. */
const LEAST_CELL_PX = 3;
/** From this size on, a cell shows the tasks of its instance. */
const DETAIL_W_PX = 30;
const DETAIL_H_PX = 9;
/** A box lower than this has room for neither label nor body. */
const LABEL_LEAST_PX = 34;
const LABEL_LEAST_W_PX = 56;
const BODY_LEAST_PX = 9;

/** Most instances that one cell stands for is a power of two, so that cells keep their instances while zooming. */
export function instancesPerCell(area: Rect, instances: number, kx: number, ky: number): number {
  let each = 1;
  const screen = area.w * kx * area.h * ky;
  while (instances / each > screen / (LEAST_CELL_PX * LEAST_CELL_PX) && each < instances) each *= 2;
  return each;
}

/** The grid of a box as it is drawn at a zoom. */
export function drawnGrid(frame: GraphFrame, box: BoxMark, block: Block): { grid: CellGrid; each: number } {
  const body = bodyOf(frame.geometry, box.scope, box.element);
  const { cells } = boxParts(box.rect, body);
  const each = instancesPerCell(cells, block.instances, frame.view.kx, frame.view.ky);
  return { grid: cellGrid(cells, Math.ceil(block.instances / each), body), each };
}

/** Cells of this grid are large enough to show what is in them. */
export function isDetailed(frame: GraphFrame, grid: CellGrid, body: BodyShape, each: number): boolean {
  const rows = Math.max(1, body.height);
  return (
    each === 1 &&
    (grid.cellW * frame.view.kx) / Math.max(1, body.columns) >= DETAIL_W_PX &&
    (grid.cellH * frame.view.ky) / rows >= DETAIL_H_PX
  );
}

/** Paints boxes and whatever of their insides can be seen; tasks inside are left to paintNodes, in nodes. */
export function paintBoxes(
  ctx: CanvasRenderingContext2D,
  frame: GraphFrame,
  boxes: readonly BoxMark[],
  visible: Rect,
  nodes: NodeMark[],
): void {
  for (const box of boxes) if (overlaps(box.rect, visible)) paintBox(ctx, frame, box, visible, nodes);
}

function paintBox(
  ctx: CanvasRenderingContext2D,
  frame: GraphFrame,
  box: BoxMark,
  visible: Rect,
  nodes: NodeMark[],
): void {
  const { palette, view } = frame;
  const screen = toScreen(view, box.rect);
  const body = bodyOf(frame.geometry, box.scope, box.element);
  ctx.fillStyle = palette.surface;
  ctx.strokeStyle = palette.lineStrong;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.roundRect(screen.x, screen.y, screen.w, screen.h, Math.min(5, screen.h / 4));
  ctx.fill();
  ctx.stroke();
  const parts = boxParts(box.rect, body);
  const block = frame.index.instancesOf(box.node);
  if (screen.h >= LABEL_LEAST_PX && screen.w >= LABEL_LEAST_W_PX)
    paintBoxHead(ctx, frame, toScreen(view, parts.head), box, block);
  if (parts.body.h * view.ky >= BODY_LEAST_PX) paintBody(ctx, frame, parts.body, box);
  if (block) paintCells(ctx, frame, box, block, visible, nodes);
}

function paintBoxHead(
  ctx: CanvasRenderingContext2D,
  frame: GraphFrame,
  head: Rect,
  box: BoxMark,
  block: Block | undefined,
): void {
  const { palette, measurer } = frame;
  const font = `500 11px ${palette.fontUi}`;
  // What is beyond the edges takes no text with it, as long as enough is left.
  const left = Math.max(head.x, Math.min(0, head.x + head.w - LABEL_LEAST_W_PX));
  const right = Math.min(head.x + head.w, Math.max(frame.geometry.viewport.width, left + LABEL_LEAST_W_PX));
  const room = right - left - 12;
  const instances = block ? `×${count(block.instances)}` : '×?';
  const name = boxName(frame, box);
  const wordings = timeWordings(frame, box).map((times) => `${times}  ${instances}`);
  const facts = measurer.first(font, wordings, room - measurer.width(font, name)) || instances;
  ctx.font = font;
  ctx.textBaseline = 'middle';
  ctx.fillStyle = palette.ink;
  ctx.textAlign = 'right';
  const y = head.y + Math.min(head.h / 2, 10);
  ctx.fillText(facts, right - 1, y);
  ctx.textAlign = 'left';
  ctx.fillStyle = palette.ink2;
  ctx.fillText(measurer.fit(font, name, room - measurer.width(font, facts)), left + 1, y);
}

/** Execute times of the tasks in a box of the graph itself, as of the moment shown. */
export function boxTimes(frame: GraphFrame, box: BoxMark): Times {
  return frame.times.of(`box ${box.element}`, countOf(frame, box.element, stateIs.succeeded), () =>
    frame.index.tasksOfElement(0, box.element),
  );
}

/** Wordings of how long the tasks of a box executed; none of a box inside of another, which is one of many. */
function timeWordings(frame: GraphFrame, box: BoxMark): string[] {
  if (box.scope !== 0) return [];
  const { sumNs, medianNs, n } = boxTimes(frame, box);
  if (n === 0) return [];
  const total = `total ${durationText(sumNs)}`;
  return n === 1 ? [durationText(sumNs)] : [`${total}, median ${durationText(medianNs)}`, total];
}

/** A fan-out is called by the functions of its body. */
export function boxName(frame: GraphFrame, box: { readonly scope: number; readonly element: number }): string {
  const template = frame.index.graph.scopes[box.scope]!;
  const region = frame.index.graph.scopes[template.region[box.element - template.tasks] ?? 0];
  const names = new Set((region?.function ?? []).map((fn) => frame.index.names[fn]?.label ?? ''));
  return [...names].join(', ');
}

/** The body as a drawing of what each instance does: outlines, with its edges. */
function paintBody(ctx: CanvasRenderingContext2D, frame: GraphFrame, area: Rect, box: BoxMark): void {
  const { palette, view } = frame;
  const body = bodyOf(frame.geometry, box.scope, box.element);
  ctx.strokeStyle = palette.lineStrong;
  ctx.lineWidth = 1;
  ctx.globalAlpha = 0.8;
  ctx.beginPath();
  paintBodyEdges(ctx, frame, area, body);
  body.rects.forEach((_, element) => {
    const rect = toScreen(view, elementInCell(body, area, element));
    ctx.roundRect(rect.x, rect.y, rect.w, rect.h, Math.min(2.5, rect.h / 3));
  });
  ctx.stroke();
  ctx.globalAlpha = 1;
  paintBodyNames(ctx, frame, area, box);
}

/** Names of the body's functions, where there is room for them. */
function paintBodyNames(ctx: CanvasRenderingContext2D, frame: GraphFrame, area: Rect, box: BoxMark): void {
  const { palette, measurer, index, view } = frame;
  const template = index.graph.scopes[box.scope]!;
  const region = index.graph.scopes[template.region[box.element - template.tasks] ?? 0];
  const body = bodyOf(frame.geometry, box.scope, box.element);
  const font = `400 11px ${palette.fontUi}`;
  ctx.font = font;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillStyle = palette.ink3;
  region?.function.forEach((fn, element) => {
    const rect = toScreen(view, elementInCell(body, area, element));
    const name = index.names[fn];
    if (rect.h < 13 || name === undefined) return;
    ctx.fillText(functionLabel(measurer, name, font, rect.w - 6), rect.x + rect.w / 2, rect.y + rect.h / 2 + 0.5);
  });
}

function paintBodyEdges(ctx: CanvasRenderingContext2D, frame: GraphFrame, area: Rect, body: BodyShape): void {
  for (const edge of body.edges) {
    const from = toScreen(frame.view, elementInCell(body, area, edge.from));
    const to = toScreen(frame.view, elementInCell(body, area, edge.to));
    const x0 = from.x + from.w;
    const reach = Math.max(3, (to.x - x0) * 0.45);
    ctx.moveTo(x0, from.y + from.h / 2);
    ctx.bezierCurveTo(x0 + reach, from.y + from.h / 2, to.x - reach, to.y + to.h / 2, to.x, to.y + to.h / 2);
  }
}

function paintCells(
  ctx: CanvasRenderingContext2D,
  frame: GraphFrame,
  box: BoxMark,
  block: Block,
  visible: Rect,
  nodes: NodeMark[],
): void {
  const body = bodyOf(frame.geometry, box.scope, box.element);
  const { grid, each } = drawnGrid(frame, box, block);
  const rows = visibleRows(grid, visible);
  if (isDetailed(frame, grid, body, each)) {
    for (let cell = rows.first * grid.columns; cell < Math.min(grid.count, rows.last * grid.columns); cell++) {
      const rect = cellRect(grid, cell);
      if (overlaps(rect, visible)) paintInstance(ctx, frame, block, cell, rect, visible, nodes);
    }
    return;
  }
  const batch = new ShapeBatch();
  for (let cell = rows.first * grid.columns; cell < Math.min(grid.count, rows.last * grid.columns); cell++) {
    const rect = toScreen(frame.view, cellRect(grid, cell));
    const { state, node } = cellState(frame, block, cell * each, Math.min(block.instances, (cell + 1) * each));
    const style = nodeStyle(frame, node, state, rect.h, 1);
    const isTiny = Math.min(rect.w, rect.h) < 5;
    const shape = isTiny
      ? { ...style.shape, stroke: null, fill: isHollow(state) ? frame.palette.line : style.shape.fill }
      : style.shape;
    const key = style.key + (isTiny ? 'c' : '');
    batch.add(key, () => shape, rect.x, rect.y, Math.max(1, rect.w), Math.max(1, rect.h), Math.min(2, rect.h / 3));
  }
  batch.paint(ctx);
}

function visibleRows(grid: CellGrid, visible: Rect): { first: number; last: number } {
  const first = Math.floor((visible.y - grid.area.y) / grid.cellH);
  const last = Math.ceil((visible.y + visible.h - grid.area.y) / grid.cellH);
  return { first: Math.max(0, Math.min(grid.rows, first)), last: Math.max(0, Math.min(grid.rows, last)) };
}

function paintInstance(
  ctx: CanvasRenderingContext2D,
  frame: GraphFrame,
  block: Block,
  instance: number,
  cell: Rect,
  visible: Rect,
  nodes: NodeMark[],
): void {
  const body = frame.geometry.bodies[block.scope]!;
  const scope = frame.index.graph.scopes[block.scope]!;
  const first = block.first + instance * block.size;
  if (body.edges.length > 0) {
    ctx.strokeStyle = frame.palette.lineStrong;
    ctx.lineWidth = 0.8;
    ctx.beginPath();
    paintBodyEdges(ctx, frame, cell, body);
    ctx.stroke();
  }
  for (let element = 0; element < scope.tasks + scope.fanouts; element++) {
    const rect = elementInCell(body, cell, element);
    if (!overlaps(rect, visible)) continue;
    if (element < scope.tasks) {
      nodes.push({ node: first + element, rect: toScreen(frame.view, rect) });
    } else paintBox(ctx, frame, { node: first + element, scope: block.scope, element, rect }, visible, nodes);
  }
}

/**
 * What one cell shows for the instances [from, to): the worst state of their tasks, done only when all are, and of those
 * in it the one that stands out most.
 */
export function cellState(frame: GraphFrame, block: Block, from: number, to: number): { state: number; node: number } {
  const scope = frame.index.graph.scopes[block.scope]!;
  let state = -1;
  let step = NO_STEP;
  let node = block.first + from * block.size;
  const take = (own: number, ownNode: number): void => {
    const ownStep = prominence(frame.colours, ownNode);
    if (state >= 0 && (own === state ? ownStep <= step : worseState(own, state) === state)) return;
    state = own;
    step = ownStep;
    node = ownNode;
  };
  for (let instance = from; instance < to; instance++) {
    const first = block.first + instance * block.size;
    for (let task = 0; task < scope.tasks; task++) take(frame.states.state[first + task] ?? 0, first + task);
    for (let k = 0; k < scope.fanouts; k++) {
      const inner = frame.index.instancesOf(first + scope.tasks + k);
      if (!inner || inner.instances === 0) continue;
      const worst = cellState(frame, inner, 0, inner.instances);
      take(worst.state, worst.node);
    }
  }
  return { state: Math.max(0, state), node };
}
