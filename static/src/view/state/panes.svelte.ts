// Sizes of the panels of the run page, dragged by hand and remembered by the browser.

import type { Keep } from './preference';

/** A size that a divider changes: CSS pixels, between bounds, a default until it is dragged. */
export interface PaneBounds {
  readonly min: number;
  readonly max: number;
}

/** Keeps a size inside its bounds; where the bounds cross, the lower one wins, so that content stays reachable. */
export function within(size: number, bounds: PaneBounds): number {
  return Math.round(Math.max(bounds.min, Math.min(bounds.max, size)));
}

/** Reads a remembered size; undefined where there is none that makes sense. */
export function recallSize(keep: Keep, key: string): number | undefined {
  try {
    const kept = Number(keep.getItem(key) ?? Number.NaN);
    return Number.isFinite(kept) && kept > 0 ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** One dragged size. Undefined means that the stylesheet's own size holds. */
export class Pane {
  #size: number | undefined = $state(undefined);
  #key: string;
  #keep: Keep;

  constructor(key: string, keep: Keep) {
    this.#key = key;
    this.#keep = keep;
    this.#size = recallSize(keep, key);
  }

  get size(): number | undefined {
    return this.#size;
  }

  /** Size as a CSS length, undefined for the stylesheet's. */
  get css(): string | undefined {
    return this.#size === undefined ? undefined : `${this.#size}px`;
  }

  resize(size: number, bounds: PaneBounds): void {
    this.#size = within(size, bounds);
    this.#store(String(this.#size));
  }

  /** Back to the stylesheet's size. */
  reset(): void {
    this.#size = undefined;
    this.#store('');
  }

  #store(value: string): void {
    try {
      this.#keep.setItem(this.#key, value);
    } catch {
      // Storage is full or forbidden: the size holds for this page.
    }
  }
}
