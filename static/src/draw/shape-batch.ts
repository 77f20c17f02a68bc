// Rectangles grouped by how they look, so that a thousand of a kind cost one change of style.

export interface ShapeStyle {
  /** Colour, or null for hollow. */
  readonly fill: string | CanvasPattern | null;
  readonly stroke: string | null;
  readonly width: number;
  readonly dash: readonly number[];
  readonly alpha: number;
}

interface Bucket {
  readonly style: ShapeStyle;
  /** x, y, width, height, radius, one after the other. */
  readonly shapes: number[];
}

/** Numbers a shape takes. */
const STRIDE = 5;

/** Below this radius a corner is not seen, and a plain rectangle is several times cheaper. */
const LEAST_RADIUS = 0.8;

/** Collects shapes by style and paints them, styles in the order of their first shape. */
export class ShapeBatch {
  readonly #buckets = new Map<string, Bucket>();

  /** key names the style: equal keys must have equal styles. */
  add(key: string, style: () => ShapeStyle, x: number, y: number, w: number, h: number, radius: number): void {
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      bucket = { style: style(), shapes: [] };
      this.#buckets.set(key, bucket);
    }
    bucket.shapes.push(x, y, w, h, radius);
  }

  paint(ctx: CanvasRenderingContext2D): void {
    for (const bucket of this.#buckets.values()) paintBucket(ctx, bucket);
    ctx.globalAlpha = 1;
    ctx.setLineDash([]);
  }
}

function paintBucket(ctx: CanvasRenderingContext2D, { style, shapes }: Bucket): void {
  ctx.globalAlpha = style.alpha;
  ctx.beginPath();
  for (let i = 0; i < shapes.length; i += STRIDE) {
    const radius = shapes[i + 4]!;
    if (radius < LEAST_RADIUS) ctx.rect(shapes[i]!, shapes[i + 1]!, shapes[i + 2]!, shapes[i + 3]!);
    else ctx.roundRect(shapes[i]!, shapes[i + 1]!, shapes[i + 2]!, shapes[i + 3]!, radius);
  }
  if (style.fill !== null) {
    ctx.fillStyle = style.fill;
    ctx.fill();
  }
  if (style.stroke !== null) {
    ctx.strokeStyle = style.stroke;
    ctx.lineWidth = style.width;
    ctx.setLineDash([...style.dash]);
    ctx.stroke();
  }
}
