// The head of a run page: of a live run as of now, of an ended one as a whole, wherever the playhead is.

import type { RunSummary } from '../../api/schema';
import { type Bounds, boundsOf } from '../../model/bounds';
import { type Findings, findingsOf, longRunning, type Recording } from '../../model/findings';
import type { GraphIndex } from '../../model/graph-index';
import { longestPreparation } from '../../model/preparation';
import type { Prepared } from '../../model/reason-words';
import { figuresAt, type RunFigures, type Traffic, trafficOf } from '../../model/run-figures';
import { lanesOf } from '../../model/run-lanes';
import type { RunTable } from '../../model/run-table';
import type { Span } from '../../model/sentence';
import { isPausedAt } from '../../model/standstill';
import { countStates } from '../../model/state-counts';
import type { StateCounts } from '../../model/states';
import type { RunAnalysis } from './run-analysis.svelte';
import type { WorkerLabel } from './worker-labels';

/** What the head reads of its run; every getter is reactive. */
export interface HeadSource {
  readonly playback: { readonly nowNs: number };
  readonly live: boolean;
  readonly analysis: Pick<RunAnalysis, 'slots' | 'processors' | 'lanes' | 'events' | 'expected' | 'workerNames'>;
  /** Only where there is an index and a table to read. */
  readonly summaryNow: RunSummary;
  /** A value made again with each version of the table, and the same for what costs more: not with each version. */
  readNow<T>(make: (index: GraphIndex, table: RunTable) => T): T;
  read<T>(make: (index: GraphIndex, table: RunTable) => T): T;
}

/** What the head shows, made from the run's table. */
export class RunHead {
  readonly #run: HeadSource;

  constructor(run: HeadSource) {
    this.#run = run;
  }

  /** The moment that the head is of: now, or the end. */
  get atNs(): number {
    return this.#run.playback.nowNs;
  }

  readonly figures: RunFigures = $derived.by(() => {
    const { slots, processors } = this.#run.analysis;
    return this.#run.readNow((_, table) => figuresAt(table, lanesOf(table, slots, processors), this.atNs));
  });

  readonly counts: StateCounts = $derived.by(() =>
    this.#run.readNow((index, table) => countStates(index, table, this.atNs)),
  );

  readonly bounds: Bounds | undefined = $derived.by(() =>
    this.#run.live ? undefined : this.#run.read((index, table) => boundsOf(index, table, this.#run.analysis.lanes)),
  );

  readonly paused: boolean = $derived.by(() => this.#run.readNow((_, table) => isPausedAt(table, this.atNs)));

  readonly traffic: Traffic | undefined = $derived.by(() => this.#run.read(trafficOf));

  /** Of a live run; it compares with medians, which costs too much to be made with each version. */
  readonly #longRunning: readonly Span[] = $derived.by(() =>
    this.#run.live ? this.#run.read((index, table) => longRunning(index, table, table.nowNs)) : [],
  );

  readonly findings: Findings = $derived.by(() =>
    this.#run.readNow((index, table) => {
      const { error, status, records } = this.#run.summaryNow;
      const context = {
        failure: error,
        expected: this.#run.analysis.expected,
        status: records.end_unknown ? 'unknown' : status,
        imported: recordingOf(this.#run.summaryNow),
        prepared: preparedLongest(this.#run.analysis.workerNames),
      };
      const known = { figures: this.figures, counts: this.counts, longRunning: this.#longRunning };
      return findingsOf(index, table, this.#run.analysis.lanes, this.atNs, context, known);
    }),
  );

  /** Time since the last event of a live run. */
  get sinceEventNs(): number {
    return this.#run.playback.nowNs - (this.#run.analysis.events.atNs.at(-1) ?? 0);
  }
}

function preparedLongest(workers: readonly WorkerLabel[]): Prepared | undefined {
  return longestPreparation(
    workers.flatMap(({ name: worker, preparations }) => preparations.map((one) => ({ ...one, worker }))),
  );
}

function recordingOf({ imported, schedule_ns: scheduleNs }: RunSummary): Recording | null {
  if (imported === null) return null;
  const { recorded_ns: recordedNs, explained_ns: explainedNs } = imported;
  return { recordedNs, explainedNs, isReconstructed: scheduleNs !== null };
}
