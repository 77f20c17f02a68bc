// Edges that stand out: what moves now, what the selection reads and writes, the critical path.

import { thinned } from './edge-crowd';
import { EdgeStrokes } from './edge-strokes';
import {
  drawnRect,
  edgeBytes,
  edgeScale,
  edgeWidth,
  isLocal,
  movingEdges,
  pathEdges,
  selectedEdges,
  selectedLinks,
  traceLink,
  type Link,
} from './graph-edges';
import { DIMMED, type GraphFrame } from './graph-frame';
import { stateIs } from './mark-state';

/** What moves is this much wider than what lies still. */
const MOVING_MORE = 0.9;
const PATH_W = 2;
/** Most edges that are painted one by one of a kind that stands out; of more, every second, fourth … is. */
const MOST = 400;
/** From so many on they are thin and solid: together they are seen anyway. */
const MANY = 100;
const MANY_ALPHA = 0.6;
/** A bundle of edges into one box grows with the logarithm of their number, up to this. Px. */
const BUNDLE_W = 8;

/** What moves now, then what the selection reads and writes, then the critical path: each above the one before. */
export function paintLoudEdges(ctx: CanvasRenderingContext2D, frame: GraphFrame): void {
  const { palette } = frame;
  const moving = movingEdges(frame);
  const selected = selectedEdges(frame);
  const path = pathEdges(frame);
  const isOwn = new Set(selected);
  const quiet = [...moving].filter((i) => !isOwn.has(i));
  const sky = palette.mark[stateIs.fetching]!;
  const dim = frame.path ? DIMMED : 1;
  strokeEdges(
    ctx,
    frame,
    quiet,
    () => sky,
    dim,
    (w) => w + MOVING_MORE,
  );
  paintSelected(ctx, frame, selected, moving);
  strokeLinks(ctx, frame, selectedLinks(frame), palette.ink2, 1);
  strokeEdges(
    ctx,
    frame,
    [...path.edges],
    () => palette.ink,
    1,
    (w) => Math.max(PATH_W / edgeScale(frame), w),
  );
  strokeLinks(ctx, frame, path.links, palette.ink, PATH_W);
}

/** Edges into and out of boxes are bundled, one for each box; the others are painted one by one. */
function paintSelected(
  ctx: CanvasRenderingContext2D,
  frame: GraphFrame,
  selected: readonly number[],
  moving: ReadonlySet<number>,
): void {
  const { palette, collapse, geometry } = frame;
  const single: number[] = [];
  const bundles = new Map<string, { readonly link: Link; edges: number }>();
  const drawn = (element: number): number => {
    const group = collapse.groupOf[element]!;
    return group < 0 ? element : collapse.groupOf.length + group;
  };
  for (const i of selected) {
    const [from, to] = [drawn(geometry.edges[i]!.from), drawn(geometry.edges[i]!.to)];
    if (Math.max(from, to) < collapse.groupOf.length) {
      single.push(i);
      continue;
    }
    const key = `${from} ${to}`;
    const bundle = bundles.get(key);
    if (bundle) bundle.edges++;
    else bundles.set(key, { link: { from: drawnRect(frame, from), to: drawnRect(frame, to) }, edges: 1 });
  }
  const colour = (i: number): string => (moving.has(i) ? palette.stateInk[stateIs.fetching]! : palette.ink2);
  strokeEdges(ctx, frame, single, colour, 0.95, (w, i) => Math.max(w + (moving.has(i) ? MOVING_MORE : 0), 1));
  for (const { link, edges } of bundles.values()) {
    strokeLinks(ctx, frame, [link], palette.ink2, Math.min(BUNDLE_W, 1 + Math.log2(edges) * 0.5));
  }
}

function strokeEdges(
  ctx: CanvasRenderingContext2D,
  frame: GraphFrame,
  edges: readonly number[],
  colour: (i: number) => string,
  alpha: number,
  width: (natural: number, i: number) => number,
): void {
  if (edges.length === 0) return;
  const { geometry, collapse } = frame;
  const isMany = edges.length > MANY;
  const scale = edgeScale(frame);
  const strokes = new EdgeStrokes();
  for (const i of thinned(edges, MOST)) {
    const edge = geometry.edges[i]!;
    const isMerged = collapse.groupOf[edge.from]! >= 0 || collapse.groupOf[edge.to]! >= 0;
    const isThin = isMany || isMerged;
    strokes.add(
      {
        colour: colour(i),
        alpha: isMany ? alpha * MANY_ALPHA : alpha,
        width: isThin ? 1 : width(edgeWidth(edgeBytes(frame, edge)), i) * scale,
        isDashed: !isMany && isLocal(frame, edge),
      },
      i,
    );
  }
  strokes.paint(ctx, frame);
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
  ctx.beginPath();
  for (const link of links) traceLink(ctx, frame.view, link);
  ctx.stroke();
  ctx.globalAlpha = 1;
}
