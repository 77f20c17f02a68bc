// One run on a page, live or past: data, playhead and choices in one place, and what follows from them.

import { FrameLoop } from '../../draw/frame-loop';
import type { ColourMode, NodeColours } from '../../draw/node-colours';
import { momentText } from '../../model/clock-format';
import { type CriticalPath, criticalPathOf } from '../../model/critical-path';
import { eventsOf, type RunEvents } from '../../model/events';
import { functionColour } from '../../model/function-colour';
import type { GraphIndex } from '../../model/graph-index';
import type { Lanes } from '../../model/lanes';
import { lanesOf } from '../../model/run-lanes';
import type { Metric } from '../../model/metric';
import { NO_WORKER, type RunTable } from '../../model/run-table';
import { slackOf } from '../../model/slack';
import { countStates } from '../../model/state-counts';
import { endedAttempts, endOf, type StateCounts } from '../../model/states';
import { type FunctionStatistics, TYPICAL_NEEDS, statisticsAt } from '../../model/statistics';
import { parseRunUrl, type RunTab, type RunUrl } from '../../model/url-state';
import type { RunSummary } from '../../api/schema';
import type { AppState } from './app.svelte';
import { type ExpectedEnd, expectedEnd, liveAxisNs } from './expected-end';
import { NO_PAST, type Past, pastOf, shareBelow } from './history-rank';
import { factsOf, type TaskFacts } from './inspect';
import { measureOf, type StripEnds, stripEnds } from './median-strip';
import { Pace } from './pace.svelte';
import { type PageClock, pageClock, Playback } from './playback.svelte';
import { changeChoices, type Kind } from './run-choices';
import { RunHead } from './run-head.svelte';
import { isRoot, RootSchedule } from './root-schedule.svelte';
import { RunSource } from './run-source.svelte';
import { byNumber, type WorkerLabel, workerLabels } from './worker-labels';
import { processorsOf, slotsOf } from './worker-slots';
import { TaskDetail } from './task-detail.svelte';
import { Unfolding } from './unfolding.svelte';

/** The address is written when the playhead has rested for this long: browsers refuse hundreds of changes in a row. */
const REST_MS = 200;

/** Later than anything that happened, and yet before the end of a live run. */
const AFTER_ALL = Number.MAX_VALUE;

/** Everything that a run page shows, as getters over plain objects; components read it and ask it to do things. */
export class RunView {
  readonly app: AppState;
  readonly run: string;
  readonly loop = new FrameLoop();
  readonly playback: Playback;
  readonly source: RunSource;
  readonly detail: TaskDetail;
  readonly schedule: RootSchedule;
  readonly head: RunHead = new RunHead(this);
  readonly unfolding: Unfolding;
  /** The moment and the version that panels of text are of: the same as the pictures', but paced where rows are many. */
  readonly #pace: Pace;
  readonly #clock: PageClock;
  #hovered = $state(-1);
  #wasPlaying = false;
  #keeping: (() => void) | undefined;
  /** The reader has closed the task that a failed run begins with. */
  #closed = $state(false);
  /** The place that the address holds as far as the page knows; undefined before the first look. */
  #placed: number | null | undefined;

  readonly choices: RunUrl = $derived.by(() => parseRunUrl(this.app.url));

  constructor(app: AppState, run: string, clock: PageClock = pageClock) {
    this.app = app;
    this.run = run;
    this.#clock = clock;
    this.#pace = new Pace(clock);
    this.unfolding = new Unfolding(this.loop, clock);
    this.playback = new Playback(
      this.loop,
      () => {
        this.#offer();
      },
      clock,
    );
    const track = <T>(work: Promise<T>): Promise<T> => app.track(work);
    this.detail = new TaskDetail(app.api, run, track);
    this.schedule = new RootSchedule(app.api, run, track);
    this.source = new RunSource({
      api: app.api,
      live: app.live,
      run,
      track,
      onbatch: (table) => {
        const endNs = endOf(table);
        this.playback.follow(endNs === Infinity ? table.nowNs : endNs, !table.ended);
        this.#offer();
      },
    });
    this.playback.watchLink(() => this.source.linked && app.link.storeSilentSince === null);
  }

  // ---- data

  get ready(): boolean {
    return this.source.ready;
  }

  /** Only where `ready`. */
  get summaryNow(): RunSummary {
    return this.source.summary!;
  }

  /** Only where `ready`. Reading it follows the stream. */
  get indexNow(): GraphIndex {
    void this.source.version;
    return this.source.index!;
  }

  get tableNow(): RunTable {
    void this.source.version;
    return this.source.table;
  }

  /** A value made from the table, made again when it changes: with each version, which only what costs little may be. */
  readNow<T>(make: (index: GraphIndex, table: RunTable) => T): T {
    void this.source.version;
    return make(this.source.index!, this.source.table);
  }

  /** The same for what costs more: not with each version of a large table. */
  read<T>(make: (index: GraphIndex, table: RunTable) => T): T {
    void this.#pace.version;
    return make(this.source.index!, this.source.table);
  }

