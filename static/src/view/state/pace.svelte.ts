// How often panels of text are updated. Pictures follow every frame; tables and figures of a large run would cost
// more than a frame has, so they follow at most ten times a second, and are exact as soon as things rest.

import type { PageClock } from './playback.svelte';

/** From so many rows on, panels are paced. */
const LARGE = 8000;
const EVERY_MS = 100;
/** A new version costs more than a new moment: lists are sorted again. So many rows are worth a millisecond of rest. */
const ROWS_PER_MS = 200;

/** What the panels show: a version of the table and a moment. */
interface Shown {
  readonly version: number;
  readonly atNs: number;
}

/** Hands on the version and the moment to panels. offer() says what is newest. */
export class Pace {
  readonly #clock: PageClock;
  // Two signals: what depends on the table alone is not made again when the moment moves.
  #version = $state(-1);
  #atNs = $state(0);
  #newest: Shown = { version: -1, atNs: 0 };
  #waiting: (() => void) | undefined;
  #lastMs = -Infinity;

  constructor(clock: PageClock) {
    this.#clock = clock;
  }

  get version(): number {
    return this.#version;
  }

  get atNs(): number {
    return this.#atNs;
  }

  /** Nothing newer waits to be shown. */
  get idle(): boolean {
    return this.#waiting === undefined;
  }

  /** Takes what is newest; it shows at once, or within a tenth of a second where there are many rows. */
  offer(version: number, atNs: number, rows: number): void {
    if (this.#newest.version === version && this.#newest.atNs === atNs) return;
    this.#newest = { version, atNs };
    const everyMs = version === this.#version ? EVERY_MS : Math.max(EVERY_MS, rows / ROWS_PER_MS);
    const restMs = rows < LARGE ? 0 : everyMs - (this.#clock.now() - this.#lastMs);
    if (restMs <= 0) this.#show();
    else
      this.#waiting ??= this.#clock.after(restMs, () => {
        this.#show();
      });
  }

  stop(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }

  #show(): void {
    this.stop();
    this.#lastMs = this.#clock.now();
    this.#version = this.#newest.version;
    this.#atNs = this.#newest.atNs;
  }
}
