// Across: how wide the columns of the graph are, and how far apart.

import { functionNamesOf } from '../model/function-names';
import type { Graph } from '../model/graph';
import type { Layout } from '../model/layout';
import type { Viewport } from './rect';

export interface ColumnPlace {
  readonly x: number;
  readonly w: number;
}

/** Px left and right of the graph at zoom 1. */
const SIDE_PX = 18;

/** Widths by what a column holds: one task (name and time), many (a mark), some (a name). [wide, narrow] viewport. */
const SINGLE_W = [104, 92] as const;
const DENSE_W = [84, 76] as const;
const NODE_W = [112, 60] as const;
/** From this many tasks on a column is dense. */
const DENSE = 24;
/** A box of a fan-out: with a body of one level, and for each further one. */
const BOX_W = [168, 120] as const;
const BOX_MORE_W = [72, 44] as const;
const BOX_LEVELS = 4;
/** Where there is room, boxes grow up to this, taking at most this share of what is free. */
const BOX_MOST_W = 520;
const BOX_SHARE = 0.5;

/** Where there is room, columns grow until names fit, up to this, taking at most this share of what is free. */
const NAME_MOST_W = 190;
const NAME_SHARE = 0.6;
/** Px of a character of a name, and of what stands next to it. */
const CHARACTER_W = 6.7;
const AROUND_NAME_W = 25;

/** A column with this share of the time of the run stays this wide, [wide, narrow] viewport, where all are scaled down. */
const HEAVY_SHARE = 0.08;
const HEAVY_W = [104, 88] as const;
/** Such columns take at most this share of the room. */
const HEAVY_ROOM = 0.5;

/** Least px for the edges between two columns, as long as all fit. */
const GAP_PX = 24;
/** A gap grows with the root of the edges that cross it, so that dense ones stay readable. */
const GAP_PER_ROOT = 0.24;

/**
 * Place of each column: natural widths with the rest as gaps. Where they do not fit they are scaled down, all but those
 * that took much of the time; weights are times by element, null where they are not known.
 */
export function columnPlaces(
  graph: Graph,
  layout: Layout,
  members: readonly (readonly number[])[],
  viewport: Viewport,
  weights: Float64Array | null,
): ColumnPlace[] {
  const room = Math.max(1, viewport.width - 2 * SIDE_PX);
  const natural = members.map((elements) => columnWidth(graph, layout, elements, viewport.narrow));
  const wanted = growForNames(graph, members, growBoxes(graph, members, natural, room), room);
  const gaps = Math.max(0, members.length - 1);
  const least = leastWidths(members, viewport, weights, room);
  const scale = scaleFor(wanted, least, room, gaps * GAP_PX);
  const widths = wanted.map((width, i) => Math.max(width * scale, Math.min(width, least[i]!)));
  const crossings = gapWeights(layout, members.length);
  const free = room - sum(widths);
  // A graph of few levels does not fly apart: gaps grow to a share of the room only, and the rest is left at both ends.
  const widest = gaps === 0 ? 0 : Math.min(free, gaps * Math.max(GAP_PX * scale, room * 0.32));
  const weight = sum(crossings) || 1;
  let x = SIDE_PX + (free - widest) / 2;
  return widths.map((width, i) => {
    const place = { x, w: width };
    x += place.w + ((crossings[i] ?? 0) / weight) * widest;
    return place;
  });
}

/** What columns are not scaled down below: those in which much of the time went. */
function leastWidths(
  members: readonly (readonly number[])[],
  viewport: Viewport,
  weights: Float64Array | null,
  room: number,
): number[] {
  if (weights === null) return members.map(() => 0);
  const times = members.map((elements) => sum(elements.map((element) => weights[element] ?? 0)));
  const share = HEAVY_SHARE * sum(times);
  const heavy = times.filter((time) => time > 0 && time >= share).length;
  const least = Math.min(HEAVY_W[viewport.narrow ? 1 : 0], (HEAVY_ROOM * room) / Math.max(1, heavy));
  return times.map((time) => (time > 0 && time >= share ? least : 0));
}

