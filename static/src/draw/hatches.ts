// Hatching for what moves bytes, where fetches rise and stores fall, and level for what was cached.

/** Direction of the strokes: up to the right, down to the right, or level. */
export type HatchDirection = 'rising' | 'falling' | 'level';

/** Side of the tile that repeats, CSS px. */
export const TILE = 5;

type MakeTile = (side: number) => { canvas: CanvasImageSource; ctx: CanvasRenderingContext2D } | null;

function browserTile(side: number): { canvas: CanvasImageSource; ctx: CanvasRenderingContext2D } | null {
  const canvas = document.createElement('canvas');
  canvas.width = side;
  canvas.height = side;
  const ctx = canvas.getContext('2d');
  return ctx ? { canvas, ctx } : null;
}

/** Patterns by colour and direction, for one ratio of the display; make another when it changes. */
export class Hatches {
  readonly #patterns = new Map<string, CanvasPattern | string>();
  readonly #ratio: number;
  readonly #makeTile: MakeTile;

  constructor(ratio: number, makeTile: MakeTile = browserTile) {
    this.#ratio = ratio;
    this.#makeTile = makeTile;
  }

  /** A pattern to fill with; the colour itself where a browser gives none. */
  pattern(ctx: CanvasRenderingContext2D, colour: string, direction: HatchDirection): CanvasPattern | string {
    const key = colour + direction;
    const known = this.#patterns.get(key);
    if (known !== undefined) return known;
    const made = this.#make(ctx, colour, direction) ?? colour;
    this.#patterns.set(key, made);
    return made;
  }

  #make(ctx: CanvasRenderingContext2D, colour: string, direction: HatchDirection): CanvasPattern | null {
    const side = Math.max(2, Math.round(TILE * this.#ratio));
    const tile = this.#makeTile(side);
    if (!tile) return null;
    tile.ctx.strokeStyle = colour;
    tile.ctx.lineWidth = (1.1 * side) / TILE;
    tile.ctx.beginPath();
    if (direction === 'level') {
      tile.ctx.moveTo(0, side / 2);
      tile.ctx.lineTo(side, side / 2);
    } else {
      for (const offset of [-side, 0, side]) {
        tile.ctx.moveTo(offset, direction === 'rising' ? side : 0);
        tile.ctx.lineTo(offset + side, direction === 'rising' ? 0 : side);
      }
    }
    tile.ctx.stroke();
    const pattern = ctx.createPattern(tile.canvas, 'repeat');
    pattern?.setTransform(new DOMMatrix().scale(TILE / side));
    return pattern;
  }
}
