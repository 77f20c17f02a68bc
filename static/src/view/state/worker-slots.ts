// How many slots and processors the workers of a run have, by number, where they are known.

import type { RunWorker } from '../../api/schema';

/** The most slots that each worker used; one that still works does not say. */
export function slotsOf(workers: readonly RunWorker[]): ReadonlyMap<number, number> {
  return new Map(workers.filter((w) => w.slots > 0).map((w) => [w.worker, w.slots]));
}

/** Processors of each worker: so many of its slots are always there. */
export function processorsOf(workers: readonly RunWorker[]): ReadonlyMap<number, number> {
  return new Map(workers.filter((w) => w.width > 0).map((w) => [w.worker, w.width]));
}
