// When a run as a whole was at a standstill, for which no task is to blame.

import { MarkKind, type RunTable } from './run-table';

/** The run handed out no task: it was paused, or had ended and was continued later. */
export interface Standstill {
  readonly kind: 'paused' | 'over';
  readonly fromNs: number;
  /** Infinity while it lasts. */
  readonly toNs: number;
}

const cache = new WeakMap<RunTable, { version: number; stretches: readonly Standstill[] }>();

/** Pauses and the gaps between revisions, in order. */
export function standstillsOf(table: RunTable): readonly Standstill[] {
  const known = cache.get(table);
  if (known?.version === table.version) return known.stretches;
  const stretches: Standstill[] = [];
  let [pausedNs, finishedNs] = [NaN, NaN];
  const endPause = (toNs: number): void => {
    if (pausedNs < toNs) stretches.push({ kind: 'paused', fromNs: pausedNs, toNs });
    pausedNs = NaN;
  };
  for (const { kind, atNs } of table.marks) {
    if (kind === MarkKind.runPaused && Number.isNaN(pausedNs)) pausedNs = atNs;
    else if (kind === MarkKind.runResumed) endPause(atNs);
    else if (kind === MarkKind.runFinished) {
      endPause(atNs);
      finishedNs = atNs;
    } else if (kind === MarkKind.runStarted && finishedNs < atNs) {
      stretches.push({ kind: 'over', fromNs: finishedNs, toNs: atNs });
    }
  }
  endPause(table.ended ? table.nowNs : Infinity);
  cache.set(table, { version: table.version, stretches });
  return stretches;
}

/** What a standstill is called on pictures and in tables. */
export function standstillWord({ kind }: Standstill): string {
  return kind === 'paused' ? 'paused' : 'between two revisions';
}

/** The standstill that a moment is in; undefined where there is none. */
export function standstillAt(table: RunTable, atNs: number): Standstill | undefined {
  return standstillsOf(table).find(({ fromNs, toNs }) => fromNs <= atNs && atNs < toNs);
}

/** How much of a stretch of time was standstill; of one kind alone, where a kind is given. */
export function standstillNs(table: RunTable, fromNs: number, toNs: number, kind?: Standstill['kind']): number {
  let total = 0;
  for (const one of standstillsOf(table)) {
    if (kind !== undefined && one.kind !== kind) continue;
    total += Math.max(0, Math.min(one.toNs, toNs) - Math.max(one.fromNs, fromNs));
  }
  return total;
}

/** The run is paused at a moment. */
export function isPausedAt(table: RunTable, atNs: number): boolean {
  return standstillAt(table, atNs)?.kind === 'paused';
}
