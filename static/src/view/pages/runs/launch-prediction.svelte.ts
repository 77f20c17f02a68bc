// How long the run in the form would take, asked for when the form rests.

import type { Prediction } from '../../../api/schema';
import type { AppState } from '../../state/app.svelte';
import { Resource } from '../../state/resource.svelte';
import { predictionQuery, type PredictionQuery } from './launch';
import type { LaunchForm } from './launch-form.svelte';

const REST_MS = 300;

export class LaunchPrediction {
  readonly #app: AppState;
  readonly #form: LaunchForm;
  readonly #resource: Resource<Prediction>;
  #of = $state('');

  constructor(app: AppState, form: LaunchForm) {
    this.#app = app;
    this.#form = form;
    this.#resource = new Resource<Prediction>((work) => app.track(work));
  }

  readonly #query: PredictionQuery | undefined = $derived.by(() => {
    const { workflow, values } = this.#form;
    return workflow && predictionQuery(workflow, values);
  });

  /** Undefined while it is asked for, and where the service cannot predict from what is in the form. */
  get value(): Prediction | undefined {
    return this.#query !== undefined && this.#of === JSON.stringify(this.#query) ? this.#resource.value : undefined;
  }

  /** Asks once the form rests; returns what ends that. */
  ask(): () => void {
    const query = this.#query;
    if (query === undefined) return () => undefined;
    const timer = setTimeout(() => {
      const load = this.#resource.load((signal) => this.#app.api.predict(query, signal));
      void load.then(() => {
        if (this.#resource.error === undefined) this.#of = JSON.stringify(query);
      });
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      this.#resource.stop();
    };
  }
}
