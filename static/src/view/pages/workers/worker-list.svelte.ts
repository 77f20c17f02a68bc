// The live workers, and how busy they were since the page was opened.

import type { Worker } from '../../../api/schema';
import type { AppState } from '../../state/app.svelte';
import { Resource } from '../../state/resource.svelte';

/** Moments of busyness that are kept per worker: a strip of as many bars. */
export const MOMENTS = 60;

/** Busy slots at one moment, and the processors that they share. */
export interface Moment {
  readonly busy: number;
  readonly width: number;
}

/**
 * The top of a strip: the processors, for as many busy slots keep the machine busy however many slots were opened
 * for tasks that blocked; and more where more slots were busy.
 */
export function fullOf(moments: readonly Moment[]): number {
  return Math.max(1, ...moments.map(({ busy, width }) => Math.max(busy, width)));
}

/** Which worker, over restarts: a name may come back in another process. */
export function workerKey(worker: Worker): string {
  return `${worker.host} ${worker.pid} ${worker.name}`;
}

/** What was seen, with one more moment; workers that are gone are forgotten. */
export function remembered(
  history: ReadonlyMap<string, readonly Moment[]>,
  workers: readonly Worker[],
): ReadonlyMap<string, readonly Moment[]> {
  return new Map(
    workers.map((worker) => {
      const before = history.get(workerKey(worker)) ?? [];
      return [workerKey(worker), [...before, { busy: worker.busy, width: worker.width }].slice(-MOMENTS)];
    }),
  );
}

export class WorkerList {
  readonly resource: Resource<readonly Worker[]>;
  #app: AppState;
  #history: ReadonlyMap<string, readonly Moment[]> = $state.raw(new Map());

  constructor(app: AppState) {
    this.#app = app;
    this.resource = new Resource((work) => app.track(work));
  }

  get history(): ReadonlyMap<string, readonly Moment[]> {
    return this.#history;
  }

  async load(): Promise<void> {
    await this.resource.load(async (signal) => (await this.#app.api.workers(signal)).workers);
    if (this.resource.error === undefined) this.#history = remembered(this.#history, this.resource.value ?? []);
  }
}
