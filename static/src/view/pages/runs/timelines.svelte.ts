// Slots over time of the runs in sight: asked for when a row comes into view, few at a time, kept while the page is open.

import { SvelteMap } from 'svelte/reactivity';

import type { RunSummary, Timeline } from '../../../api/schema';
import type { AppState } from '../../state/app.svelte';

/** As many spans as a sparkline has room for: two pixels each. */
const BUCKETS = 60;
/** Requests at once: the page stays quick, and the service answers people first. */
const AT_ONCE = 3;
/** A live run's shape is asked for at most this often. */
const LIVE_MS = 2000;

interface Entry {
  /** What the shape was asked for: an ended run is never asked for again. */
  readonly version: string;
  readonly atMs: number;
}

/** Shapes by run. `want` is cheap and may be called for every row on every change. */
export class Timelines {
  #app: AppState;
  #known = new SvelteMap<string, Timeline>();
  #asked = new Map<string, Entry>();
  #queue: RunSummary[] = [];
  #under = 0;

  constructor(app: AppState) {
    this.#app = app;
  }

  /** No request is under way or waiting. */
  get settled(): boolean {
    return this.#under === 0 && this.#queue.length === 0;
  }

  of(run: string): Timeline | undefined {
    return this.#known.get(run);
  }

  /** Asks for the shape of a run in sight, unless it is known or was asked for a moment ago. */
  want(run: RunSummary, nowMs: number): void {
    const version = `${run.revision} ${run.live ? run.last_seq : 'ended'}`;
    const asked = this.#asked.get(run.run);
    if (asked?.version === version) return;
    if (asked !== undefined && run.live && nowMs - asked.atMs < LIVE_MS) return;
    this.#asked.set(run.run, { version, atMs: nowMs });
    this.#queue.push(run);
    this.#next();
  }

  #next(): void {
    if (this.#under >= AT_ONCE) return;
    const run = this.#queue.shift();
    if (run === undefined) return;
    this.#under++;
    void this.#load(run).finally(() => {
      this.#under--;
      this.#next();
    });
  }

  async #load(run: RunSummary): Promise<void> {
    try {
      this.#known.set(run.run, await this.#app.track(this.#app.api.timeline(run.run, { buckets: BUCKETS })));
    } catch {
      this.#asked.delete(run.run); // an extra: the row stands without it and asks again when it changes
    }
  }
}
