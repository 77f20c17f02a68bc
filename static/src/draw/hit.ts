// What of the graph is at a point of the screen: pure functions over the geometry that painting uses.

import type { EdgeLayout } from '../model/layout';
import { BEND, eachVisibleEdge, edgeBytes, edgeWidth, movingEdges, STRAIGHT } from './graph-edges';
import { toScreen, type GraphFrame } from './graph-frame';
import { viaY } from './graph-geometry';
import { groupScreenRect, groupTimes } from './graph-group-marks';
import type { Group } from './graph-groups';
import type { Times } from './graph-times';
import { boxTimes, drawnGrid, isDetailed, type BoxMark } from './graph-boxes';
import { bodyOf, cellAt, cellRect, elementInCell } from './graph-places';
import { STATES, stateName } from './mark-state';
import type { LaneHit } from './lane-hit';
import { contains } from './rect';
import type { TaskState } from '../model/task-state';
import { tallyAt, type TallyPart } from './state-tally';

/** What a pointer can be over, best first: a mark, then an edge. */
export type GraphHit =
  | { readonly kind: 'task'; readonly node: number }
  | {
      readonly kind: 'fanout';
      readonly node: number;
      /** Of its tasks; null for a box inside of another. */
      readonly tasks: Tally | null;
    }
  | {
      readonly kind: 'group';
      /** -1 for fan-outs. */
      readonly fn: number;
      readonly level: number;
      readonly levels: number;
      readonly tasks: Tally;
    }
  | {
      readonly kind: 'edge';
      /** Elements of the graph itself: tasks, or boxes of fan-outs. */
      readonly from: number;
      readonly to: number;
      /** NaN = not known. */
      readonly bytes: number;
      readonly moving: boolean;
    };

/** Tasks of one mark as of the moment shown. */
export interface Tally {
  readonly total: number;
  readonly counts: Readonly<Partial<Record<TaskState, number>>>;
  readonly times: Times;
}

/** Client px of the pointer, for what explains the hit. */
interface At {
  readonly x: number;
  readonly y: number;
}

export type GraphHover = GraphHit & At;
export type LaneHover = LaneHit & At;

/** Marks answer this far outside of themselves, edges this far from their line, screen px. */
const MARK_MARGIN = 1;
const EDGE_MARGIN = 4;

/** The best hit at a point of the screen. Cost: two bisections, and the edges that cross the point's x. */
export function hitGraph(frame: GraphFrame, x: number, y: number): GraphHit | null {
  return hitGroup(frame, x, y) ?? hitElement(frame, x, y) ?? hitEdge(frame, x, y);
}

function hitGroup(frame: GraphFrame, x: number, y: number): GraphHit | null {
  // Few groups have an extent wider than a pointer: the nearest within the margin is meant.
  for (const group of frame.collapse.groups) {
    if (contains(groupScreenRect(frame, group), x, y, MARK_MARGIN)) return describeGroup(frame, group);
  }
  return null;
}

function describeGroup(frame: GraphFrame, group: Group): GraphHit {
  const levels = group.lastColumn - group.firstColumn + 1;
  const tasks = tally(tallyAt(frame.groups, group.id), groupTimes(frame, group));
  return { kind: 'group', fn: group.fn, level: group.firstColumn, levels, tasks };
}

function tally({ counts, total }: TallyPart, times: Times): Tally {
  const named: Partial<Record<TaskState, number>> = {};
  for (let state = 0; state < STATES; state++) if (counts[state]! > 0) named[stateName(state)] = counts[state]!;
  return { total, counts: named, times };
}

function hitElement(frame: GraphFrame, x: number, y: number): GraphHit | null {
  const { geometry, view, collapse, index } = frame;
  const wx = (x - view.ox) / view.kx;
  const wy = (y - view.oy) / view.ky;
  const marginX = MARK_MARGIN / view.kx;
  const column = geometry.columns[columnAt(frame, wx)];
  if (!column || wx < column.x - marginX || wx > column.x + column.w + marginX) return null;
  const element = nearestInColumn(frame, column.elements, wy);
  if (element < 0 || collapse.groupOf[element]! >= 0) return null;
  const rect = geometry.rects[element]!;
  if (!contains(toScreen(view, rect), x, y, MARK_MARGIN)) return null;
  if (element < (index.graph.scopes[0]?.tasks ?? 0)) return { kind: 'task', node: element };
  return hitBox(frame, { node: element, scope: 0, element, rect }, wx, wy);
}

/** The last column that begins at or before x, allowing for the margin. */
function columnAt(frame: GraphFrame, wx: number): number {
  const { columns } = frame.geometry;
  const at = wx + MARK_MARGIN / frame.view.kx;
  let low = 0;
  let high = columns.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (columns[middle]!.x <= at) low = middle;
    else high = middle;
  }
  return low;
}

