// In which order the page of a run is built: the pictures first, then the rest, piece by piece.

import type { FrameLoop } from '../../draw/frame-loop';
import type { PageClock } from './playback.svelte';

/** Pieces of the page in the order in which they are added. */
const pieces = ['pictures', 'summary', 'details'] as const;

export type Piece = (typeof pieces)[number];

/** About a frame: what the reader does meanwhile is answered and painted before the next piece is made. */
const BETWEEN_MS = 16;
/** A hidden tab paints no frame; the rest of its page is made after this long. */
const HIDDEN_MS = 500;

/**
 * Which pieces of a page exist already. The pictures come first, because they are what can be scrubbed; each further piece is
 * added in a task of its own after they were painted, so that the page answers in between.
 */
export class Unfolding {
  readonly #loop: FrameLoop;
  readonly #clock: PageClock;
  #last = $state(0);
  #hasBegun = false;
  #waiting: (() => void)[] = [];

  constructor(loop: FrameLoop, clock: PageClock) {
    this.#loop = loop;
    this.#clock = clock;
  }

  /** Whether a piece exists. */
  has(piece: Piece): boolean {
    return pieces.indexOf(piece) <= this.#last;
  }

  /** Whether all pieces exist. */
  get done(): boolean {
    return this.#last === pieces.length - 1;
  }

  /** Begins when there is something to paint; the rest follows the frame that paints it. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#waiting = [
      this.#loop.afterFrame(() => {
        this.#next();
      }),
      this.#clock.after(HIDDEN_MS, () => {
        this.#add();
      }),
    ];
  }

  stop(): void {
    for (const callOff of this.#waiting) callOff();
    this.#waiting = [];
  }

  /** Adds a piece when what came before it is on the screen. */
  #next(): void {
    this.stop();
    this.#waiting = [
      this.#clock.after(BETWEEN_MS, () => {
        this.#add();
      }),
    ];
  }

  #add(): void {
    this.stop();
    this.#last++;
    if (!this.done) this.#next();
  }
}
