// The playhead as reactive state: what moves it, and how often the page hears of it.

import type { FrameLoop } from '../../draw/frame-loop';
import { Playhead, type Speed, speeds, type Steps } from '../../model/playhead';

/** The time of the page, so that tests have their own. */
export interface PageClock {
  /** Milliseconds that only ever grow. */
  now(): number;
  /** Calls back after a while; the function it returns prevents that. */
  after(ms: number, callback: () => void): () => void;
}

/** The browser's clock. */
export const pageClock: PageClock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};

/** How often a live run's "now" moves on by itself; frames of the stream move it, too. */
const FOLLOW_MS = 66;
const NS_PER_MS = 1e6;

/** What the playhead says, all at once: replaced, never changed. */
interface Shown {
  readonly atNs: number;
  readonly nowNs: number;
  readonly pinned: boolean;
  readonly playing: boolean;
  readonly speed: Speed;
}

/** Owns the playhead of one run page. Everything that moves it goes through here. */
export class Playback {
  readonly #playhead = new Playhead();
  readonly #loop: FrameLoop;
  readonly #clock: PageClock;
  readonly #onmove: () => void;
  #shown: Shown = $state.raw({ atNs: 0, nowNs: 0, pinned: false, playing: false, speed: speeds[0]! });
  #stopPlaying: (() => void) | undefined;
  #stopFollowing: (() => void) | undefined;
  #linked: () => boolean = () => true;
  #live = false;
  #lastMs = 0;
  /** A place that was asked for before the log had come so far. */
  #wantedNs: number | undefined;

  /** onmove is called after each change, in place of an effect. */
  constructor(loop: FrameLoop, onmove: () => void, clock: PageClock = pageClock) {
    this.#loop = loop;
    this.#onmove = onmove;
    this.#clock = clock;
  }

  get atNs(): number {
    return this.#shown.atNs;
  }

  /** Now, or the end of a run that is over. */
  get nowNs(): number {
    return this.#shown.nowNs;
  }

  get pinned(): boolean {
    return this.#shown.pinned;
  }

  get playing(): boolean {
    return this.#shown.playing;
  }

  get speed(): Speed {
    return this.#shown.speed;
  }

  /** Sets what says whether the stream is fresh: while it is not, clocks stop. */
  watchLink(linked: () => boolean): void {
    this.#linked = linked;
  }

  /** Applies what the stream said: the run's clock, or its end. */
  follow(nowNs: number, live: boolean): void {
    this.#live = live;
    this.#lastMs = this.#clock.now();
    this.#playhead.follow(nowNs, live);
    if (this.#wantedNs !== undefined && nowNs > 0) this.#seekWanted();
    this.#publish();
    if (live) this.#keepFollowing();
    else this.#stopFollow();
  }

  seek(atNs: number): void {
    this.#wantedNs = undefined;
    this.#playhead.seek(atNs);
    this.#publish();
  }

  /** Goes where a link says, as soon as the run is known; null is now, or the end. */
  seekLinked(atNs: number | null): void {
    if (atNs === null) {
      this.#wantedNs = undefined;
      this.#playhead.end();
    } else if (this.#playhead.nowNs > 0) this.#playhead.seek(atNs);
    else this.#wantedNs = atNs;
    this.#publish();
  }

  step(direction: 1 | -1, steps: Steps): void {
    this.#playhead.step(direction, steps);
    this.#publish();
  }

  home(): void {
    this.#playhead.home();
    this.#publish();
  }

  /** Goes to now and follows it, or goes to the end. */
  end(): void {
    this.#playhead.end();
    this.#publish();
  }

  /** Plays, or stops here. */
  toggle(): void {
    if (this.#playhead.playing || this.#playhead.pinned) this.#playhead.pause();
    else this.#playhead.play();
    this.#publish();
  }

  setSpeed(speed: Speed): void {
    this.#playhead.setSpeed(speed);
    this.#publish();
  }

  stop(): void {
    this.#stopPlaying?.();
    this.#stopFollow();
  }

  #seekWanted(): void {
    this.#playhead.seek(this.#wantedNs!);
    this.#wantedNs = undefined;
  }

  #publish(): void {
    const { atNs, nowNs, pinned, playing, speed } = this.#playhead;
    const was = this.#shown;
    const same = was.atNs === atNs && was.nowNs === nowNs && was.pinned === pinned;
    if (!same || was.playing !== playing || was.speed !== speed) {
      this.#shown = { atNs, nowNs, pinned, playing, speed };
      this.#onmove();
    }
    if (playing && this.#stopPlaying === undefined) this.#startPlaying();
  }

  #startPlaying(): void {
    this.#stopPlaying = this.#loop.play((elapsedNs) => {
      if (this.#playhead.playing) {
        // A live run's now is moved by its own timer; here only the playhead moves.
        this.#playhead.tick(elapsedNs, false);
        this.#publish();
      }
      if (!this.#playhead.playing) this.#stopPlaying = undefined;
      return this.#playhead.playing;
    });
  }

  #keepFollowing(): void {
    this.#stopFollowing ??= this.#clock.after(FOLLOW_MS, () => {
      this.#stopFollowing = undefined;
      if (!this.#live) return;
      const nowMs = this.#clock.now();
      const elapsedNs = (nowMs - this.#lastMs) * NS_PER_MS;
      this.#lastMs = nowMs;
      if (this.#linked()) this.#extrapolate(elapsedNs);
      this.#keepFollowing();
    });
  }

  /** Moves now on without moving a playhead that plays: that has its own clock. */
  #extrapolate(elapsedNs: number): void {
    if (this.#playhead.playing) this.#playhead.follow(this.#playhead.nowNs + elapsedNs, true);
    else this.#playhead.tick(elapsedNs, true);
    this.#publish();
  }

  #stopFollow(): void {
    this.#stopFollowing?.();
    this.#stopFollowing = undefined;
  }
}
