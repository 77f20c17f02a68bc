// Paints the graph in three layers: see GraphPainter.

import { paintBoxes, type BoxMark } from './graph-boxes';
import { paintedEdges, widthShare } from './edge-crowd';
import { EdgeStrokes } from './edge-strokes';
import {
  drawnRect,
  edgeBytes,
  edgeReach,
  edgeScale,
  edgeWidth,
  isLocal,
  isTaskElement,
  REACH_ALPHA,
  traceLink,
} from './graph-edges';
import { toScreen, visibleWorld, type GraphFrame } from './graph-frame';
import { paintGroups } from './graph-group-marks';
import { paintHeads } from './graph-heads';
import { minimapRect, paintMinimap } from './graph-minimap';
import { nodeRect } from './graph-places';
import { paintLoudEdges } from './loud-edges';
import { paintNodes, type NodeMark } from './graph-nodes';
import { overlaps, type Rect } from './rect';

/** While a path is shown, other edges keep this share of their opacity. */
const BESIDE_PATH = 0.4;

/** Lines that had to become thin are as thin as can be seen, and fainter: together they are darker than one. */
const THIN_W = 0.8;
const THIN_SHARE = 0.25;
const THIN_ALPHA = 0.6;

/** The quiet edges as they look now, and a key that is equal while they look the same. */
export interface EdgeLook {
  readonly key: string;
  readonly strokes: EdgeStrokes;
}

/** Sorts the visible edges by look, so that the ground is painted again only when a look has changed. */
export function edgeLook(frame: GraphFrame): EdgeLook {
  const strokes = new EdgeStrokes();
  const colour = frame.palette.lineStrong;
  const dim = frame.path ? BESIDE_PATH : 1;
  const scale = edgeScale(frame);
  const edges = paintedEdges(frame);
  const natural = edges.map((i) => edgeWidth(edgeBytes(frame, frame.geometry.edges[i]!)) * scale);
  const ink = natural.reduce((sum, w) => sum + w, 0);
  const share = widthShare(ink, frame.geometry.viewport.height);
  let hash = edges.length;
  edges.forEach((i, n) => {
    const edge = frame.geometry.edges[i]!;
    const reach = edgeReach(frame, edge);
    const isDashed = share === 1 && isLocal(frame, edge);
    const alpha = REACH_ALPHA[reach]! * dim * (share <= THIN_SHARE ? THIN_ALPHA : 1);
    strokes.add({ colour, alpha, width: Math.max(Math.min(THIN_W, natural[n]!), natural[n]! * share), isDashed }, i);
    hash = (Math.imul(hash, 31) + Math.imul(i + 1, reach * 64 + (isDashed ? 32 : 0) + Math.round(natural[n]! * 4))) | 0;
  });
  const { view, geometry, collapse, path } = frame;
  const { width, height } = geometry.viewport;
  const key = [view.kx, view.ky, view.ox, view.oy, width, height, collapse.key, path !== null, share, hash];
  return { key: key.join(), strokes };
}

/**
 * Paints a prepared frame of the graph. Three layers: the ground (quiet edges; by far the most strokes, and the same
 * for many frames), the marks (what moves, what is selected, nodes, heads) and the overlay (hover, selection, focus,
 * minimap). It keeps nothing between calls and changes nothing but the canvas.
 */
export class GraphPainter {
  paintGround(ctx: CanvasRenderingContext2D, frame: GraphFrame, look: EdgeLook): void {
    const { palette, geometry } = frame;
    ctx.fillStyle = palette.bg;
    ctx.fillRect(0, 0, geometry.viewport.width, geometry.viewport.height);
    look.strokes.paint(ctx, frame);
    ctx.strokeStyle = palette.lineStrong;
    paintMergedEdges(ctx, frame, frame.path ? BESIDE_PATH : 1);
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

  /** There is something to paint on the overlay. */
  hasOverlay(frame: GraphFrame): boolean {
    return frame.hovered >= 0 || frame.selected >= 0 || minimapRect(frame) !== null;
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
