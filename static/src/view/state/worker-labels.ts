// What the workers of a run are called on a page: their number in the run, and the process that each was.

import type { RunWorker } from '../../api/schema';
import { workerName } from '../../model/events';
import type { Lanes } from '../../model/lanes';

export interface WorkerLabel {
  readonly number: number;
  /** w0, as events and lanes have it. */
  readonly name: string;
  /** The process: its own name, with its host where that distinguishes it. Empty where it is not known. */
  readonly process: string;
}

/** Workers that took part, by number: those of the records and those that lanes were seen of. */
export function workerLabels(workers: readonly RunWorker[], lanes: Lanes): WorkerLabel[] {
  const processes = new Map<number, string>(lanes.workers.map((worker) => [worker.worker, '']));
  const nameOf = processNames(workers);
  for (const worker of workers) processes.set(worker.worker, nameOf(worker));
  return [...processes]
    .sort(([a], [b]) => a - b)
    .map(([number, process]) => ({ number, name: workerName(number), process }));
}

/** What distinguishes the process of a worker from the others of its run. One that is alone is named by its host. */
export function processNames(workers: readonly RunWorker[]): (worker: RunWorker) => string {
  const hosts = new Set(workers.map(({ host }) => host)).size;
  return (worker) => processName(worker, workers.length, hosts);
}

/** The same where it is known how many workers there are, on how many hosts. */
function processName(worker: RunWorker, workers: number, hosts: number): string {
  const isNamed = !worker.name.startsWith(`${worker.host}:`); // on purpose: the default is host and process
  if (worker.host === '') return worker.name;
  if (!isNamed) return workers === 1 ? worker.host : worker.name;
  return hosts > 1 ? `${worker.name} ${worker.host}` : worker.name;
}

/** The same as a list in which each has the place of its number. */
export function byNumber(labels: readonly WorkerLabel[]): { readonly name: string; readonly process: string }[] {
  const last = labels.at(-1)?.number ?? -1;
  const known = new Map(labels.map((label) => [label.number, label]));
  return Array.from({ length: last + 1 }, (_, n) => ({ name: workerName(n), process: known.get(n)?.process ?? '' }));
}
