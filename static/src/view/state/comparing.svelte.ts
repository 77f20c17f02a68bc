// What a page that compares two runs asks the service for.

import { Problem } from '../../api/problem';
import type { Comparison } from '../../api/schema';
import type { Api, QueryOf } from '../../api/client';
import { Pairing } from '../../model/comparison';
import { isAway, Resource } from './resource.svelte';

/** In place of a base: the last run of the same workflow before the run that succeeded. */
export const LAST_GOOD = 'last-good';

/** In place of a base: so many of them. */
const LAST_SEVERAL = /^last-(\d{1,2})$/;

/** How many earlier runs a base stands for; 0 for one that is named. */
export function setSize(base: string): number {
  return Number(LAST_SEVERAL.exec(base)?.[1] ?? 0);
}

/** A comparison as the service is asked for it. */
export function comparisonQuery(base: string, run: string): QueryOf<'compare-runs'> {
  if (base === LAST_GOOD) return { a: run, against: 'last-good' };
  const last = setSize(base);
  return last > 0 ? { a: run, last } : { a: base, b: run };
}

/** The comparison of one page: what was answered last, and which tasks are the same by that. */
export class Comparing {
  readonly #api: Api;
  readonly #query: QueryOf<'compare-runs'>;
  readonly #answer: Resource<Comparison>;

  readonly pairing: Pairing | undefined = $derived.by(() => this.value && new Pairing(this.value.columns));

  /** Nothing will be otherwise when it is asked again. */
  readonly settled: boolean = $derived.by(() => {
    if (this.error instanceof Problem && !isAway(this.error)) return true;
    return this.value !== undefined && this.value.base.ended && this.value.run.ended;
  });

  constructor(api: Api, base: string, run: string, track: <V>(work: Promise<V>) => Promise<V>) {
    this.#api = api;
    this.#query = comparisonQuery(base, run);
    this.#answer = new Resource<Comparison>(track);
  }

  ask(): Promise<void> {
    return this.#answer.load((signal) => this.#api.compare(this.#query, signal));
  }

  get value(): Comparison | undefined {
    return this.#answer.value;
  }

  get error(): unknown {
    return this.#answer.error;
  }

  stop(): void {
    this.#answer.stop();
  }
}
