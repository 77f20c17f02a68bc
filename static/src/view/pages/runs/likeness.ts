// Which past runs another one is measured by: the rule of the service (metricsstore/peers.go), as far as the list of runs
// and the form to launch can apply it. The versions of functions are known to the service alone.

import type { RunSummary } from '../../../api/schema';

/** What a run is asked for with, or is about to be. */
export interface Asked {
  readonly params: Readonly<Record<string, string>>;
  /** Sizes of the files that parameters name. */
  readonly inputs?: Readonly<Record<string, number>> | undefined;
}

/** It shows how long others take: it succeeded, and was not continued after an end, whose pause its makespan has too. */
export function isComparable(run: RunSummary): boolean {
  return run.status === 'succeeded' && run.revision === 0;
}

/** Two sizes of a class differ by less than a factor of two. */
export function sizeClass(bytes: number): number {
  return bytes > 0 ? Math.floor(Math.log2(bytes)) + 1 : 0;
}

/** Both were asked for with the same parameters, and with files of the same classes of size. */
export function isLike(one: Asked, other: Asked): boolean {
  const files = new Set([...Object.keys(one.inputs ?? {}), ...Object.keys(other.inputs ?? {})]);
  for (const name of files) {
    const [a, b] = [one.inputs?.[name], other.inputs?.[name]];
    if (a === undefined || b === undefined || sizeClass(a) !== sizeClass(b)) return false;
  }
  const names = new Set([...Object.keys(one.params), ...Object.keys(other.params)]);
  return [...names].every((name) => files.has(name) || one.params[name] === other.params[name]);
}

/** Of the runs of a workflow those that a run of it is compared with: comparable, like it, and before it. */
export function peersAmong(runs: readonly RunSummary[], of: RunSummary): RunSummary[] {
  const startMs = Date.parse(of.started_at);
  const isImported = of.imported !== null;
  return runs.filter((run) => {
    if (run.run === of.run || !isComparable(run) || !(Date.parse(run.started_at) < startMs)) return false;
    if (isImported !== (run.imported !== null)) return false;
    return isImported ? run.graph_hash === of.graph_hash : isLike(run, of);
  });
}
