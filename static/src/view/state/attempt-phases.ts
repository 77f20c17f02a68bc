// The phases of one attempt as of a moment: what the inspector draws as bars.

import { durationText } from '../../model/format';
import { Outcome, RowFlag, type RunTable } from '../../model/run-table';
import type { TaskState } from '../../model/task-state';

export const phaseNames = ['queue', 'wait', 'fetch', 'execute', 'store', 'update'] as const;
export type PhaseName = (typeof phaseNames)[number];

/** One phase: how long it has taken so far, and where its bar lies in the attempt, as shares of the whole width. */
export interface PhaseBar {
  readonly name: PhaseName;
  /** NaN while it has not begun. */
  readonly soFarNs: number;
  readonly at: number;
  readonly width: number;
  /** Share that lies after the moment, under the bar: what a replay knows will follow; 0 while live. */
  readonly rest: number;
}

export interface PhaseBars {
  readonly bars: readonly PhaseBar[];
  /** From ready to the end, or to the moment while it has not ended. */
  readonly spanNs: number;
  /** The attempt has ended. */
  readonly over: boolean;
}

/** Bars narrower than this share of the width would not be seen. */
const SLIVER = 0.005;

/**
 * Phases of a row as of atNs. A time that is not known, or lies before the one that should precede it, counts as that
 * one: clocks of workers may disagree. With `ahead` the bars are scaled to the whole attempt, else to what has passed.
 */
export function phaseBars(table: RunTable, row: number, atNs: number, ahead: boolean): PhaseBars {
  const stored = (table.flags[row]! & RowFlag.stored) !== 0;
  const edges = edgesOf(table, row, stored);
  const readyNs = edges[0]!;
  const endNs = lastKnown(edges);
  const over = edges.at(-1)! <= atNs;
  const shownNs = ahead ? endNs : Math.min(endNs, Math.max(atNs, readyNs));
  const known = Number.isNaN(edges.at(-1)!) ? Math.max(shownNs, Math.min(atNs, Infinity)) : shownNs;
  const widthNs = Math.max(known - readyNs, 1);
  const bars = phaseNames.map((name, k) => barOf(name, edges[k]!, edges[k + 1]!, { readyNs, widthNs, atNs, ahead }));
  return { bars, spanNs: over ? endNs - readyNs : Math.max(atNs - readyNs, 0), over };
}

/** What the bars are of, after the words 'Phases of attempt 1'; null before the first attempt. */
export function phasesText(bars: PhaseBars | null, state: TaskState): string {
  if (bars?.over) return `${durationText(bars.spanNs)} from ready to end`;
  if (state === 'not run') return bars ? 'ready until the run ended' : 'never ready';
  if (state === 'lost') return 'until the run ended';
  return bars ? 'so far' : 'not ready yet';
}

/**
 * Ready, claimed, fetching, started, body over, stored, updated: NaN from the first that is not known on. What was not
 * fetching between claim and start is drawn before it, as it is not known when it was; until the start all of it is fetching.
 * A cached task fetches its output as well, and has no body.
 */
function edgesOf(table: RunTable, row: number, stored: boolean): readonly number[] {
  const claimed = table.claimedNs[row]!;
  const started = table.startedNs[row]!;
  const ended = table.endedNs[row]!;
  const updated = table.updatedNs[row]!;
  const raw = [
    table.readyNs[row]!,
    claimed,
    Number.isNaN(started) ? claimed : started - Math.min(table.fetchNs[row]!, Math.max(0, started - claimed)),
    table.outcome[row] === Outcome.cached ? ended : started,
    ended,
    stored || Number.isNaN(ended) ? updated : ended,
    updated,
  ];
  for (let k = 1; k < raw.length; k++) raw[k] = raw[k]! < raw[k - 1]! ? raw[k - 1]! : raw[k]!;
  return raw;
}

function lastKnown(edges: readonly number[]): number {
  let last = edges[0]!;
  for (const edge of edges) if (edge > last) last = edge;
  return last;
}

interface Span {
  readonly readyNs: number;
  readonly widthNs: number;
  readonly atNs: number;
  readonly ahead: boolean;
}

function barOf(name: PhaseName, fromNs: number, toNs: number, span: Span): PhaseBar {
  const begun = fromNs <= span.atNs;
  const untilNs = toNs <= span.atNs ? toNs : span.atNs;
  const soFarNs = begun && untilNs > fromNs ? untilNs - fromNs : Number.NaN;
  const share = (ns: number): number => Math.min(1, Math.max(0, ns / span.widthNs));
  const at = Number.isNaN(fromNs) ? 0 : share(fromNs - span.readyNs);
  const width = Number.isNaN(soFarNs) ? 0 : Math.max(SLIVER, share(soFarNs));
  const whole = span.ahead && toNs > fromNs ? share(toNs - fromNs) : 0;
  return {
    name,
    soFarNs,
    at: Math.min(at, 1 - SLIVER),
    width: Math.min(width, 1 - at || SLIVER),
    rest: Math.max(0, whole - width),
  };
}
