// What the graph is drawn as when it is too dense for nodes: one box per function and level.

import type { GraphIndex } from '../model/graph-index';
import type { GraphView } from '../model/graph-view';
import { BOTTOM_PX, edgeKey, HEAD_PX, type GraphGeometry } from './graph-geometry';
import type { Rect } from './rect';

/** Below this distance between two nodes, screen px, a level is drawn as boxes of its functions. */
export const COLLAPSE_PX = 6;
/** Below this distance between two levels, screen px, several levels share their boxes. */
const LEVEL_PX = 7;

/** Tasks of one function in one level, or in several consecutive ones. */
export interface Group {
  readonly id: number;
  /** Function; -1 for the boxes of fan-outs. */
  readonly fn: number;
  readonly firstColumn: number;
  readonly lastColumn: number;
  /** Elements of the graph itself. */
  readonly elements: readonly number[];
  /** World px. */
  readonly rect: Rect;
}

/** Tasks of a group, over all instances of the fan-outs in it. */
export function* tasksOfGroup(index: GraphIndex, group: Group): Generator<number> {
  for (const element of group.elements) {
    if (group.fn >= 0) yield element;
    else yield* index.tasksOfElement(0, element);
  }
}

/** An edge between what is drawn: an element (its number) or a group (element count + its number). */
export interface GroupEdge {
  readonly from: number;
  readonly to: number;
  /** Edges of the graph that it stands for. */
  readonly edges: readonly number[];
}

/** How the graph is drawn at a zoom. */
export interface Collapse {
  /** Equal for two zooms at which the same is drawn. */
  readonly key: string;
  /** Levels that share a box, a power of two. */
  readonly levels: number;
  readonly groups: readonly Group[];
  /** By element: its group, -1 where it is drawn itself. */
  readonly groupOf: Int32Array;
  /** Edges with at least one end in a group, merged. */
  readonly edges: readonly GroupEdge[];
}

/** Works out what is drawn at each zoom; keeps the last answer, as zooming seldom crosses a limit. Owned by its stage. */
export class Collapser {
  readonly #geometry: GraphGeometry;
  #last: Collapse | null = null;
  #weights: Float64Array | null = null;
  #weighings = 0;

  constructor(geometry: GraphGeometry) {
    this.#geometry = geometry;
  }

