// What the workers of a run are called on a page: their number in the run, and the process that each was.

import type { RunWorker } from '../../api/schema';
import { workerName } from '../../model/events';
import type { Lanes } from '../../model/lanes';
import type { Preparation } from '../../model/preparation';

export interface WorkerLabel {
  readonly number: number;
  /** w0, as events and lanes have it. */
  readonly name: string;
  /** The process: its own name, with its host where that distinguishes it. Empty where it is not known. */
  readonly process: string;
  /** What it made ready before it claimed a task; what was there already is left out. */
  readonly preparations: readonly Preparation[];
}

/** Workers that took part, by number: those of the records and those that lanes were seen of. */
export function workerLabels(workers: readonly RunWorker[], lanes: Lanes): WorkerLabel[] {
  const nameOf = processNames(workers);
  const labels = new Map(lanes.workers.map(({ worker }) => [worker, unknown(worker)]));
  for (const one of workers) {
    labels.set(one.worker, { ...unknown(one.worker), process: nameOf(one), preparations: preparationsOf(one) });
  }
  return [...labels.values()].sort((a, b) => a.number - b.number);
}

/** A worker of which only the number is known. */
function unknown(number: number): WorkerLabel {
  return { number, name: workerName(number), process: '', preparations: [] };
}

function preparationsOf({ preparations = [] }: RunWorker): Preparation[] {
  return preparations
    .filter(({ reused }) => !reused)
    .map(({ name, started_ns: fromNs, ended_ns: endedNs, bytes, error = '' }) => ({
      name,
      fromNs,
      toNs: endedNs ?? Infinity,
      bytes,
      error,
    }));
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
export function byNumber(labels: readonly WorkerLabel[]): readonly WorkerLabel[] {
  const known = new Map(labels.map((label) => [label.number, label]));
  return Array.from({ length: 1 + (labels.at(-1)?.number ?? -1) }, (_, n) => known.get(n) ?? unknown(n));
}
