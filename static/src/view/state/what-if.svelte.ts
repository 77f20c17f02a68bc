// The answer to the question of the what-if tab, asked for when the question rests.

import type { Api } from '../../api/client';
import type { Answer } from '../../api/schema';
import { Resource } from './resource.svelte';

export class WhatIfAnswer {
  readonly #api: Api;
  readonly #run: string;
  readonly #resource: Resource<Answer>;

  constructor(api: Api, run: string, track: <V>(work: Promise<V>) => Promise<V>) {
    this.#api = api;
    this.#run = run;
    this.#resource = new Resource<Answer>(track);
  }

  /** Asks a question, as formatWhatIf writes it; what is shown stays until its answer has come. */
  ask(question: string): void {
    void this.#resource.load((signal) => this.#api.whatIf(this.#run, question, signal));
  }

  get value(): Answer | undefined {
    return this.#resource.value;
  }

  get error(): unknown {
    return this.#resource.error;
  }

  get loading(): boolean {
    return this.#resource.loading;
  }

  stop(): void {
    this.#resource.stop();
  }
}
