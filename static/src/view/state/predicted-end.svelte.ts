// When a live run will end, as the service predicts it again and again.

import type { Api } from '../../api/client';
import type { EndPrediction } from '../../api/schema';
import { type ExpectedEnd, expectedEnd } from './expected-end';
import { poll } from './poll';
import { Resource } from './resource.svelte';

/** A prediction reads the log of the run and simulates the rest of it. */
const EVERY_MS = 2000;

export class PredictedEnd {
  readonly #api: Api;
  readonly #run: string;
  readonly #resource: Resource<EndPrediction>;

  constructor(api: Api, run: string, track: <V>(work: Promise<V>) => Promise<V>) {
    this.#api = api;
    this.#run = run;
    this.#resource = new Resource<EndPrediction>(track);
  }

  /** Null while nothing is known, and where there is too little to predict from. */
  readonly expected: ExpectedEnd | null = $derived.by(() => expectedEnd(this.#resource.value));

  /** Asks while the page is visible; returns what ends it. */
  follow(page: Document): () => void {
    const end = poll(page, EVERY_MS, () => this.#resource.load((signal) => this.#api.predictEnd(this.#run, signal)));
    return () => {
      end();
      this.#resource.clear();
    };
  }
}
