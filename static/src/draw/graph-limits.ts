// How far the graph may be zoomed and moved, which follows from what it holds.

import { GraphView } from '../model/graph-view';
import type { GraphGeometry } from './graph-geometry';
import { boxParts, cellGrid } from './graph-places';

/** Zoomed in fully, the narrowest node is this wide and the lowest this high: room for three lines of text. */
const WIDEST_PX = 320;
const HIGHEST_PX = 64;
/** This share of the viewport always keeps some of the graph in it. */
const KEEP = 0.35;

export interface ZoomLimits {
  readonly kx: number;
  readonly ky: number;
}

/** The whole graph: the geometry fills the viewport at zoom 1. */
export const WHOLE = new GraphView(1, 1, 0, 0);

/** Greatest zoom across and down; instances = the most that a fan-out has so far. */
export function zoomLimits(geometry: GraphGeometry, instances: number): ZoomLimits {
  let w = Infinity;
  let h = Infinity;
  const tasks = geometry.graph.scopes[0]?.tasks ?? 0;
  geometry.rects.forEach((rect, element) => {
    if (element < tasks) {
      w = Math.min(w, rect.w);
      h = Math.min(h, rect.h);
      return;
    }
    const region = geometry.graph.scopes[0]!.region[element - tasks] ?? 0;
    const body = geometry.bodies[region]!;
    const grid = cellGrid(boxParts(rect, body).cells, Math.max(1, instances), body);
    w = Math.min(w, (grid.cellW / Math.max(1, body.columns)) * 1.6);
    h = Math.min(h, (grid.cellH / Math.max(1, body.height)) * 1.6);
  });
  return { kx: Math.max(1, WIDEST_PX / w), ky: Math.max(1, HIGHEST_PX / h) };
}

/** Zooms both axes around a point of the screen, each as far as it may; out to the whole graph, and no further. */
export function zoomWithin(view: GraphView, limits: ZoomLimits, factor: number, x: number, y: number): GraphView {
  const kx = Math.min(limits.kx, Math.max(1, view.kx * factor));
  const ky = Math.min(limits.ky, Math.max(1, view.ky * factor));
  if (kx === 1 && ky === 1) return WHOLE;
  return new GraphView(kx, ky, x - ((x - view.ox) * kx) / view.kx, y - ((y - view.oy) * ky) / view.ky);
}

/** The view moved back as far as it takes to keep the graph in sight. */
export function keepInSight(view: GraphView, geometry: GraphGeometry): GraphView {
  const { width, height } = geometry.viewport;
  const ox = clamp(view.ox, width * KEEP - width * view.kx, width * (1 - KEEP));
  const oy = clamp(view.oy, height * KEEP - height * view.ky, height * (1 - KEEP));
  return ox === view.ox && oy === view.oy ? view : new GraphView(view.kx, view.ky, ox, oy);
}

function clamp(x: number, least: number, most: number): number {
  return Math.min(Math.max(x, least), most);
}
