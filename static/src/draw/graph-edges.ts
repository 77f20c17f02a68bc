// Edges of the graph: what each looks like at a moment, and their paths.

import type { GraphView } from '../model/graph-view';
import { sizeOf } from '../model/edges';
import { RowFlag } from '../model/run-table';
import type { EdgeLayout } from '../model/layout';
import type { EdgeEnds } from './edge-ends';
import { countOf, toScreen, visibleWorld, type GraphFrame } from './graph-frame';
import { viaY, type GraphGeometry } from './graph-geometry';
import { nodeRect, rootElement } from './graph-places';
import { stateIs } from './mark-state';
import type { Rect } from './rect';

const MIB = 1024 * 1024;
/** An edge's width is the root of its bytes, at least this much, and never a bar. Screen px at zoom 1. */
const THIN = 0.7;
const PER_ROOT_MIB = 0.3;
const WIDEST = 7;
/** Up to here a value is small: it has the least width. */
const SMALL_BYTES = 65536;
/** Widths are rounded to this, so that edges can be painted in few strokes. */
const STEP = 0.4;

/** Width for an output of so many bytes; NaN = not known yet. */
export function edgeWidth(bytes: number): number {
  const width = bytes > SMALL_BYTES ? Math.max(THIN + 0.2, Math.sqrt(bytes / MIB) * PER_ROOT_MIB) : THIN;
  return Math.min(WIDEST, Math.round(width / STEP) * STEP || THIN);
}

/** Edges grow with the root of the zoom: they stay lines. */
export function edgeScale(frame: GraphFrame): number {
  return Math.min(2, Math.max(0.7, Math.sqrt(Math.min(frame.view.kx, frame.view.ky))));
}

/** Bytes that an edge carries so far: what is read of the output of its task; NaN for boxes and what is not known. */
export function edgeBytes(frame: GraphFrame, edge: EdgeLayout): number {
  const row = isTaskElement(frame, edge.from) ? (frame.states.row[edge.from] ?? -1) : -1;
  if (row < 0 || !(frame.table.endedNs[row]! <= frame.atNs)) return NaN;
  return frame.index.readBytes(edge.from, edge.to) ?? sizeOf(frame.table, row);
}

export function isTaskElement(frame: GraphFrame, element: number): boolean {
  return element < (frame.index.graph.scopes[0]?.tasks ?? 0);
}

/** How far an edge has come: drawn fainter the less of it is real. */
export const EdgeReach = { future: 0, produced: 1, taken: 2 } as const;

/** Opacity by reach. */
export const REACH_ALPHA: readonly number[] = [0.42, 0.6, 0.75];

export function edgeReach(frame: GraphFrame, edge: EdgeLayout): number {
  if (isTaken(frame, edge.to)) return EdgeReach.taken;
  const total = frame.elements.totals[edge.from]!;
  const done = countOf(frame, edge.from, stateIs.succeeded) + countOf(frame, edge.from, stateIs.cached);
  return total > 0 && done === total ? EdgeReach.produced : EdgeReach.future;
}

/** Some task of the element has been claimed. */
function isTaken(frame: GraphFrame, element: number): boolean {
  if (isTaskElement(frame, element)) {
    const row = frame.states.row[element] ?? -1;
    return row >= 0 && frame.table.claimedNs[row]! <= frame.atNs;
  }
  const unclaimed = [stateIs.pending, stateIs.ready, stateIs['not run']];
  const waiting = unclaimed.reduce((sum, state) => sum + countOf(frame, element, state), 0);
  return frame.elements.totals[element]! > waiting;
}

/** Both ends ran on one worker, and the value was worth moving: it never left. Small values travel with the claim. */
export function isLocal(frame: GraphFrame, edge: EdgeLayout): boolean {
  if (!isTaskElement(frame, edge.from) || !isTaskElement(frame, edge.to)) return false;
  const { states, table, atNs } = frame;
  const from = states.row[edge.from] ?? -1;
  const to = states.row[edge.to] ?? -1;
  if (from < 0 || to < 0 || !(table.claimedNs[to]! <= atNs)) return false;
  return table.worker[from] === table.worker[to] && edgeBytes(frame, edge) > SMALL_BYTES;
}

/** Bytes move along it now: its task fetches, and this input is in the store and was made elsewhere. */
function isMoving(frame: GraphFrame, edge: EdgeLayout, consumerRow: number): boolean {
  if (!isTaskElement(frame, edge.from)) return true;
  const { states, table } = frame;
  const from = states.row[edge.from] ?? -1;
  if (from < 0 || table.worker[from] === table.worker[consumerRow]) return false;
  return (table.flags[from]! & RowFlag.stored) !== 0;
}

/** Numbers of the edges along which bytes move now. */
export function movingEdges(frame: GraphFrame): Set<number> {
  const moving = new Set<number>();
  const { state, row } = frame.states;
  for (let node = 0; node < frame.index.nodes; node++) {
    if (state[node] !== stateIs.fetching) continue;
    for (const i of frame.ends.into(rootElement(frame.index, node)))
      if (isMoving(frame, frame.geometry.edges[i]!, row[node]!)) moving.add(i);
  }
  return moving;
}

/** Edges at the selected task, where it is in the graph itself. */
export function selectedEdges(frame: GraphFrame): readonly number[] {
  const { selected, index, ends } = frame;
  if (selected < 0 || selected >= index.nodes || index.expansionOf(selected) >= 0) return [];
  const { element } = index.elementOf(selected);
  return [...ends.into(element), ...ends.from(element)];
}