/** The element of a column whose rectangle is nearest to y; elements are in order of their middles. */
function nearestInColumn(frame: GraphFrame, elements: readonly number[], wy: number): number {
  const middleOf = (i: number): number => {
    const rect = frame.geometry.rects[elements[i]!]!;
    return rect.y + rect.h / 2;
  };
  let low = 0;
  let high = elements.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (middleOf(middle) < wy) low = middle + 1;
    else high = middle;
  }
  const distance = (i: number): number => {
    const rect = frame.geometry.rects[elements[i]!];
    return rect ? Math.max(rect.y - wy, wy - rect.y - rect.h) : Infinity;
  };
  const best = distance(low - 1) < distance(low) ? low - 1 : low;
  return elements[best] ?? -1;
}

/** In a box: the task under the pointer, as deep as tasks are drawn; else the box. wx, wy in world px. */
function hitBox(frame: GraphFrame, box: BoxMark, wx: number, wy: number): GraphHit {
  const tasks = box.scope === 0 ? tally(tallyAt(frame.elements, box.element), boxTimes(frame, box)) : null;
  const whole: GraphHit = { kind: 'fanout', node: box.node, tasks };
  const block = frame.index.instancesOf(box.node);
  if (!block || block.instances === 0) return whole;
  const body = bodyOf(frame.geometry, box.scope, box.element);
  const { grid, each } = drawnGrid(frame, box, block);
  const cell = cellAt(grid, wx, wy);
  if (cell < 0 || each > 1) return whole;
  const scope = frame.index.graph.scopes[block.scope]!;
  const first = block.first + cell * block.size;
  const rect = cellRect(grid, cell);
  if (!isDetailed(frame, grid, body, each)) {
    return contains(rect, wx, wy) && scope.tasks + scope.fanouts === 1 && scope.tasks === 1
      ? { kind: 'task', node: first }
      : whole;
  }
  for (let element = 0; element < scope.tasks + scope.fanouts; element++) {
    const own = elementInCell(body, rect, element);
    if (!contains(own, wx, wy)) continue;
    if (element < scope.tasks) return { kind: 'task', node: first + element };
    return hitBox(frame, { node: first + element, scope: block.scope, element, rect: own }, wx, wy);
  }
  return whole;
}

function hitEdge(frame: GraphFrame, x: number, y: number): GraphHit | null {
  let best = -1;
  let least = EDGE_MARGIN;
  eachVisibleEdge(frame, (i, edge) => {
    const level = edgeYAt(frame, edge, x);
    const away = Math.abs(level - y) - edgeWidth(edgeBytes(frame, edge)) / 2;
    if (away < least) {
      least = away;
      best = i;
    }
  });
  if (best < 0) return null;
  const edge = frame.geometry.edges[best]!;
  const bytes = edgeBytes(frame, edge);
  return { kind: 'edge', from: edge.from, to: edge.to, bytes, moving: movingEdges(frame).has(best) };
}

/** Height at which an edge passes a screen x; NaN where it does not. */
export function edgeYAt(frame: GraphFrame, edge: EdgeLayout, x: number): number {
  const { geometry, view } = frame;
  const from = toScreen(view, geometry.rects[edge.from]!);
  const to = toScreen(view, geometry.rects[edge.to]!);
  if (x < from.x + from.w || x > to.x) return NaN;
  let x0 = from.x + from.w;
  let y0 = from.y + from.h / 2;
  const first = geometry.columnOf[edge.from]! + 1;
  for (let i = 0; i < edge.via.length; i++) {
    const column = geometry.columns[first + i];
    if (!column) break;
    const left = column.x * view.kx + view.ox;
    const level = viaY(geometry, edge.via[i]!) * view.ky + view.oy;
    if (x <= left) return bendY(x0, y0, left, level, x);
    x0 = left + column.w * view.kx;
    y0 = level;
    if (x <= x0) return level;
  }
  return bendY(x0, y0, to.x, to.y + to.h / 2, x);
}

/** The bend of traceEdge is symmetric, so its height at an x is that of the Bézier's parameter there, by bisection. */
function bendY(x0: number, y0: number, x1: number, y1: number, x: number): number {
  const reach = Math.max(STRAIGHT, (x1 - x0) * BEND);
  let low = 0;
  let high = 1;
  for (let i = 0; i < 24; i++) {
    const t = (low + high) / 2;
    const u = 1 - t;
    const at = u * u * u * x0 + 3 * u * u * t * (x0 + reach) + 3 * u * t * t * (x1 - reach) + t * t * t * x1;
    if (at < x) low = t;
    else high = t;
  }
  const t = (low + high) / 2;
  return y0 + (y1 - y0) * t * t * (3 - 2 * t);
}