  /** The log continues, as far as is known. */
  get live(): boolean {
    return !this.tableNow.ended && this.source.summary?.live === true;
  }

  /** NaN while live. */
  get endNs(): number {
    return this.live ? Number.NaN : this.playback.nowNs;
  }

  /** Length of the run so far: decides the unit of moments. */
  get spanNs(): number {
    return Math.max(this.playback.nowNs, 1);
  }

  readonly startMs: number = $derived.by(() => Date.parse(this.source.summary?.started_at ?? ''));

  readonly functionNames: readonly string[] = $derived.by(
    () => this.source.index?.graph.functions.map((f) => f.function) ?? [],
  );

  // ---- the playhead

  /** The moment that panels of text show. */
  get atNs(): number {
    return this.#pace.atNs;
  }

  /** The moment that pictures show. */
  get shownNs(): number {
    return this.playback.atNs;
  }

  /** Goes to a moment; the address follows, a drag without a trace in the history. */
  seek(atNs: number, kind: Kind): void {
    this.playback.seek(atNs);
    this.keepPlace(kind);
  }

  /** Writes the playhead into the address: a decision at once, what is dragged or stepped when it rests. */
  keepPlace(kind: Kind): void {
    this.#keeping?.();
    this.#keeping = undefined;
    if (kind === 'decision') this.#keepNow(kind);
    else {
      this.#keeping = this.#clock.after(REST_MS, () => {
        this.#keeping = undefined;
        this.#keepNow(kind);
      });
    }
  }

  /** At now, or at the end, a link needs no moment. */
  #keepNow(kind: Kind): void {
    const { atNs, nowNs, pinned, playing } = this.playback;
    if (playing) return;
    const place = pinned || (!this.live && atNs >= nowNs) ? null : Math.round(atNs);
    if (place !== this.choices.atNs) this.choose({ atNs: place }, kind);
    this.#placed = place;
  }

  /** Follows the address: back, forward and links. What the page itself wrote there moves nothing. */
  followAddress(atNs: number | null): void {
    if (atNs === this.#placed) return;
    this.#placed = atNs;
    this.playback.seekLinked(atNs);
  }

  /** A moment of the run by the clock that the reader chose. */
  moment(atNs: number): string {
    return momentText(atNs, this.startMs, this.app.timeMode, this.spanNs);
  }

  readonly #usualEnd: ExpectedEnd | null = $derived.by(() => expectedEnd(this.source.pastMakespans));

  /** When a live run should end; null where that is unknown, and when it has outlasted its past. */
  get expected(): ExpectedEnd | null {
    const usual = this.#usualEnd;
    return this.live && usual !== null && this.playback.nowNs <= usual.p75Ns ? usual : null;
  }

  /** Right end of the lanes. */
  get axisEndNs(): number {
    return this.live ? liveAxisNs(this.playback.nowNs, this.expected) : this.playback.nowNs;
  }

  // ---- what follows from the table and the moment

  /** As of the moment that pictures show, with each version: one moment has one count, wherever it is shown. */
  readonly counts: StateCounts = $derived(this.readNow((index, table) => countStates(index, table, this.shownNs)));
  /** States as they are in the end, or now: which of the rare ones need a place. */
  readonly finalCounts: StateCounts = $derived(this.read((index, table) => countStates(index, table, AFTER_ALL)));
  readonly events: RunEvents = $derived(this.read(eventsOf));
  readonly lanes: Lanes = $derived(this.read((_, table) => lanesOf(table, this.slots, this.processors)));
  readonly statistics: readonly FunctionStatistics[] = $derived(
    this.read((index, table) => statisticsAt(index, table, this.metric, this.atNs)),
  );
  readonly #executed: readonly FunctionStatistics[] = $derived(
    this.read((index, table) => statisticsAt(index, table, 'execute_ns', this.atNs)),
  );
  readonly path: CriticalPath | undefined = $derived(
    this.live ? undefined : this.read((index, table) => criticalPathOf(index, table)),
  );
  readonly pathNodes: readonly number[] = $derived(this.path?.steps.map((step) => step.node) ?? []);
  readonly stripEnds: StripEnds = $derived(this.read((index, table) => this.#endsOf(index, table)));

  readonly taskCount: number = $derived(this.readNow((index) => index.tasks));

  /** Milliseconds of the link's clock; it moves on once a second, also while nothing is heard. */
  heardMs(): number {
    void this.app.now.ms;
    return this.#clock.now();
  }

  readonly slots: ReadonlyMap<number, number> = $derived.by(() => slotsOf(this.source.workers));
  readonly processors: ReadonlyMap<number, number> = $derived.by(() => processorsOf(this.source.workers));

  readonly workerNames: readonly WorkerLabel[] = $derived.by(() => workerLabels(this.source.workers, this.lanes));
  readonly workerList: readonly { readonly name: string; readonly process: string }[] = $derived(
    byNumber(this.workerNames),
  );

  /** The task whose detail is asked for: the selected one, else the one that ended the run. */
  readonly asked: number = $derived.by(() =>
    this.selected >= 0 ? this.selected : (this.source.summary?.error?.node ?? -1),
  );

  factsOf(node: number): TaskFacts {
    return this.read((index, table) => factsOf(index, table, node, this.atNs));
  }

  onPath(node: number): boolean {
    return this.path?.nodes.has(node) ?? false;
  }

  slackOf(node: number): number {
    return this.read((index, table) => slackOf(index, table, node));
  }

  /** History of a function by its number; undefined while it is asked for. */
  pastOf(fn: number): Past | undefined {
    return pastOf(this.source.past, this.source.index?.graph.functions[fn]);
  }

  /** The same for saying where a task stands in it: nothing where it is of too few runs. */
  rankedPastOf(fn: number): Past | undefined {
    return this.source.comparable ? this.pastOf(fn) : NO_PAST;
  }

  /** How long a task of a function should execute: as others of this run did, else as those of past runs; else NaN. */
  expectedNs(fn: number): number {
    const own = this.#executed[fn];
    if (own !== undefined && own.n >= TYPICAL_NEEDS) return own.p50;
    return this.pastOf(fn)?.p50 ?? Number.NaN;
  }

  // ---- choices

  /** Node of the selected task, -1 for none. A failed run begins with the task that ended it. */
  readonly selected: number = $derived.by(() => {
    const node = this.choices.node ?? (this.#closed ? null : (this.source.summary?.error?.node ?? null));
    return node !== null && this.ready && this.indexNow.isTask(node) ? node : -1;
  });

  /** The same where it is a root of the graph, else -1. */
  readonly selectedRoot: number = $derived(
    this.selected >= 0 && isRoot(this.indexNow, this.selected) ? this.selected : -1,
  );

  /** How many attempts of that task have ended: its detail is asked for again when one more has. */
  readonly askedEnds: number = $derived(this.asked < 0 ? 0 : this.read((_, table) => endedAttempts(table, this.asked)));

  get hovered(): number {
    return this.#hovered;
  }

  get mode(): ColourMode {
    return this.choices.mode;
  }

  get metric(): Metric {
    return this.choices.metric;
  }

  /** The tab shown: what only the end of a run can show gives way while it is live. */
  get tab(): RunTab {
    return this.choices.tab === 'path' && this.live ? 'statistics' : this.choices.tab;
  }

  get criticalPath(): boolean {
    return this.choices.criticalPath && !this.live;
  }

  readonly colours: NodeColours = $derived.by(() => {
    const { workflow } = this.summaryNow;
    const workers = 1 + (this.lanes.workers.at(-1)?.worker ?? -1);
    return {
      mode: this.mode,
      functions: this.functionNames.map((_, k) => functionColour(workflow, k)),
      workers: Array.from({ length: workers }, (_, k) => functionColour('workers', k)),
      rank: (node: number) => this.#rankOf(node),
    };
  });

  choose(change: Partial<RunUrl>, kind: Kind = 'decision'): void {
    changeChoices(this.app, this.run, change, kind);
  }

  chooseMetric(metric: Metric): void {
    this.choose({ metric });
  }

  select(node: number): void {
    this.#closed = node < 0;
    if (node !== this.choices.node) this.choose({ node: node < 0 ? null : node });
  }

  hover(node: number): void {
    this.#hovered = node;
  }

  /** Opens the stream; the function it returns ends everything. */
  open(): () => void {
    const close = this.source.open();
    return () => {
      close();
      this.playback.stop();
      this.#pace.stop();
      this.unfolding.stop();
      this.#keeping?.();
      this.detail.stop();
      this.schedule.stop();
      this.loop.dispose();
    };
  }

  /** Nothing is waiting to be shown. */
  get idle(): boolean {
    const isWhole = this.unfolding.done || !this.ready;
    return isWhole && this.loop.idle && this.#pace.idle && this.#keeping === undefined;
  }

  #offer(): void {
    const { table } = this.source;
    // While it plays the address rests; where it stops is worth a link.
    if (this.#wasPlaying && !this.playback.playing) this.keepPlace('drag');
    this.#wasPlaying = this.playback.playing;
    this.#pace.offer(table.version, this.playback.atNs, table.rows);
  }

  #rankOf(node: number): number {
    const table = this.source.table;
    const row = table.rowsOf(node).at(-1) ?? -1;
    const past = this.rankedPastOf(this.source.index?.functionOf(node) ?? -1);
    if (row < 0 || !past || table.worker[row] === NO_WORKER) return Number.NaN;
    const executeNs = table.endedNs[row]! - table.startedNs[row]!;
    return Number.isNaN(executeNs) ? Number.NaN : shareBelow(past, executeNs);
  }

  #endsOf(index: GraphIndex, table: RunTable): StripEnds {
    const ratios: number[] = [];
    for (const one of statisticsAt(index, table, this.metric, Infinity)) {
      const past = this.metric === 'execute_ns' ? this.pastOf(one.function) : undefined;
      const measure = measureOf(past, one.p50);
      ratios.push(one.min / measure, one.max / measure, (past?.p25 ?? Number.NaN) / measure);
    }
    return stripEnds(ratios);
  }
}