/** A straight link between two tasks, world px: where no edge of the layout joins them. */
export interface Link {
  readonly from: Rect;
  readonly to: Rect;
}

/** At most this many links: beyond, they say no more than the box does. */
const MOST_LINKS = 200;

/** Links from and to a selected task that is inside a fan-out. */
export function selectedLinks(frame: GraphFrame): Link[] {
  const { selected, index, geometry } = frame;
  if (selected < 0 || selected >= index.nodes || index.expansionOf(selected) < 0) return [];
  const own = nodeRect(geometry, index, selected);
  if (!own) return [];
  const rects = (nodes: number[]): Rect[] =>
    nodes.slice(0, MOST_LINKS).flatMap((node) => nodeRect(geometry, index, node) ?? []);
  return [
    ...rects(index.parents(selected)).map((from) => ({ from, to: own })),
    ...rects(index.children(selected)).map((to) => ({ from: own, to })),
  ];
}

/** A path as edges: by number where the layout has them, else as links. */
interface PathEdges {
  readonly edges: ReadonlySet<number>;
  readonly links: readonly Link[];
}

/** Of the path that was drawn last with a layout: one of ten thousand tasks is not looked up in each frame. */
const pathsKept = new WeakMap<EdgeEnds, { readonly path: readonly number[]; readonly nodes: number } & PathEdges>();

/** Edges of the critical path. */
export function pathEdges(frame: GraphFrame): PathEdges {
  const { index, ends } = frame;
  const path = frame.path ?? [];
  const known = pathsKept.get(ends);
  if (known?.path === path && known.nodes === index.nodes) return known;
  const made = { path, nodes: index.nodes, ...edgesAlong(frame, path) };
  pathsKept.set(ends, made);
  return made;
}

function edgesAlong({ index, geometry, ends }: GraphFrame, path: readonly number[]): PathEdges {
  const edges = new Set<number>();
  const links: Link[] = [];
  for (let i = 1; i < path.length; i++) {
    const a = path[i - 1]!;
    const b = path[i]!;
    if (a >= index.nodes || b >= index.nodes) continue;
    const isTop = index.expansionOf(a) < 0 && index.expansionOf(b) < 0;
    const known = isTop ? ends.between(a, b) : undefined;
    if (known !== undefined) {
      edges.add(known);
      continue;
    }
    const from = nodeRect(geometry, index, a);
    const to = nodeRect(geometry, index, b);
    if (from && to) links.push({ from, to });
  }
  return { edges, links };
}

/** How far an edge leaves its ends straight: a share of its way, at least some px. */
export const STRAIGHT = 8;
export const BEND = 0.45;

/** Adds the path of an edge of the layout, screen px. */
export function traceEdge(
  ctx: CanvasRenderingContext2D,
  geometry: GraphGeometry,
  view: GraphView,
  edge: EdgeLayout,
): void {
  const from = geometry.rects[edge.from]!;
  const to = geometry.rects[edge.to]!;
  let x = (from.x + from.w) * view.kx + view.ox;
  let y = (from.y + from.h / 2) * view.ky + view.oy;
  ctx.moveTo(x, y);
  const first = geometry.columnOf[edge.from]! + 1;
  for (let i = 0; i < edge.via.length; i++) {
    const column = geometry.columns[first + i];
    if (!column) break;
    const left = column.x * view.kx + view.ox;
    const level = viaY(geometry, edge.via[i]!) * view.ky + view.oy;
    bend(ctx, x, y, left, level);
    x = left + column.w * view.kx;
    y = level;
    ctx.lineTo(x, y);
  }
  bend(ctx, x, y, to.x * view.kx + view.ox, (to.y + to.h / 2) * view.ky + view.oy);
}

/** Adds a straight link's path. */
export function traceLink(ctx: CanvasRenderingContext2D, view: GraphView, link: Link): void {
  const from = toScreen(view, link.from);
  const to = toScreen(view, link.to);
  ctx.moveTo(from.x + from.w, from.y + from.h / 2);
  bend(ctx, from.x + from.w, from.y + from.h / 2, to.x, to.y + to.h / 2);
}

function bend(ctx: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  const reach = Math.max(STRAIGHT, (x1 - x0) * BEND);
  ctx.bezierCurveTo(x0 + reach, y0, x1 - reach, y1, x1, y1);
}

/** Whether an edge may be seen. */
export function isEdgeVisible(geometry: GraphGeometry, i: number, world: Rect): boolean {
  const edge = geometry.edges[i]!;
  const left = geometry.rects[edge.from]!;
  const right = geometry.rects[edge.to]!;
  if (left.x + left.w > world.x + world.w || right.x < world.x) return false;
  return geometry.edgeTop[i]! <= world.y + world.h && geometry.edgeBottom[i]! >= world.y;
}

/** Calls visit for the edges drawn one by one that may be seen. */
export function eachVisibleEdge(frame: GraphFrame, visit: (i: number, edge: EdgeLayout) => void): void {
  const { geometry, collapse } = frame;
  const world = visibleWorld(frame);
  for (let i = 0; i < geometry.edges.length; i++) {
    const edge = geometry.edges[i]!;
    if (collapse.groupOf[edge.from]! >= 0 || collapse.groupOf[edge.to]! >= 0) continue;
    if (isEdgeVisible(geometry, i, world)) visit(i, edge);
  }
}

/** What is drawn at one end of a merged edge, world px. */
export function drawnRect(frame: GraphFrame, drawn: number): Rect {
  const elements = frame.collapse.groupOf.length;
  return drawn < elements ? frame.geometry.rects[drawn]! : frame.collapse.groups[drawn - elements]!.rect;
}