  /** Weights: time by element, where it is known for good; boxes of much time are larger, however few tasks they are. */
  at(view: GraphView, weights: Float64Array | null = null): Collapse {
    const levels = levelsTogether(this.#geometry, view);
    const dense = this.#geometry.columns.map(
      (column) => levels > 1 || (column.elements.length > 1 && column.pitch * view.ky < COLLAPSE_PX),
    );
    if (weights !== this.#weights) this.#weighings++;
    this.#weights = weights;
    const key = `${levels}:${dense.map(Number).join('')}:${this.#weighings}`;
    if (this.#last?.key !== key) this.#last = collapse(this.#geometry, key, levels, dense, weights);
    return this.#last;
  }
}

function levelsTogether(geometry: GraphGeometry, view: GraphView): number {
  const { columns } = geometry;
  const first = columns[0];
  const last = columns.at(-1);
  if (!first || !last || columns.length < 2) return 1;
  const pitch = ((last.x - first.x) / (columns.length - 1)) * view.kx;
  let levels = 1;
  while (levels * pitch < LEVEL_PX && levels < columns.length) levels *= 2;
  return levels;
}

function collapse(
  geometry: GraphGeometry,
  key: string,
  levels: number,
  dense: readonly boolean[],
  weights: Float64Array | null,
): Collapse {
  const groupOf = new Int32Array(geometry.rects.length).fill(-1);
  const groups: Group[] = [];
  for (let first = 0; first < geometry.columns.length; first += levels) {
    const last = Math.min(first + levels, geometry.columns.length) - 1;
    if (!dense[first]) continue;
    for (const group of groupColumns(geometry, first, last, groups.length, weights)) {
      for (const element of group.elements) groupOf[element] = group.id;
      groups.push(group);
    }
  }
  return { key, levels, groups, groupOf, edges: groups.length === 0 ? [] : mergeEdges(geometry, groupOf) };
}

/**
 * Boxes of some levels, in the order of the layout: each function has a share of their height by its number of tasks or
 * by their time, whichever is more. Together they are high enough for a line on each, where the picture is.
 */
function groupColumns(
  geometry: GraphGeometry,
  first: number,
  last: number,
  nextId: number,
  weights: Float64Array | null,
): Group[] {
  const byFunction = new Map<number, number[]>();
  const scope = geometry.graph.scopes[0]!;
  let top = Infinity;
  let bottom = -Infinity;
  for (const column of geometry.columns.slice(first, last + 1)) {
    for (const element of column.elements) {
      const fn = element < scope.tasks ? scope.function[element]! : -1;
      const elements = byFunction.get(fn);
      if (elements) elements.push(element);
      else byFunction.set(fn, [element]);
      const rect = geometry.rects[element]!;
      top = Math.min(top, rect.y);
      bottom = Math.max(bottom, rect.y + rect.h);
    }
  }
  const parts = [...byFunction.entries()].sort((a, b) => middleOf(geometry, a[1]) - middleOf(geometry, b[1]));
  const x = geometry.columns[first]!.x;
  const w = geometry.columns[last]!.x + geometry.columns[last]!.w - x;
  const worldBottom = geometry.viewport.height - BOTTOM_PX;
  const h = Math.max(bottom - top, Math.min(parts.length * LINE_PX, worldBottom - HEAD_PX), 1);
  top = Math.max(HEAD_PX, Math.min((top + bottom - h) / 2, worldBottom - h));
  const counts = shareOf(parts.map(([, elements]) => elements.length));
  const times = shareOf(parts.map(([, elements]) => timeOf(elements, weights)));
  const wanted = counts.map((share, i) => Math.max(share, times[i]!));
  const shares = shareOut(wanted, LINE_PX / h, GAP_PX / h);
  return parts.map(([fn, elements], i) => ({
    id: nextId + i,
    fn,
    firstColumn: first,
    lastColumn: last,
    elements,
    rect: { x, y: top + shares[i]!.from * h, w, h: (shares[i]!.to - shares[i]!.from) * h },
  }));
}

/** Px of a box with a line of text on it, with the gap below it. */
const LINE_PX = 22;
const GAP_PX = 3;

function timeOf(elements: readonly number[], weights: Float64Array | null): number {
  let time = 0;
  for (const element of elements) time += weights?.[element] ?? 0;
  return time;
}

function shareOf(amounts: readonly number[]): number[] {
  const total = amounts.reduce((sum, amount) => sum + amount, 0);
  return amounts.map((amount) => (total > 0 ? amount / total : 0));
}

/** Cuts a height by weights, none below a least share as long as all fit. */
function shareOut(weights: readonly number[], leastShare: number, gapShare: number): { from: number; to: number }[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  const least = Math.min(leastShare, 1 / weights.length);
  const spare = 1 - least * weights.length;
  const over = weights.map((weight) => Math.max(0, weight / total - least));
  const overall = over.reduce((sum, more) => sum + more, 0);
  const gap = weights.length > 1 ? Math.min(gapShare, 0.2 / weights.length) : 0;
  let at = 0;
  return over.map((more) => {
    const from = at;
    at += overall > 0 ? least + (more / overall) * spare : 1 / weights.length;
    return { from, to: at - gap };
  });
}

function middleOf(geometry: GraphGeometry, elements: readonly number[]): number {
  let total = 0;
  for (const element of elements) total += geometry.rects[element]!.y;
  return total / elements.length;
}

function mergeEdges(geometry: GraphGeometry, groupOf: Int32Array): GroupEdge[] {
  const elements = groupOf.length;
  const drawn = (element: number): number => (groupOf[element]! < 0 ? element : elements + groupOf[element]!);
  const merged = new Map<number, { from: number; to: number; edges: number[] }>();
  geometry.edges.forEach((edge, i) => {
    if (groupOf[edge.from]! < 0 && groupOf[edge.to]! < 0) return;
    const from = drawn(edge.from);
    const to = drawn(edge.to);
    if (from === to) return;
    const key = edgeKey(from, to);
    const known = merged.get(key);
    if (known) known.edges.push(i);
    else merged.set(key, { from, to, edges: [i] });
  });
  return [...merged.values()];
}
