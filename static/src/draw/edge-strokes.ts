// Edges grouped by how they look, so that thousands of a kind cost one change of style and one stroke.

import { traceEdge } from './graph-edges';
import type { GraphFrame } from './graph-frame';

const DASH = [3, 3];
const SOLID: number[] = [];

export interface EdgeStyle {
  readonly colour: string;
  readonly alpha: number;
  readonly width: number;
  readonly isDashed: boolean;
}

/** Collects edges by style and paints them, styles in the order of their first edge. */
export class EdgeStrokes {
  readonly #buckets = new Map<string, { readonly style: EdgeStyle; readonly edges: number[] }>();

  add(style: EdgeStyle, i: number): void {
    const key = `${style.colour} ${style.alpha} ${style.width} ${style.isDashed}`;
    const bucket = this.#buckets.get(key);
    if (bucket) bucket.edges.push(i);
    else this.#buckets.set(key, { style, edges: [i] });
  }

  paint(ctx: CanvasRenderingContext2D, { geometry, view }: GraphFrame): void {
    for (const { style, edges } of this.#buckets.values()) {
      ctx.strokeStyle = style.colour;
      ctx.globalAlpha = style.alpha;
      ctx.lineWidth = style.width;
      ctx.setLineDash(style.isDashed ? DASH : SOLID);
      ctx.beginPath();
      for (const i of edges) traceEdge(ctx, geometry, view, geometry.edges[i]!);
      ctx.stroke();
    }
    ctx.setLineDash(SOLID);
    ctx.globalAlpha = 1;
  }
}
