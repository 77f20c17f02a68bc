// The head of a run page: of a live run as of now, of an ended one as a whole, wherever the playhead is.

import { type Findings, findingsOf } from '../../model/findings';
import { figuresAt, type RunFigures, type Traffic, trafficOf } from '../../model/run-figures';
import { countStates, type StateCounts } from '../../model/states';
import type { RunView } from './run.svelte';

/** What the head shows, made from the run's table. */
export class RunHead {
  readonly #view: RunView;

  constructor(view: RunView) {
    this.#view = view;
  }

  /** The moment that the head is of. */
  readonly atNs: number = $derived.by(() => {
    const view = this.#view;
    if (!view.live) return view.playback.nowNs;
    return view.playback.pinned
      ? view.atNs
      : Math.max(
          view.playback.nowNs,
          view.read((_, table) => table.nowNs),
        );
  });

  readonly figures: RunFigures = $derived.by(() =>
    this.#view.read((_, table) => figuresAt(table, this.#view.lanes, this.atNs)),
  );

  readonly counts: StateCounts = $derived.by(() =>
    this.#view.read((index, table) => countStates(index, table, this.atNs)),
  );

  readonly traffic: Traffic | undefined = $derived.by(() => this.#view.read(trafficOf));

  readonly findings: Findings = $derived.by(() =>
    this.#view.read((index, table) => {
      const { error, status } = this.#view.summaryNow;
      const context = { failure: error, expected: this.#view.expected, status };
      return findingsOf(index, table, this.#view.lanes, this.atNs, context);
    }),
  );

  /** Time since the last event of a live run. */
  get sinceEventNs(): number {
    return this.#view.playback.nowNs - (this.#view.events.atNs.at(-1) ?? 0);
  }
}
