// Past makespans by workflow: what a run is ranked among, and what to expect of the next one.

import { SvelteMap } from 'svelte/reactivity';

import type { RunSummary } from '../../../api/schema';
import type { AppState } from '../../state/app.svelte';

/** Runs that are read per workflow, the newest ones: as many as a strip of ticks can show. */
const RUNS = 200;

/** Succeeded runs of one workflow, newest first. */
export interface Past {
  readonly runs: readonly RunSummary[];
}

/** Owned by the page. Loaded once per workflow while it is open, and again when a run of the workflow has ended. */
export class Makespans {
  #app: AppState;
  #known = new SvelteMap<string, Past>();
  #asked = new Set<string>();

  constructor(app: AppState) {
    this.#app = app;
  }

  /** What is known now; asks for it where it is not. Call it outside of templates. */
  want(workflow: string): void {
    if (workflow === '' || this.#asked.has(workflow)) return;
    this.#asked.add(workflow);
    void this.#load(workflow);
  }

  of(workflow: string): Past | undefined {
    return this.#known.get(workflow);
  }

  /** A run of the workflow has ended: what is known is no longer all. */
  renew(workflow: string): void {
    if (this.#asked.has(workflow)) void this.#load(workflow);
  }

  async #load(workflow: string): Promise<void> {
    try {
      const answer = await this.#app.track(this.#app.api.runs({ workflow, status: ['succeeded'], limit: RUNS }));
      this.#known.set(workflow, { runs: answer.runs });
    } catch {
      this.#asked.delete(workflow); // the strip is an extra; the list itself reports that the service fails
    }
  }
}
