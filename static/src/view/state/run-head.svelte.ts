// The head of a run page: of a live run as of now, of an ended one as a whole, wherever the playhead is.

import type { RunSummary } from '../../api/schema';
import { type Bounds, boundsOf } from '../../model/bounds';
import { type Findings, findingsOf, longRunning, type Recording } from '../../model/findings';
import { lanesOf } from '../../model/lanes';
import { figuresAt, type RunFigures, type Traffic, trafficOf } from '../../model/run-figures';
import type { Span } from '../../model/sentence';
import { isPausedAt } from '../../model/standstill';
import { countStates } from '../../model/state-counts';
import type { StateCounts } from '../../model/states';
import type { RunView } from './run.svelte';

/** What the head shows, made from the run's table. */
export class RunHead {
  readonly #view: RunView;

  constructor(view: RunView) {
    this.#view = view;
  }

  /** The moment that the head is of: now, or the end. */
  get atNs(): number {
    return this.#view.playback.nowNs;
  }

  readonly figures: RunFigures = $derived.by(() => {
    const { slots, processors } = this.#view;
    return this.#view.readNow((_, table) => figuresAt(table, lanesOf(table, slots, processors), this.atNs));
  });

  readonly counts: StateCounts = $derived.by(() =>
    this.#view.readNow((index, table) => countStates(index, table, this.atNs)),
  );

  readonly bounds: Bounds | undefined = $derived.by(() =>
    this.#view.live ? undefined : this.#view.read((index, table) => boundsOf(index, table, this.#view.lanes)),
  );

  readonly paused: boolean = $derived.by(() => this.#view.readNow((_, table) => isPausedAt(table, this.atNs)));

  readonly traffic: Traffic | undefined = $derived.by(() => this.#view.read(trafficOf));

  /** Of a live run; it compares with medians, which costs too much to be made with each version. */
  readonly #longRunning: readonly Span[] = $derived.by(() =>
    this.#view.live ? this.#view.read((index, table) => longRunning(index, table, table.nowNs)) : [],
  );

  readonly findings: Findings = $derived.by(() =>
    this.#view.readNow((index, table) => {
      const { error, status, records } = this.#view.summaryNow;
      const context = {
        failure: error,
        expected: this.#view.expected,
        status: records.end_unknown ? 'unknown' : status,
        imported: recordingOf(this.#view.summaryNow),
      };
      const known = { figures: this.figures, counts: this.counts, longRunning: this.#longRunning };
      return findingsOf(index, table, this.#view.lanes, this.atNs, context, known);
    }),
  );

  /** Time since the last event of a live run. */
  get sinceEventNs(): number {
    return this.#view.playback.nowNs - (this.#view.events.atNs.at(-1) ?? 0);
  }
}

function recordingOf({ imported, schedule_ns: scheduleNs }: RunSummary): Recording | null {
  if (imported === null) return null;
  const { recorded_ns: recordedNs, explained_ns: explainedNs } = imported;
  return { recordedNs, explainedNs, isReconstructed: scheduleNs !== null };
}
