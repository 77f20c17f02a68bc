// Paints the graph in three layers: see GraphPainter.

import { paintBoxes, type BoxMark } from './graph-boxes';
import {
  drawnRect,
  eachVisibleEdge,
  edgeBytes,
  edgeReach,
  edgeWidth,
  isLocal,
  isTaskElement,
  movingEdges,
  pathEdges,
  REACH_ALPHA,
  selectedEdges,
  selectedLinks,
  traceEdge,
  traceLink,
  type Link,
} from './graph-edges';
import { DIMMED, toScreen, visibleWorld, type GraphFrame } from './graph-frame';
import { paintGroups } from './graph-group-marks';
import { paintHeads } from './graph-heads';
import { paintMinimap } from './graph-minimap';
import { nodeRect } from './graph-places';
import { paintNodes, type NodeMark } from './graph-nodes';
import { stateIs } from './node-states';
import { overlaps, type Rect } from './rect';

/** What moves is this much wider than what lies still. */
const MOVING_MORE = 0.9;
const DASH = [3, 3];
const SOLID: number[] = [];
/** While a path is shown, other edges keep this share of their opacity. */
const BESIDE_PATH = 0.4;
const PATH_W = 2;

interface EdgeBucket {
  readonly alpha: number;
  readonly width: number;
  readonly isLocal: boolean;
  readonly edges: number[];
}

/** The quiet edges as they look now, and a key that is equal while they look the same. */
export interface EdgeLook {
  readonly key: string;
  readonly buckets: readonly EdgeBucket[];
}

/** Sorts the visible edges by look, so that the ground is painted again only when a look has changed. */
export function edgeLook(frame: GraphFrame): EdgeLook {
  const buckets = new Map<string, EdgeBucket>();
  let hash = 0;
  eachVisibleEdge(frame, (i, edge) => {
    const reach = edgeReach(frame, edge);
    const local = isLocal(frame, edge);
    const width = edgeWidth(edgeBytes(frame, edge));
    const key = `${reach},${local},${width}`;
    let bucket = buckets.get(key);
    if (!bucket) {
      bucket = { alpha: REACH_ALPHA[reach]!, width, isLocal: local, edges: [] };
      buckets.set(key, bucket);
    }
    bucket.edges.push(i);
    hash = (Math.imul(hash, 31) + Math.imul(i + 1, reach * 64 + (local ? 32 : 0) + Math.round(width * 4))) | 0;
  });
  const { view, geometry, collapse, path } = frame;
  const { width, height } = geometry.viewport;
  const key = [view.kx, view.ky, view.ox, view.oy, width, height, collapse.key, path !== null, buckets.size, hash];
  return { key: key.join(), buckets: [...buckets.values()] };
}

/**
 * Paints a prepared frame of the graph. Three layers: the ground (quiet edges; by far the most strokes, and the same
 * for many frames), the marks (what moves, what is selected, nodes, heads) and the overlay (hover, selection, focus,
 * minimap). It keeps nothing between calls and changes nothing but the canvas.
 */
export class GraphPainter {
  paintGround(ctx: CanvasRenderingContext2D, frame: GraphFrame, look: EdgeLook): void {
    const { palette, geometry, view } = frame;
    ctx.fillStyle = palette.bg;
    ctx.fillRect(0, 0, geometry.viewport.width, geometry.viewport.height);
    const dim = frame.path ? BESIDE_PATH : 1;
    ctx.strokeStyle = palette.lineStrong;
    for (const bucket of look.buckets) {
      ctx.globalAlpha = bucket.alpha * dim;
      ctx.lineWidth = bucket.width * edgeScale(frame);
      ctx.setLineDash(bucket.isLocal ? DASH : SOLID);
      ctx.beginPath();
      for (const i of bucket.edges) traceEdge(ctx, geometry, view, geometry.edges[i]!);
      ctx.stroke();
    }
    ctx.setLineDash(SOLID);
    paintMergedEdges(ctx, frame, dim);
    ctx.globalAlpha = 1;
  }

  paintMarks(ctx: CanvasRenderingContext2D, frame: GraphFrame): void {
    const { width, height } = frame.geometry.viewport;
    ctx.clearRect(0, 0, width, height);
    paintLoudEdges(ctx, frame);
    const visible = visibleWorld(frame);
    paintGroups(ctx, frame, visible);
    const { nodes, boxes } = visibleElements(frame, visible);
    paintBoxes(ctx, frame, boxes, visible, nodes);
    paintNodes(ctx, frame, nodes);
    paintHeads(ctx, frame);
  }

  paintOverlay(ctx: CanvasRenderingContext2D, frame: GraphFrame): void {
    const { palette } = frame;
    const { width, height } = frame.geometry.viewport;
    ctx.clearRect(0, 0, width, height);
    if (frame.hovered >= 0 && frame.hovered !== frame.selected) {
      ring(ctx, markRect(frame, frame.hovered), 1.5, palette.ink2, 1);
    }
    ring(ctx, markRect(frame, frame.selected), 2, palette.ink, 3);
    if (frame.focused) ring(ctx, markRect(frame, frame.selected), 2, palette.focus, 6);
    paintMinimap(ctx, frame);
  }
}

