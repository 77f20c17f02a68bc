// What part of a picture is shown, kept in the address when it rests, and followed when the address changes.

import type { PageClock } from './playback.svelte';

/** A gesture is over when nothing has moved for this long. */
const REST_MS = 250;

/** Ties the place of one picture to the address; null is all of it. The canvas owns the place, the router the address. */
export class KeptPlace<P extends object> {
  readonly #clock: PageClock;
  readonly #keep: (place: P | null) => void;
  readonly #isSame: (a: P, b: P) => boolean;
  #kept: P | null = null;
  /** Moved to, but not kept yet; undefined where nothing moves. */
  #moving: P | null | undefined;
  #canvas: object | undefined;
  #cancel: (() => void) | undefined;

  constructor(keep: (place: P | null) => void, isSame: (a: P, b: P) => boolean, clock: PageClock) {
    this.#keep = keep;
    this.#isSame = isSame;
    this.#clock = clock;
  }

  /** The picture shows this now. */
  moved(place: P | null): void {
    if (this.#moving !== undefined && this.#equal(place, this.#moving)) return;
    this.stop();
    if (this.#equal(place, this.#kept)) return;
    this.#moving = place;
    this.#cancel = this.#clock.after(REST_MS, () => {
      this.#moving = undefined;
      this.#kept = place;
      this.#keep(place);
    });
  }

  /** The address says what to show: what has been put there from here moves nothing, unless the canvas is a new one. */
  follow(place: P | null, canvas: object, show: () => void): void {
    const isNew = this.#canvas !== undefined && canvas !== this.#canvas;
    this.#canvas = canvas;
    if (this.#equal(place, isNew ? null : this.#kept)) return;
    this.stop();
    this.#kept = place;
    // The canvas takes its size and its layout with this turn of the event loop.
    this.#clock.after(0, show);
  }

  /** Forgets what has not come to rest. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#moving = undefined;
  }

  #equal(a: P | null, b: P | null): boolean {
    return a === b || (a !== null && b !== null && this.#isSame(a, b));
  }
}
