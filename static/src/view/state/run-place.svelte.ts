// Where the playhead of a run page is, in the address.

import type { RunUrl } from '../../model/url-state';
import type { PageClock, Playback } from './playback.svelte';
import type { Kind } from './run-choices';

/** The address is written when the playhead has rested for this long: browsers refuse hundreds of changes in a row. */
const REST_MS = 200;

/** What of a run page its place needs. */
interface PlaceSource {
  readonly playback: Playback;
  readonly live: boolean;
  readonly choices: RunUrl;
  choose(change: Partial<RunUrl>, kind?: Kind): void;
}

/** Keeps the playhead and the address at the same moment; it alone writes that moment into the address. */
export class RunPlace {
  readonly #run: PlaceSource;
  readonly #clock: PageClock;
  #wasPlaying = false;
  /** Ends the wait for the playhead to rest; undefined where nothing waits. */
  #keeping: (() => void) | undefined;
  /** The place that the address holds as far as the page knows; undefined before the first look. */
  #placed: number | null | undefined;

  constructor(run: PlaceSource, clock: PageClock) {
    this.#run = run;
    this.#clock = clock;
  }

  /** Goes to a moment; the address follows, a drag without a trace in the history. */
  seek(atNs: number, kind: Kind): void {
    this.#run.playback.seek(atNs);
    this.keep(kind);
  }

  /** Writes the playhead into the address: a decision at once, what is dragged or stepped when it rests. */
  keep(kind: Kind): void {
    this.#keeping?.();
    this.#keeping = undefined;
    if (kind === 'decision') this.#keepNow(kind);
    else {
      this.#keeping = this.#clock.after(REST_MS, () => {
        this.#keeping = undefined;
        this.#keepNow(kind);
      });
    }
  }

  /** At now, or at the end, a link needs no moment. */
  #keepNow(kind: Kind): void {
    const { atNs, nowNs, pinned, playing } = this.#run.playback;
    if (playing) return;
    const place = pinned || (!this.#run.live && atNs >= nowNs) ? null : Math.round(atNs);
    if (place !== this.#run.choices.atNs) this.#run.choose({ atNs: place }, kind);
    this.#placed = place;
  }

  /** Follows the address: back, forward and links. What the page itself wrote there moves nothing. */
  follow(atNs: number | null): void {
    if (atNs === this.#placed) return;
    this.#placed = atNs;
    this.#run.playback.seekLinked(atNs);
  }

  /** The playhead has moved or stopped. While it plays the address rests; where it stops is worth a link. */
  moved(): void {
    const { playing } = this.#run.playback;
    if (this.#wasPlaying && !playing) this.keep('drag');
    this.#wasPlaying = playing;
  }

  /** Nothing waits to be written. */
  get idle(): boolean {
    return this.#keeping === undefined;
  }

  stop(): void {
    this.#keeping?.();
  }
}
