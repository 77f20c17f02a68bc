// Filled rectangles grouped by colour: first those below, then what lies over them, then what ends them.

import type { HatchDirection, Hatches } from './hatches';

interface Bucket {
  readonly fill: (ctx: CanvasRenderingContext2D) => string | CanvasPattern;
  readonly alpha: number;
  /** x, y, width, height, one after the other. */
  readonly rects: number[];
}

const STRIDE = 4;

export class RectBatch {
  readonly #below = new Map<string, Bucket>();
  readonly #over = new Map<string, Bucket>();
  readonly #last = new Map<string, Bucket>();

  add(fill: string, alpha: number, x: number, y: number, w: number, h: number): void {
    put(this.#below, `${fill} ${alpha}`, () => fill, alpha, x, y, w, h);
  }

  /** A hatch over what is below. */
  addOver(
    hatches: Hatches,
    colour: string,
    direction: HatchDirection,
    alpha: number,
    x: number,
    y: number,
    w: number,
    h: number,
  ): void {
    const fill = (ctx: CanvasRenderingContext2D): string | CanvasPattern => hatches.pattern(ctx, colour, direction);
    put(this.#over, `${colour} ${direction} ${alpha}`, fill, alpha, x, y, w, h);
  }

  /** On top of everything. */
  addLast(fill: string, alpha: number, x: number, y: number, w: number, h: number): void {
    put(this.#last, `${fill} ${alpha}`, () => fill, alpha, x, y, w, h);
  }

  paint(ctx: CanvasRenderingContext2D, alpha = 1): void {
    for (const layer of [this.#below, this.#over, this.#last]) {
      for (const bucket of layer.values()) {
        ctx.globalAlpha = alpha * bucket.alpha;
        ctx.fillStyle = bucket.fill(ctx);
        const { rects } = bucket;
        for (let i = 0; i < rects.length; i += STRIDE)
          ctx.fillRect(rects[i]!, rects[i + 1]!, rects[i + 2]!, rects[i + 3]!);
      }
    }
    ctx.globalAlpha = 1;
  }
}

function put(
  layer: Map<string, Bucket>,
  key: string,
  fill: Bucket['fill'],
  alpha: number,
  x: number,
  y: number,
  w: number,
  h: number,
): void {
  let bucket = layer.get(key);
  if (!bucket) layer.set(key, (bucket = { fill, alpha, rects: [] }));
  bucket.rects.push(x, y, w, h);
}
