// What workers are called on a page.

import type { RunWorker } from '../../api/schema';
import { workerName } from '../../model/events';
import type { Lanes } from '../../model/lanes';

export interface WorkerLabel {
  readonly number: number;
  /** w0, as events and lanes have it. */
  readonly name: string;
  /** Empty where it is not known. */
  readonly host: string;
}

/** Workers that took part, by number: those of the records and those that lanes were seen of. */
export function workerLabels(workers: readonly RunWorker[], lanes: Lanes): WorkerLabel[] {
  const hosts = new Map<number, string>(lanes.workers.map((worker) => [worker.worker, '']));
  for (const worker of workers) hosts.set(worker.worker, worker.host === '' ? worker.name : worker.host);
  return [...hosts].sort(([a], [b]) => a - b).map(([number, host]) => ({ number, name: workerName(number), host }));
}

/** The same as a list in which each has the place of its number. */
export function byNumber(labels: readonly WorkerLabel[]): { readonly name: string; readonly host: string }[] {
  const last = labels.at(-1)?.number ?? -1;
  const known = new Map(labels.map((label) => [label.number, label]));
  return Array.from({ length: last + 1 }, (_, n) => ({ name: workerName(n), host: known.get(n)?.host ?? '' }));
}
