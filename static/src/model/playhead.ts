// The moment that a page shows, and how it moves.

const NS_PER_S = 1e9;

/** A replay that is to take longer than a live run is old would never catch up with it, so it plays this fast. */
const CATCHES_UP = 2;

/** Moments at which something happened; RunEvents is one. NaN where there is none. */
export interface Steps {
  eventBefore(atNs: number): number;
  eventAfter(atNs: number): number;
}

/** Factors of playing, in run time per real time. */
const factors = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100] as const;

/** How fast to play: by a factor, or so that the whole run takes so many seconds, whether it lasted 5 ms or a day. */
export type Speed =
  { readonly kind: 'times'; readonly factor: number } | { readonly kind: 'in'; readonly seconds: number };

export const speeds: readonly Speed[] = [
  { kind: 'in', seconds: 10 },
  { kind: 'in', seconds: 60 },
  ...factors.map((factor) => ({ kind: 'times', factor }) as const),
];

/** '× 5', 'in 10 s'. */
export function speedText(speed: Speed): string {
  return speed.kind === 'times' ? `× ${speed.factor}` : `in ${speed.seconds}\u00a0s`;
}

/**
 * The playhead of one run. Of a live run it is pinned to now until it is moved, and End pins it again; a finished run
 * begins at its end. Pure: the clock comes in by tick, and what is known of the run by follow. Every method returns
 * whether it changed anything.
 *
 * Now is what the last frame said plus the time since it arrived. While the link is cut that time does not count, so
 * that nothing is shown which has not been received.
 */
export class Playhead {
  #atNs = 0;
  #nowNs = 0;
  #isLive = false;
  #isPinned = true;
  #isPlaying = false;
  #speed: Speed = speeds[0]!;

  /** The moment shown, ns since run start. */
  get atNs(): number {
    return this.#atNs;
  }

  /** The latest moment: now, or the end of the run. */
  get nowNs(): number {
    return this.#nowNs;
  }

  /** It follows now. Never of a finished run. */
  get pinned(): boolean {
    return this.#isPinned && this.#isLive;
  }

  get playing(): boolean {
    return this.#isPlaying;
  }

  get speed(): Speed {
    return this.#speed;
  }

  /** Applies what a frame said: the run's clock at sending, or the end of a run that is over. */
  follow(nowNs: number, isLive: boolean): boolean {
    const hadPin = this.pinned;
    const before = this.#nowNs;
    // A live clock never turns back, though an extrapolation may have run a little ahead of what is sent next.
    this.#nowNs = isLive && this.#isLive ? Math.max(this.#nowNs, nowNs) : nowNs;
    this.#isLive = isLive;
    const atNs = this.#isPinned ? this.#nowNs : Math.min(this.#atNs, this.#nowNs);
    return this.#moveTo(atNs) || this.#nowNs !== before || this.pinned !== hadPin;
  }

  /** Lets real time pass. linked: what was heard last is fresh, so that a live run's clock advances. */
  tick(dtNs: number, linked: boolean): boolean {
    const hasGrown = this.#isLive && linked && dtNs > 0;
    if (hasGrown) this.#nowNs += dtNs;
    if (this.#isPinned) return this.#moveTo(this.#nowNs) || hasGrown;
    if (!this.#isPlaying) return hasGrown;
    const atNs = this.#atNs + dtNs * this.#factor;
    if (atNs < this.#nowNs) return this.#moveTo(atNs) || hasGrown;
    this.#isPlaying = false;
    this.#isPinned = true;
    this.#moveTo(this.#nowNs);
    return true;
  }

  /** Plays on from here; from the end of a finished run, from its start. */
  play(): boolean {
    if (this.#isPlaying || this.pinned) return false;
    if (this.#atNs >= this.#nowNs) this.#atNs = 0;
    this.#isPlaying = true;
    this.#isPinned = false;
    return true;
  }

  /** Stops here; a live run continues without the page. */
  pause(): boolean {
    if (!this.#isPlaying && !this.pinned) return false;
    this.#isPlaying = false;
    this.#isPinned = false;
    return true;
  }

  setSpeed(speed: Speed): boolean {
    if (speedText(speed) === speedText(this.#speed)) return false;
    this.#speed = speed;
    return true;
  }

  /** Run time per real time. */
  get #factor(): number {
    if (this.#speed.kind === 'times') return this.#speed.factor;
    const factor = this.#nowNs / (this.#speed.seconds * NS_PER_S);
    return this.#isLive ? Math.max(factor, CATCHES_UP) : factor;
  }

  /** Goes to a moment, which detaches from now. Playing continues from there. */
  seek(atNs: number): boolean {
    const hadPin = this.pinned;
    this.#isPinned = !this.#isLive && !this.#isPlaying && atNs >= this.#nowNs;
    return this.#moveTo(Math.min(Math.max(atNs, 0), this.#nowNs)) || hadPin;
  }

  /** Goes to the next or the previous event, and stops there. */
  step(direction: 1 | -1, steps: Steps): boolean {
    const to = direction > 0 ? steps.eventAfter(this.#atNs) : steps.eventBefore(this.#atNs);
    const wasPlaying = this.#isPlaying;
    this.#isPlaying = false;
    if (Number.isNaN(to)) return wasPlaying || this.pause();
    return this.seek(to) || wasPlaying;
  }

  /** Goes to the start. */
  home(): boolean {
    return this.seek(0);
  }

  /** Goes to now and stays there, or to the end of a finished run. */
  end(): boolean {
    const changes = this.#isPlaying || (this.#isLive && !this.#isPinned);
    this.#isPlaying = false;
    this.#isPinned = true;
    return this.#moveTo(this.#nowNs) || changes;
  }

  #moveTo(atNs: number): boolean {
    if (atNs === this.#atNs) return false;
    this.#atNs = atNs;
    return true;
  }
}
