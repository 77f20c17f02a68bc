// One run on a page, live or past: data, playhead and choices in one place.

import type { FrameLoop } from '../../draw/frame-loop';
import { momentText } from '../../model/clock-format';
import type { GraphIndex } from '../../model/graph-index';
import type { Metric } from '../../model/metric';
import type { TimeRange } from '../../model/range-figures';
import { findMark, markOf, nsBetween } from '../../model/same-task';
import type { RunTable } from '../../model/run-table';
import { endOf } from '../../model/states';
import type { ColourMode, RunTab, RunUrl } from '../../model/url-state';
import type { RunSummary } from '../../api/schema';
import type { AppState } from './app.svelte';
import { Pace } from './pace.svelte';
import { type PageClock, pageClock, type Playback } from './playback.svelte';
import { PredictedEnd } from './predicted-end.svelte';
import { RunAnalysis } from './run-analysis.svelte';
import type { Kind } from './run-choices';
import { RunHead } from './run-head.svelte';
import { RunPlace } from './run-place.svelte';
import { OwnScene, type RunScene } from './run-scene';
import { isRoot, RootSchedule } from './root-schedule.svelte';
import { RunSource } from './run-source.svelte';
import { TaskDetail } from './task-detail.svelte';
import { Unfolding } from './unfolding.svelte';

/**
 * One run on a page: it owns what is shown of the run, and the selection. The table is owned by source, frames, playhead
 * and choices by the scene, the moment in the address by place; analysis and head only read.
 */
export class RunView {
  readonly app: AppState;
  readonly run: string;
  readonly scene: RunScene;
  readonly source: RunSource;
  readonly detail: TaskDetail;
  readonly schedule: RootSchedule;
  readonly end: PredictedEnd;
  readonly analysis: RunAnalysis = new RunAnalysis(this);
  readonly head: RunHead = new RunHead(this);
  readonly place: RunPlace;
  readonly unfolding: Unfolding;
  /** The moment and the version that panels of text are of: the same as the pictures', but paced where rows are many. */
  readonly #pace: Pace;
  readonly #clock: PageClock;
  #hovered = $state(-1);
  /** The reader has closed the task that a failed run begins with. */
  #closed = $state(false);

  readonly choices: RunUrl = $derived.by(() => this.scene.choices);

  /** A scene that is given is shared: whoever owns it calls moved. */
  constructor(app: AppState, run: string, clock: PageClock = pageClock, scene?: RunScene) {
    this.app = app;
    this.run = run;
    this.#clock = clock;
    this.#pace = new Pace(clock);
    this.scene = scene ?? new OwnScene(app, run, () => this.moved(), clock);
    this.place = new RunPlace(this, clock);
    this.unfolding = new Unfolding(this.loop, clock);
    const track = <T>(work: Promise<T>): Promise<T> => app.track(work);
    this.detail = new TaskDetail(app.api, run, track);
    this.schedule = new RootSchedule(app.api, run, track);
    this.end = new PredictedEnd(app.api, run, track);
    this.source = new RunSource({
      api: app.api,
      live: app.live,
      run,
      track,
      onbatch: (table) => {
        this.scene.follow(reachOf(table), !table.ended);
        this.moved();
      },
      onrenew: (next) => this.#carry(next),
    });
    this.playback.watchLink(() => this.source.linked && app.link.storeSilentSince === null);
  }

  get loop(): FrameLoop {
    return this.scene.loop;
  }

  get playback(): Playback {
    return this.scene.playback;
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

  // ---- the playhead

  /** The moment that panels of text show. */
  get atNs(): number {
    return this.#pace.atNs;
  }

  /** The moment that pictures show. */
  get shownNs(): number {
    return this.playback.atNs;
  }

  /** A moment of the run by the clock that the reader chose. */
  moment(atNs: number): string {
    return momentText(atNs, this.startMs, this.app.timeMode, this.spanNs);
  }

  /** Milliseconds of the link's clock; it moves on once a second, also while nothing is heard. */
  heardMs(): number {
    void this.app.now.ms;
    return this.#clock.now();
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

  get hovered(): number {
    return this.#hovered;
  }

  get mode(): ColourMode {
    return this.choices.mode;
  }

  get metric(): Metric {
    return this.choices.metric;
  }

  /** The tab shown: what only the end of a run can show gives way while it is live, as do the range and the file without one. */
  get tab(): RunTab {
    const { tab, range } = this.choices;
    const isMissing =
      (tab === 'path' && this.live) ||
      (tab === 'range' && range === null) ||
      (tab === 'file' && this.source.summary?.file === '');
    return isMissing ? 'statistics' : tab;
  }

  get criticalPath(): boolean {
    return this.choices.criticalPath && !this.live;
  }

  choose(change: Partial<RunUrl>, kind: Kind = 'decision'): void {
    this.scene.choose(change, kind);
  }

  chooseMetric(metric: Metric): void {
    this.choose({ metric });
  }

  select(node: number): void {
    this.#closed = node < 0;
    if (node !== this.choices.node) this.choose({ node: node < 0 ? null : node });
  }

  /** Keeps playhead, selection and window of time where they are while another version takes the place of this one. */
  #carry(next: RunSummary): () => void {
    const was = this.source.summary ?? next;
    const { node, lanes, range } = this.choices;
    if (next.graph_hash === was.graph_hash && next.started_at === was.started_at) return () => undefined;
    const shiftNs = nsBetween(next.started_at, was.started_at);
    const mark = node === null || !this.ready ? undefined : markOf(this.indexNow, this.tableNow, node);
    const { atNs, nowNs } = this.playback;
    return () => {
      this.detail.forget();
      this.schedule.forget();
      if (shiftNs !== 0 && atNs < nowNs) this.place.seek(atNs + shiftNs, 'drag');
      const found = mark === undefined ? -1 : findMark(this.indexNow, this.tableNow, mark, shiftNs);
      const moved = { node: found < 0 ? null : found, lanes: shifted(lanes, shiftNs), range: shifted(range, shiftNs) };
      if (node !== null || lanes !== null || range !== null) this.choose(moved, 'drag');
    };
  }

  hover(node: number): void {
    this.#hovered = node;
  }

  /** Opens the stream; the function it returns ends everything. */
  open(): () => void {
    const close = this.source.open();
    const unprint = this.app.theme.beforePrint(() => this.loop.flush());
    return () => {
      close();
      unprint();
      this.playback.stop();
      this.#pace.stop();
      this.unfolding.stop();
      this.place.stop();
      this.detail.stop();
      this.schedule.stop();
      this.loop.dispose();
    };
  }

  /** Nothing is waiting to be shown. */
  get idle(): boolean {
    const isWhole = this.unfolding.done || !this.ready;
    return isWhole && this.loop.idle && this.#pace.idle && this.place.idle;
  }

  /** The playhead or the table has moved on. */
  moved(): void {
    const { table } = this.source;
    this.place.moved();
    this.#pace.offer(table.version, this.playback.atNs, table.rows);
  }
}

/** The moment up to which a table says what happened. */
export function reachOf(table: RunTable): number {
  const endNs = endOf(table);
  return endNs === Infinity ? table.nowNs : endNs;
}

function shifted(range: TimeRange | null, byNs: number): TimeRange | null {
  return range && { fromNs: range.fromNs + byNs, toNs: range.toNs + byNs };
}
