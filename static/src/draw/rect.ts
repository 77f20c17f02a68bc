// Rectangles in whichever space a name says: world, screen, cell.

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** The canvas that a picture has to fit, CSS px. */
export interface Viewport {
  readonly width: number;
  readonly height: number;
  /** Little room: shorter labels, narrower nodes. */
  readonly narrow: boolean;
}

/** A named part of a picture, CSS px of its canvas; of two that overlap, the later lies on top. */
export interface Area {
  readonly id: string;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function contains(rect: Rect, x: number, y: number, margin = 0): boolean {
  return x >= rect.x - margin && x <= rect.x + rect.w + margin && y >= rect.y - margin && y <= rect.y + rect.h + margin;
}

export function overlaps(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

/** What two rectangles share; of no extent where that is nothing. */
export function intersection(a: Rect, b: Rect): Rect {
  const x = Math.max(a.x, b.x);
  const y = Math.max(a.y, b.y);
  return {
    x,
    y,
    w: Math.max(0, Math.min(a.x + a.w, b.x + b.w) - x),
    h: Math.max(0, Math.min(a.y + a.h, b.y + b.h) - y),
  };
}

/** The part of outer that a rectangle given in shares of it covers. */
export function within(outer: Rect, share: Rect): Rect {
  return {
    x: outer.x + share.x * outer.w,
    y: outer.y + share.y * outer.h,
    w: share.w * outer.w,
    h: share.h * outer.h,
  };
}

export function inset(rect: Rect, dx: number, dy: number): Rect {
  return { x: rect.x + dx, y: rect.y + dy, w: Math.max(0, rect.w - 2 * dx), h: Math.max(0, rect.h - 2 * dy) };
}
