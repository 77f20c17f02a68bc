// What the view of a run stands in: a page of its own, or one that it shares with the run that it is compared with.

import { FrameLoop } from '../../draw/frame-loop';
import { type ColourMode, parseRunUrl, runColourModes, type RunUrl } from '../../model/url-state';
import { type PageClock, Playback } from './playback.svelte';
import { type Addressed, changeChoices, type Kind, runPath } from './run-choices';

/** Frames, playhead and choices of a page. All that changes is reactive. */
export interface RunScene {
  readonly loop: FrameLoop;
  readonly playback: Playback;
  readonly choices: RunUrl;
  /** Ways to colour tasks that are offered. */
  readonly modes: readonly ColourMode[];
  choose(change: Partial<RunUrl>, kind: Kind): void;
  /** Applies what the stream said: the run's clock, or its end. */
  follow(nowNs: number, live: boolean): void;
  /** How many times as long as in the run that it is compared with a task took; NaN where that is not known. */
  readonly ratioOf: (node: number) => number;
}

/** A page of one run: the address holds its choices. */
export class OwnScene implements RunScene {
  readonly loop = new FrameLoop();
  readonly playback: Playback;
  readonly modes = runColourModes;
  readonly ratioOf = (): number => Number.NaN;
  readonly #app: Addressed;
  readonly #run: string;

  /** onmove is called after each move of the playhead. */
  constructor(app: Addressed, run: string, onmove: () => void, clock: PageClock) {
    this.#app = app;
    this.#run = run;
    this.playback = new Playback(this.loop, onmove, clock);
  }

  get choices(): RunUrl {
    return parseRunUrl(this.#app.url);
  }

  choose(change: Partial<RunUrl>, kind: Kind): void {
    changeChoices(this.#app, (choices) => runPath(this.#run, choices), change, kind);
  }

  follow(nowNs: number, live: boolean): void {
    this.playback.follow(nowNs, live);
  }
}
