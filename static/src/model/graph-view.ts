// From the plane of a graph to pixels and back.

/**
 * What part of a graph is shown: x px = kx · x + ox, y px = ky · y + oy, in CSS px. Immutable: pan and zoom return
 * another one. How far one may go depends on what is drawn, and is not decided here.
 */
export class GraphView {
  readonly kx: number;
  readonly ky: number;
  readonly ox: number;
  readonly oy: number;

  constructor(kx = 1, ky = 1, ox = 0, oy = 0) {
    this.kx = kx;
    this.ky = ky;
    this.ox = ox;
    this.oy = oy;
  }

  toX(x: number): number {
    return this.kx * x + this.ox;
  }

  toY(y: number): number {
    return this.ky * y + this.oy;
  }

  /** Moves the content by a number of pixels. */
  pan(dxPx: number, dyPx: number): GraphView {
    return new GraphView(this.kx, this.ky, this.ox + dxPx, this.oy + dyPx);
  }
}