/** By what widths and gaps are scaled so that they fit; widths stay above their least. */
function scaleFor(widths: readonly number[], least: readonly number[], room: number, gapsPx: number): number {
  let scale = 1;
  for (;;) {
    let fixed = 0;
    let scaled = gapsPx;
    widths.forEach((width, i) => {
      if (width * scale <= least[i]!) fixed += Math.min(width, least[i]!);
      else scaled += width;
    });
    const next = Math.min(scale, (room - fixed) / Math.max(scaled, 1e-6));
    if (next >= scale) return scale;
    scale = next;
  }
}

function columnWidth(graph: Graph, layout: Layout, elements: readonly number[], narrow: boolean): number {
  const pick = (pair: readonly [number, number]): number => pair[narrow ? 1 : 0];
  const scope = graph.scopes[0];
  if (!scope) return pick(NODE_W);
  let levels = 0;
  for (const element of elements) {
    if (element < scope.tasks) continue;
    const region = scope.region[element - scope.tasks] ?? 0;
    levels = Math.max(levels, Math.min(BOX_LEVELS, layout.scopes[region]?.columns ?? 1));
  }
  if (levels > 0) return pick(BOX_W) + (levels - 1) * pick(BOX_MORE_W);
  if (elements.length === 1) return pick(SINGLE_W);
  return elements.length > DENSE ? pick(DENSE_W) : pick(NODE_W);
}

/** Boxes are worth looking into, so they get a part of the room that would become gaps. */
function growBoxes(
  graph: Graph,
  members: readonly (readonly number[])[],
  widths: readonly number[],
  room: number,
): number[] {
  const tasks = graph.scopes[0]?.tasks ?? 0;
  const isBox = members.map((elements) => elements.some((element) => element >= tasks));
  const boxes = isBox.filter(Boolean).length;
  const free = room - sum(widths) - (members.length - 1) * GAP_PX * 3;
  if (boxes === 0 || free <= 0) return [...widths];
  const more = (free * BOX_SHARE) / boxes;
  return widths.map((width, i) => (isBox[i] ? Math.max(width, Math.min(BOX_MOST_W, width + more)) : width));
}

/** Names are worth reading: columns whose nodes have labels get a part of what is left. */
function growForNames(
  graph: Graph,
  members: readonly (readonly number[])[],
  widths: readonly number[],
  room: number,
): number[] {
  const more = members.map((elements, i) => Math.max(0, nameWidth(graph, elements) - widths[i]!));
  const wanted = sum(more);
  const free = (room - sum(widths) - (members.length - 1) * GAP_PX) * NAME_SHARE;
  if (wanted === 0 || free <= 0) return [...widths];
  const granted = Math.min(1, free / wanted);
  return widths.map((width, i) => width + more[i]! * granted);
}

/** Px that the longest name of a column's tasks takes, about; 0 where there are too many for labels. */
function nameWidth(graph: Graph, elements: readonly number[]): number {
  const scope = graph.scopes[0];
  if (!scope || elements.length > DENSE) return 0;
  const names = functionNamesOf(graph);
  let longest = 0;
  for (const element of elements) {
    const name = element < scope.tasks ? names[scope.function[element]!] : undefined;
    longest = Math.max(longest, name?.short.length ?? 0);
  }
  const number = elements.length > 1 ? String(elements.length).length + 2 : 0;
  return longest === 0 ? 0 : Math.min(NAME_MOST_W, (longest + number) * CHARACTER_W + AROUND_NAME_W);
}

/** Weight of the gap after each column but the last. */
function gapWeights(layout: Layout, columns: number): number[] {
  const scope = layout.scopes[0];
  const change = new Float64Array(columns + 1);
  for (const edge of scope?.edges ?? []) {
    change[scope!.column[edge.from]!]! += 1;
    change[scope!.column[edge.to]!]! -= 1;
  }
  const weights: number[] = [];
  let crossing = 0;
  for (let i = 0; i + 1 < columns; i++) {
    crossing += change[i]!;
    weights.push(1 + Math.sqrt(Math.max(0, crossing)) * GAP_PER_ROOT);
  }
  return weights;
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
