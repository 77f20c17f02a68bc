// A run and the one that it is compared with on one page: one clock, one playhead, one selection.

import { FrameLoop } from '../../draw/frame-loop';
import type { Pairing } from '../../model/comparison';
import { compareColourModes, comparePage, parseRunUrl, type RunUrl } from '../../model/url-state';
import type { AppState } from './app.svelte';
import { type PageClock, pageClock, Playback } from './playback.svelte';
import { changeChoices, type Kind, pairPath } from './run-choices';
import type { RunScene } from './run-scene';
import { reachOf, RunView } from './run.svelte';

/** What the stream said last of the clock of a run. */
interface Heard {
  readonly nowNs: number;
  readonly live: boolean;
}

/** Which page it is: in its address the base may be called something else than its ID. */
export interface PairPage {
  readonly base: string;
  readonly run: string;
  /** Which tasks are the same; undefined while that is asked for. */
  readonly pairing: Pairing | undefined;
}

/**
 * Two runs on one page, both from their own start. It owns frames and playhead; each view owns what is of its run alone. While
 * a run is live, now is its now: of the other one is shown how far it was at the same time.
 */
export class Pair {
  readonly loop = new FrameLoop();
  readonly playback: Playback;
  readonly base: RunView;
  readonly run: RunView;
  readonly #app: AppState;
  readonly #heard = new Map<SharedScene, Heard>();

  readonly choices: RunUrl = $derived.by(() => parseRunUrl(this.#app.url, comparePage));

  constructor(app: AppState, baseId: string, page: () => PairPage, clock: PageClock = pageClock) {
    this.#app = app;
    this.playback = new Playback(
      this.loop,
      () => {
        this.base.moved();
        this.run.moved();
      },
      clock,
    );
    const shared = {
      loop: this.loop,
      playback: this.playback,
      choices: () => this.choices,
      pairing: () => page().pairing,
      choose: (change: Partial<RunUrl>, kind: Kind): void =>
        changeChoices(app, (choices) => pairPath(page().base, page().run, choices), change, kind, comparePage),
      follow: (of: SharedScene, heard: Heard): void => this.#follow(of, heard),
    };
    this.base = new RunView(app, baseId, clock, new SharedScene(shared, 'base'));
    this.run = new RunView(app, page().run, clock, new SharedScene(shared, 'run'));
  }

  /** Both can be shown. */
  get ready(): boolean {
    return this.base.ready && this.run.ready;
  }

  /** One of the runs has not ended. */
  get live(): boolean {
    return this.base.live || this.run.live;
  }

  /** Right end of both axes. */
  get axisEndNs(): number {
    return Math.max(reachOf(this.base.tableNow), reachOf(this.run.tableNow), this.playback.nowNs);
  }

  /** Opens both streams; the function it returns ends everything. */
  open(): () => void {
    const close = [this.base.open(), this.run.open()];
    return () => {
      for (const end of close) end();
    };
  }

  /** Nothing waits to be shown. */
  get idle(): boolean {
    return this.base.idle && this.run.idle;
  }

  /** The playhead moves when both runs have been heard of, or a link to a late moment would lead to an early one. */
  #follow(of: SharedScene, heard: Heard): void {
    this.#heard.set(of, heard);
    if (this.#heard.size < 2) return;
    const all = [...this.#heard.values()];
    const live = all.filter((one) => one.live);
    this.playback.follow(Math.max(...(live.length > 0 ? live : all).map((one) => one.nowNs)), live.length > 0);
  }
}

/** What both scenes of a pair share. */
interface Shared {
  readonly loop: FrameLoop;
  readonly playback: Playback;
  choices(): RunUrl;
  pairing(): Pairing | undefined;
  choose(change: Partial<RunUrl>, kind: Kind): void;
  follow(of: SharedScene, heard: Heard): void;
}

/** The scene of one run of a pair. Links name tasks by their node in the run; in the base it is that of the partner. */
class SharedScene implements RunScene {
  readonly modes = compareColourModes;
  readonly #shared: Shared;
  readonly #isBase: boolean;

  constructor(shared: Shared, side: 'base' | 'run') {
    this.#shared = shared;
    this.#isBase = side === 'base';
  }

  get loop(): FrameLoop {
    return this.#shared.loop;
  }

  get playback(): Playback {
    return this.#shared.playback;
  }

  get choices(): RunUrl {
    const choices = this.#shared.choices();
    if (!this.#isBase || choices.node === null) return choices;
    return { ...choices, node: known(this.#shared.pairing()?.baseOf(choices.node)) };
  }

  choose(change: Partial<RunUrl>, kind: Kind): void {
    const { node } = change;
    const isTranslated = this.#isBase && node !== undefined && node !== null;
    this.#shared.choose(isTranslated ? { ...change, node: known(this.#shared.pairing()?.runOf(node)) } : change, kind);
  }

  follow(nowNs: number, live: boolean): void {
    this.#shared.follow(this, { nowNs, live });
  }

  get ratioOf(): (node: number) => number {
    const pairing = this.#shared.pairing();
    if (pairing === undefined) return () => Number.NaN;
    return this.#isBase ? pairing.ratioOfBase : pairing.ratioOf;
  }
}

function known(node: number | undefined): number | null {
  return node === undefined || node < 0 ? null : node;
}
