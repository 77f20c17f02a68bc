// What follows from the table of a run, the moment shown and the choices of its page, for pictures and panels alike.

import type { RunSummary } from '../../api/schema';
import type { NodeColours } from '../../draw/node-colours';
import {
  cpuStep,
  memoryStep,
  NO_STEP,
  rankStep,
  ratioStep,
  remembered,
  slackStep,
  topMemory,
} from '../../model/colour-steps';
import { cpuShareOf } from '../../model/cpu-share';
import { type CriticalPath, criticalPathOf } from '../../model/critical-path';
import { durationRankOf } from '../../model/duration-rank';
import { eventsOf, type RunEvents } from '../../model/events';
import { functionColour } from '../../model/function-colour';
import type { GraphIndex } from '../../model/graph-index';
import type { Lanes } from '../../model/lanes';
import { type Metric, metricsOf, valueOf } from '../../model/metric';
import { lastRowOf } from '../../model/node-rows';
import { mostMemoryOf } from '../../model/peak-memory';
import { type Landmarks, landmarksOf } from '../../model/landmarks';
import { lanesOf } from '../../model/run-lanes';
import { NO_WORKER, Outcome, type RunTable } from '../../model/run-table';
import { slackOf } from '../../model/slack';
import { countStates } from '../../model/state-counts';
import { endedAttempts, type StateCounts } from '../../model/states';
import { type FunctionStatistics, TYPICAL_NEEDS, statisticsAt } from '../../model/statistics';
import type { ColourMode } from '../../model/url-state';
import { type ExpectedEnd, liveAxisNs } from './expected-end';
import { NO_PAST, type Past, pastOf, shareBelow } from './history-rank';
import { factsOf, type TaskFacts } from './inspect';
import { measureOf, type StripEnds, stripEnds } from './median-strip';
import type { RunScene } from './run-scene';
import type { RunSource } from './run-source.svelte';
import { byNumber, type WorkerLabel, workerLabels } from './worker-labels';
import { processorsOf, slotsOf } from './worker-slots';

/** Later than anything that happened, and yet before the end of a live run. */
const AFTER_ALL = Number.MAX_VALUE;

/** What of a run page the analysis reads; every getter is reactive. */
interface AnalysisSource {
  readonly source: RunSource;
  readonly scene: Pick<RunScene, 'ratioOf'>;
  readonly end: { readonly expected: ExpectedEnd | null };
  readonly playback: { readonly nowNs: number };
  readonly summaryNow: RunSummary;
  readonly live: boolean;
  readonly atNs: number;
  readonly shownNs: number;
  readonly mode: ColourMode;
  readonly metric: Metric;
  readonly selected: number;
  /** A value made again with each version of the table, and the same for what costs more: not with each version. */
  readNow<T>(make: (index: GraphIndex, table: RunTable) => T): T;
  read<T>(make: (index: GraphIndex, table: RunTable) => T): T;
}

/** Pure selectors of the model over one run page, each made again when what it reads has changed. It owns no state. */
export class RunAnalysis {
  readonly #run: AnalysisSource;

  constructor(run: AnalysisSource) {
    this.#run = run;
  }

  readonly functionNames: readonly string[] = $derived.by(
    () => this.#run.source.index?.graph.functions.map((f) => f.function) ?? [],
  );

  /** When a live run will end; null where that is unknown. */
  get expected(): ExpectedEnd | null {
    return this.#run.live ? this.#run.end.expected : null;
  }

  /** Right end of the lanes. */
  get axisEndNs(): number {
    return this.#run.live ? liveAxisNs(this.#run.playback.nowNs, this.expected) : this.#run.playback.nowNs;
  }