/** Edges grow with the root of the zoom: they stay lines. */
function edgeScale(frame: GraphFrame): number {
  return Math.min(2, Math.max(0.7, Math.sqrt(Math.min(frame.view.kx, frame.view.ky))));
}

function paintMergedEdges(ctx: CanvasRenderingContext2D, frame: GraphFrame, dim: number): void {
  const visible = visibleWorld(frame);
  for (const merged of frame.collapse.edges) {
    const from = drawnRect(frame, merged.from);
    const to = drawnRect(frame, merged.to);
    if (!overlaps(visible, spanOf(from, to))) continue;
    ctx.globalAlpha = 0.45 * dim;
    ctx.lineWidth = Math.min(6, 0.7 + Math.log2(merged.edges.length + 1) * 0.35);
    ctx.beginPath();
    traceLink(ctx, frame.view, { from, to });
    ctx.stroke();
  }
}

function spanOf(a: Rect, b: Rect): Rect {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return { x, y, w: Math.max(a.x + a.w, b.x + b.w) - x, h: Math.max(a.y + a.h, b.y + b.h) - y };
}

/** What moves now, then what the selection reads and writes, then the critical path: each above the one before. */
function paintLoudEdges(ctx: CanvasRenderingContext2D, frame: GraphFrame): void {
  const { palette } = frame;
  const moving = movingEdges(frame);
  const selected = selectedEdges(frame);
  const path = pathEdges(frame);
  const isOwn = new Set(selected);
  const scale = edgeScale(frame);
  const sky = palette.mark[stateIs.fetching]!;
  const dim = frame.path ? DIMMED : 1;
  for (const i of moving) if (!isOwn.has(i)) strokeEdge(ctx, frame, i, sky, dim, (w) => (w + MOVING_MORE) * scale);
  for (const i of selected) {
    const colour = moving.has(i) ? palette.stateInk[stateIs.fetching]! : palette.ink2;
    strokeEdge(ctx, frame, i, colour, 0.95, (w) => Math.max(w + (moving.has(i) ? MOVING_MORE : 0), 1) * scale);
  }
  strokeLinks(ctx, frame, selectedLinks(frame), palette.ink2, 1);
  for (const i of path.edges) strokeEdge(ctx, frame, i, palette.ink, 1, (w) => Math.max(PATH_W, w));
  strokeLinks(ctx, frame, path.links, palette.ink, PATH_W);
  ctx.setLineDash(SOLID);
  ctx.globalAlpha = 1;
}

function strokeEdge(
  ctx: CanvasRenderingContext2D,
  frame: GraphFrame,
  i: number,
  colour: string,
  alpha: number,
  width: (natural: number) => number,
): void {
  const { geometry, collapse, view } = frame;
  const edge = geometry.edges[i]!;
  const isMerged = collapse.groupOf[edge.from]! >= 0 || collapse.groupOf[edge.to]! >= 0;
  ctx.strokeStyle = colour;
  ctx.globalAlpha = alpha;
  ctx.lineWidth = isMerged ? 1 : width(edgeWidth(edgeBytes(frame, edge)));
  ctx.setLineDash(isLocal(frame, edge) ? DASH : SOLID);
  ctx.beginPath();
  traceEdge(ctx, geometry, view, edge);
  ctx.stroke();
}

function strokeLinks(
  ctx: CanvasRenderingContext2D,
  frame: GraphFrame,
  links: readonly Link[],
  colour: string,
  width: number,
): void {
  if (links.length === 0) return;
  ctx.strokeStyle = colour;
  ctx.globalAlpha = 0.95;
  ctx.lineWidth = width;
  ctx.setLineDash(SOLID);
  ctx.beginPath();
  for (const link of links) traceLink(ctx, frame.view, link);
  ctx.stroke();
}

/** Elements drawn one by one that can be seen. */
function visibleElements(frame: GraphFrame, visible: Rect): { nodes: NodeMark[]; boxes: BoxMark[] } {
  const { geometry, collapse, view } = frame;
  const nodes: NodeMark[] = [];
  const boxes: BoxMark[] = [];
  for (const column of geometry.columns) {
    if (column.x > visible.x + visible.w || column.x + column.w < visible.x) continue;
    for (const element of column.elements) {
      const rect = geometry.rects[element]!;
      if (collapse.groupOf[element]! >= 0 || !overlaps(rect, visible)) continue;
      if (isTaskElement(frame, element)) {
        nodes.push({ node: element, rect: toScreen(view, rect) });
      } else boxes.push({ node: element, scope: 0, element, rect });
    }
  }
  return { nodes, boxes };
}

/** Where a task is marked on the screen: never smaller than can be seen; null where it is not drawn. */
export function markRect(frame: GraphFrame, node: number): Rect | null {
  const world = nodeRect(frame.geometry, frame.index, node);
  if (!world) return null;
  const rect = toScreen(frame.view, world);
  const w = Math.max(4, rect.w);
  const h = Math.max(4, rect.h);
  return { x: rect.x + (rect.w - w) / 2, y: rect.y + (rect.h - h) / 2, w, h };
}

function ring(ctx: CanvasRenderingContext2D, rect: Rect | null, width: number, colour: string, apart: number): void {
  if (!rect) return;
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.beginPath();
  ctx.roundRect(rect.x - apart, rect.y - apart, rect.w + 2 * apart, rect.h + 2 * apart, 4);
  ctx.stroke();
}
