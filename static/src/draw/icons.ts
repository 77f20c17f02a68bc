// The silhouettes of states, 12 × 12, as data: the one source of icons in the page and on a canvas.

import type { TaskState } from '../model/task-state';

/** A path in a box of 12 × 12, filled, or stroked where it has a width. */
export interface IconShape {
  readonly d: string;
  /** 0 = filled. */
  readonly width: number;
  readonly dash?: readonly number[];
}

/** States of tasks, and those of runs that tasks do not have. */
export type IconName = TaskState | 'queued' | 'paused' | 'interrupted';

export const ICON_SIZE = 12;

function circle(cx: number, cy: number, r: number): string {
  return `M${cx - r} ${cy}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
}

function stroke(d: string, width: number, dash?: readonly number[]): IconShape {
  return dash ? { d, width, dash } : { d, width };
}

function fill(d: string): IconShape {
  return { d, width: 0 };
}

/** Each state has a shape of its own, so that none is recognised by its hue alone. */
export const icons: Readonly<Record<IconName, readonly IconShape[]>> = {
  pending: [stroke(circle(6, 6, 4.3), 1.3, [1.6, 1.8])],
  ready: [stroke(circle(6, 6, 4.3), 1.4), fill(circle(6, 6, 2))],
  fetching: [stroke('M6 1V7.4M2.9 4.8L6 7.9L9.1 4.8M2 10.8H10', 1.7)],
  storing: [stroke('M6 8.6V2.1M2.9 5.1L6 2L9.1 5.1M2 10.8H10', 1.7)],
  running: [fill('M2.6 1.3V10.7L10.6 6Z')],
  succeeded: [stroke('M1.6 6.3L4.6 9.3L10.4 2.8', 1.9)],
  cached: [
    stroke('M2 3.1C2 0.8 10 0.8 10 3.1V8.9C10 11.2 2 11.2 2 8.9Z', 1.4),
    stroke('M2 3.3C2 5.6 10 5.6 10 3.3', 1.4),
  ],
  retrying: [stroke('M10 6.3A4 4 0 1 1 8.5 2.9', 1.7), fill('M10.8 0.8V4.3H7.2Z')],
  failed: [stroke('M2.2 2.2L9.8 9.8M9.8 2.2L2.2 9.8', 2)],
  cancelled: [stroke(circle(6, 6, 4.4), 1.5), stroke('M3 9L9 3', 1.5)],
  skipped: [stroke('M1.8 1.8H10.2V10.2H1.8Z', 1.2)],
  'not run': [stroke('M2 6H10', 1.7)],
  lost: [stroke('M3.5 4.1A2.5 2.5 0 1 1 7.1 6.4C6.3 6.9 6 7.3 6 8.1', 1.6), fill(circle(6, 10.4, 1))],
  queued: [stroke(circle(6, 6, 4.5), 1.3), stroke('M6 3.3V6.2L8 7.6', 1.3)],
  paused: [fill('M2.4 1.6H4.9V10.4H2.4ZM7.1 1.6H9.6V10.4H7.1Z')],
  interrupted: [stroke('M1 6H4.4M7.6 6H11M5.3 9.6L6.7 2.4', 1.6)],
};

const paths = new Map<IconShape, Path2D>();
/** What each path was made from, which it does not say itself. */
const texts = new WeakMap<Path2D, string>();

function pathOf(shape: IconShape): Path2D {
  let path = paths.get(shape);
  if (!path) {
    path = new Path2D(shape.d);
    paths.set(shape, path);
    texts.set(path, shape.d);
  }
  return path;
}

/** The data of a path that an icon is painted with; empty for any other. */
export function iconText(path: Path2D): string {
  return texts.get(path) ?? '';
}

const SOLID: number[] = [];

/** Paints an icon with its upper left corner at x, y. */
export function drawIcon(
  ctx: CanvasRenderingContext2D,
  name: IconName,
  x: number,
  y: number,
  size: number,
  colour: string,
): void {
  ctx.save();
  ctx.translate(x, y);
  ctx.scale(size / ICON_SIZE, size / ICON_SIZE);
  ctx.fillStyle = colour;
  ctx.strokeStyle = colour;
  for (const shape of icons[name]) {
    if (shape.width === 0) {
      ctx.fill(pathOf(shape));
      continue;
    }
    ctx.lineWidth = shape.width;
    ctx.setLineDash(shape.dash ? [...shape.dash] : SOLID);
    ctx.stroke(pathOf(shape));
  }
  ctx.restore();
}
