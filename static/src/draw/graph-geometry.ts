// Where the graph's elements are, in world px: at zoom 1 the world fills the viewport exactly.

import type { Graph } from '../model/graph';
import type { EdgeLayout, Layout, ScopeLayout } from '../model/layout';
import { columnPlaces } from './graph-columns';
import { spreadMiddles } from './graph-spread';
import type { Rect, Viewport } from './rect';

/** One level of the graph itself. */
export interface GraphColumn {
  readonly x: number;
  readonly w: number;
  /** Elements, top to bottom. */
  readonly elements: readonly number[];
  /** The one task of a level, which has a node of two lines. */
  readonly isSingle: boolean;
  /** Least distance between the middles of two elements. */
  readonly pitch: number;
  /** Functions of its tasks, the commonest first. */
  readonly functions: readonly number[];
}

/** The body of a fan-out in shares of whatever it is drawn into. */
export interface BodyShape {
  readonly rects: readonly Rect[];
  readonly edges: readonly EdgeLayout[];
  readonly columns: number;
  readonly height: number;
}

export interface GraphGeometry {
  readonly graph: Graph;
  readonly layout: Layout;
  readonly viewport: Viewport;
  readonly columns: readonly GraphColumn[];
  /** By element of the graph itself. */
  readonly rects: readonly Rect[];
  readonly columnOf: readonly number[];
  readonly edges: readonly EdgeLayout[];
  /** By edge, its extent down: least and greatest y. */
  readonly edgeTop: Float32Array;
  readonly edgeBottom: Float32Array;
  /** Px of one unit of the layout. */
  readonly unit: number;
  /** By scope; that of the graph itself is empty. */
  readonly bodies: readonly BodyShape[];
}

/** Room for the heads of columns above the graph, screen px, and below it. */
export const HEAD_PX = 46;
export const BOTTOM_PX = 16;

/** Height of a node of one line, and of two, at zoom 1. */
const NODE_H = 20;
const TWO_LINE_H = 36;
const TWO_LINE_H_NARROW = 30;
/** Share of the pitch that a node fills; the rest is the gap. */
const FILL = 0.74;

const EMPTY_BODY: BodyShape = { rects: [], edges: [], columns: 0, height: 0 };

/**
 * Builds the geometry of a layout for a viewport; weights are times by element, which make the columns readable that
 * took much. Cost: the elements and edges of the templates, once.
 */
export function graphGeometry(
  graph: Graph,
  layout: Layout,
  viewport: Viewport,
  weights: Float64Array | null = null,
): GraphGeometry {
  const scope = layout.scopes[0] ?? { columns: 0, height: 1, column: [], y: [], size: [], edges: [] };
  const tasks = graph.scopes[0]?.tasks ?? 0;
  const innerH = Math.max(40, viewport.height - HEAD_PX - BOTTOM_PX);
  const unit = innerH / Math.max(1, scope.height);
  const members = elementsByColumn(scope);
  const middles = spreadMiddles(scope, members, unit, innerH);
  const places = columnPlaces(graph, layout, members, viewport, weights);
  const columns = members.map((elements, i): GraphColumn => {
    const own = elements.filter((element) => element < tasks);
    return {
      ...places[i]!,
      elements,
      isSingle: elements.length === 1 && own.length === 1,
      pitch: pitchOf(middles, elements, innerH),
      functions: commonest(own.map((element) => graph.scopes[0]!.function[element] ?? 0)),
    };
  });
  const rects = scope.column.map((column, element): Rect => {
    const { x, w, isSingle, pitch } = columns[column]!;
    const middle = HEAD_PX + middles[element]!;
    const h = element < tasks ? nodeHeight(isSingle, pitch, viewport.narrow) : boxHeight(scope.size[element]!, unit);
    return { x, y: middle - h / 2, w, h };
  });
  const extents = edgeExtents(scope, rects, unit);
  return {
    graph,
    layout,
    viewport,
    columns,
    rects,
    columnOf: scope.column,
    edges: scope.edges,
    ...extents,
    unit,
    bodies: layout.scopes.map((body, i) => (i === 0 ? EMPTY_BODY : bodyShape(graph, layout, i, body))),
  };
}

/** Two elements of a scope as one number. */
export function edgeKey(from: number, to: number): number {
  return from * 2 ** 24 + to;
}

/** World y at which an edge passes a column. */
export function viaY(geometry: GraphGeometry, via: number): number {
  return HEAD_PX + via * geometry.unit;
}

function elementsByColumn(scope: ScopeLayout): number[][] {
  const columns = Array.from({ length: scope.columns }, (): number[] => []);
  scope.column.forEach((column, element) => columns[column]?.push(element));
  for (const elements of columns) elements.sort((a, b) => scope.y[a]! - scope.y[b]!);
  return columns;
}

/** Least distance between adjacent elements, top to bottom; the whole height for one alone. */
function pitchOf(middles: ArrayLike<number>, elements: readonly number[], height: number): number {
  let least = height;
  for (let i = 1; i < elements.length; i++)
    least = Math.min(least, middles[elements[i]!]! - middles[elements[i - 1]!]!);
  return Math.max(least, 1e-6);
}

function commonest(functions: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const fn of functions) counts.set(fn, (counts.get(fn) ?? 0) + 1);
  return [...counts.entries()].sort((a, b) => b[1] - a[1]).map(([fn]) => fn);
}

function nodeHeight(isSingle: boolean, pitch: number, narrow: boolean): number {
  const two = narrow ? TWO_LINE_H_NARROW : TWO_LINE_H;
  if (isSingle || pitch * FILL >= two + 4) return Math.min(two, pitch * FILL);
  return Math.min(NODE_H, pitch * FILL);
}

function boxHeight(size: number, unit: number): number {
  return Math.max(1, size * unit - Math.min(8, unit * (1 - FILL)));
}

function edgeExtents(scope: ScopeLayout, rects: readonly Rect[], unit: number) {
  const edgeTop = new Float32Array(scope.edges.length);
  const edgeBottom = new Float32Array(scope.edges.length);
  scope.edges.forEach((edge, i) => {
    const from = rects[edge.from]!.y + rects[edge.from]!.h / 2;
    const to = rects[edge.to]!.y + rects[edge.to]!.h / 2;
    let top = Math.min(from, to);
    let bottom = Math.max(from, to);
    for (const via of edge.via) {
      const y = HEAD_PX + via * unit;
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
    edgeTop[i] = top;
    edgeBottom[i] = bottom;
  });
  return { edgeTop, edgeBottom };
}

/** Share of a body's column that its nodes are wide; the rest is for edges. */
const BODY_NODE_W = 0.84;

function bodyShape(graph: Graph, layout: Layout, number: number, body: ScopeLayout): BodyShape {
  const tasks = graph.scopes[number]?.tasks ?? 0;
  const columns = Math.max(1, body.columns);
  const height = Math.max(1, body.height);
  // With one column nothing runs next to the nodes, so they take the whole width.
  const w = columns === 1 ? 1 : BODY_NODE_W / columns;
  const gap = columns === 1 ? 0 : (1 - BODY_NODE_W) / (columns - 1);
  const members = elementsByColumn(body);
  const pitches = members.map((elements) => pitchOf(body.y, elements, height) / height);
  const rects = body.column.map((column, element): Rect => {
    const pitch = pitches[column]!;
    const h = element < tasks ? Math.min(1, pitch * 0.86, 1.6 / height) : (body.size[element]! / height) * 0.94;
    return { x: column * (w + gap), y: body.y[element]! / height - h / 2, w, h };
  });
  return { rects, edges: layout.scopes[number]?.edges ?? [], columns, height };
}