  /** As of the moment that pictures show, with each version: one moment has one count, wherever it is shown. */
  readonly counts: StateCounts = $derived.by(() =>
    this.#run.readNow((index, table) => countStates(index, table, this.#run.shownNs)),
  );
  /** States as they are in the end, or now: which of the rare ones need a place. */
  readonly finalCounts: StateCounts = $derived.by(() =>
    this.#run.read((index, table) => countStates(index, table, AFTER_ALL)),
  );
  readonly events: RunEvents = $derived.by(() => this.#run.read(eventsOf));
  readonly lanes: Lanes = $derived.by(() => this.#run.read((_, table) => lanesOf(table, this.slots, this.processors)));
  readonly statistics: readonly FunctionStatistics[] = $derived.by(() =>
    this.#run.read((index, table) => statisticsAt(index, table, this.#run.metric, this.#run.atNs)),
  );
  readonly #executed: readonly FunctionStatistics[] = $derived.by(() =>
    this.#run.read((index, table) => statisticsAt(index, table, 'execute_ns', this.#run.atNs)),
  );
  readonly path: CriticalPath | undefined = $derived.by(() =>
    this.#run.live ? undefined : this.#run.read((index, table) => criticalPathOf(index, table)),
  );
  readonly pathNodes: readonly number[] = $derived.by(() => this.path?.steps.map((step) => step.node) ?? []);
  readonly stripEnds: StripEnds = $derived.by(() => this.#run.read((index, table) => this.#endsOf(index, table)));

  readonly taskCount: number = $derived.by(() => this.#run.readNow((index) => index.tasks));

  readonly slots: ReadonlyMap<number, number> = $derived.by(() => slotsOf(this.#run.source.workers));
  readonly processors: ReadonlyMap<number, number> = $derived.by(() => processorsOf(this.#run.source.workers));

  readonly workerNames: readonly WorkerLabel[] = $derived.by(() => workerLabels(this.#run.source.workers, this.lanes));
  readonly workerList: readonly WorkerLabel[] = $derived.by(() => byNumber(this.workerNames));

  /** The task whose detail is asked for: the selected one, else the one that ended the run. */
  readonly asked: number = $derived.by(() =>
    this.#run.selected >= 0 ? this.#run.selected : (this.#run.source.summary?.error?.node ?? -1),
  );

  factsOf(node: number): TaskFacts {
    return this.#run.read((index, table) => factsOf(index, table, node, this.#run.atNs));
  }

  /** Metrics of which the run has a value. */
  get measured(): readonly Metric[] {
    return this.#run.read((_, table) => metricsOf(table));
  }

  /** The largest peak memory of an attempt, NaN where none was measured. */
  get mostMemoryBytes(): number {
    return this.#run.read((_, table) => mostMemoryOf(table));
  }

  get landmarks(): Landmarks {
    return this.#run.read(landmarksOf);
  }

  onPath(node: number): boolean {
    return this.path?.nodes.has(node) ?? false;
  }

  slackOf(node: number): number {
    return this.#run.read((index, table) => slackOf(index, table, node));
  }

  /** History of a function by its number; undefined while it is asked for. */
  pastOf(fn: number): Past | undefined {
    return pastOf(this.#run.source.past, this.#run.source.index?.graph.functions[fn]);
  }

  /** The same for saying where a task stands in it: nothing where it is of too few runs. */
  rankedPastOf(fn: number): Past | undefined {
    return this.#run.source.comparable ? this.pastOf(fn) : NO_PAST;
  }

  /** How long a task of a function should execute: as others of this run did, else as those of past runs; else NaN. */
  expectedNs(fn: number): number {
    const own = this.#executed[fn];
    if (own !== undefined && own.n >= TYPICAL_NEEDS) return own.p50;
    return this.pastOf(fn)?.p50 ?? Number.NaN;
  }

  /** How many attempts of that task have ended: its detail is asked for again when one more has. */
  readonly askedEnds: number = $derived.by(() =>
    this.asked < 0 ? 0 : this.#run.read((_, table) => endedAttempts(table, this.asked)),
  );

  readonly colours: NodeColours = $derived.by(() => {
    const { workflow } = this.#run.summaryNow;
    const workers = 1 + (this.lanes.workers.at(-1)?.worker ?? -1);
    return {
      mode: this.#run.mode,
      functions: this.functionNames.map((_, k) => functionColour(workflow, k)),
      workers: Array.from({ length: workers }, (_, k) => functionColour('workers', k)),
      step: remembered(this.#stepsOf(this.#run.mode)),
    };
  });

  /** What gives a task its step of the ramp; another one when what it reads has changed. */
  #stepsOf(mode: ColourMode): (node: number) => number {
    const { source, scene } = this.#run;
    if (mode === 'ratio') {
      const { ratioOf } = scene; // another one when the ratios are others
      return (node) => ratioStep(ratioOf(node));
    }
    if (mode === 'duration') return (node) => rankStep(durationRankOf(source.table, node));
    if (mode === 'cpu') return (node) => cpuStep(cpuShareOf(source.table, lastRowOf(source.table, node)));
    if (mode === 'memory') {
      const topBytes = topMemory(this.mostMemoryBytes);
      return (node) => memoryStep(valueOf(source.table, lastRowOf(source.table, node), 'memory_bytes') / topBytes);
    }
    if (mode === 'slack') {
      const makespanNs = this.path?.totalNs ?? Number.NaN;
      return (node) => slackStep(this.slackOf(node) / makespanNs);
    }
    if (mode !== 'rank') return () => NO_STEP;
    void source.past;
    return (node) => rankStep(this.#rankOf(node));
  }

  #rankOf(node: number): number {
    const table = this.#run.source.table;
    const row = lastRowOf(table, node);
    const past = this.rankedPastOf(this.#run.source.index?.functionOf(node) ?? -1);
    if (row < 0 || !past || table.worker[row] === NO_WORKER) return Number.NaN;
    if (table.outcome[row] === Outcome.cached) return Number.NaN; // it is not ranked
    const executeNs = table.endedNs[row]! - table.startedNs[row]!;
    return Number.isNaN(executeNs) ? Number.NaN : shareBelow(past, executeNs);
  }

  #endsOf(index: GraphIndex, table: RunTable): StripEnds {
    const ratios: number[] = [];
    for (const one of statisticsAt(index, table, this.#run.metric, Infinity)) {
      const past = this.#run.metric === 'execute_ns' ? this.pastOf(one.function) : undefined;
      const measure = measureOf(past, one.p50);
      ratios.push(one.min / measure, one.max / measure, (past?.p25 ?? Number.NaN) / measure);
    }
    return stripEnds(ratios);
  }
}
