// Where the data of a run page come from: the stream of the run, and the few things that are asked for once.

import type { Api } from '../../api/client';
import type { Peers, RunSummary, RunWorker, Standing } from '../../api/schema';
import type { LinkState } from '../../live/link-state';
import type { LiveClient } from '../../live/live-client';
import { GraphIndex } from '../../model/graph-index';
import type { Frame } from '../../model/frame';
import type { Graph } from '../../model/graph';
import type { Layout } from '../../model/layout';
import { RunFold } from '../../model/run-fold';
import { MarkKind, NO_WORKER, type RunTable } from '../../model/run-table';
import type { PeerScope } from '../../model/url-state';
import { type Past, pastByFunction } from './history-rank';
import { type Drawn, Renewal } from './renewal';
import { isAway } from './resource.svelte';

export interface SourceDependencies {
  readonly api: Api;
  readonly live: LiveClient;
  readonly run: string;
  track<T>(work: Promise<T>): Promise<T>;
  /** Called after each batch of frames, in place of an effect: the playhead follows. */
  onbatch(table: RunTable): void;
  /**
   * Called before another version of the run, with other nodes, takes the place of what is shown; the function that it
   * returns is called when it has.
   */
  onrenew(next: RunSummary): () => void;
}

/** A run that cannot be read for now is asked for again after this. */
const AGAIN_MS = 2_000;
/** As many peers as the service knows of a run. */
const PEERS = 100;
/** With fewer peers nothing is said of where a run or a task stands among them; the service holds to the same. */
const STANDING_NEEDS = 5;
/** Bars of the histograms of the past. */
const BINS = 46;

/**
 * Data of one run: plain objects, each change of which moves a version. It owns the table, which its RunFold alone writes,
 * the index, and what was requested for the page. Call open() once; the function it returns closes it.
 */
export class RunSource {
  readonly #fold = new RunFold();
  readonly #deps: SourceDependencies;
  #summary: RunSummary | undefined = $state.raw(undefined);
  #index: GraphIndex | undefined = $state.raw(undefined);
  #layout: Layout | null = $state.raw(null);
  #version = $state(0);
  #edition = $state(0);
  #problem: unknown = $state.raw(undefined);
  #link: LinkState | undefined = $state.raw(undefined);
  #workers: readonly RunWorker[] = $state.raw([]);
  #past: ReadonlyMap<string, Past> | undefined = $state.raw(undefined);
  #pastMakespans: readonly number[] = $state.raw([]);
  #peers: Peers | undefined = $state.raw(undefined);
  #standing: Standing | null = $state.raw(null);
  /** Undefined until something is to be compared. */
  #scope: PeerScope | undefined;
  /** What workerNews said when they were asked for; -1 before the first frame. */
  #workerNews = -1;
  /** Undefined while what is shown is what the stream is of. */
  #renewal: Renewal | undefined;
  #isDrawing = false;
  #abort = new AbortController();
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(deps: SourceDependencies) {
    this.#deps = deps;
  }

  get summary(): RunSummary | undefined {
    return this.#summary;
  }

  /** Undefined until the graph has come. */
  get index(): GraphIndex | undefined {
    return this.#index;
  }

  get layout(): Layout | null {
    return this.#layout;
  }

  /** The table; read `version` to follow its changes. */
  get table(): RunTable {
    return this.#fold.table;
  }

  /** Moves with every batch of frames. */
  get version(): number {
    return this.#version;
  }

  /** Moves when another version of the run has taken the place of what was shown: its nodes are others. */
  get edition(): number {
    return this.#edition;
  }

  /** Why there is nothing to show; undefined while there is. */
  get problem(): unknown {
    return this.#problem;
  }

  get link(): LinkState | undefined {
    return this.#link;
  }

  /** What was received is fresh: while it is not, clocks stop. */
  get linked(): boolean {
    return this.#link?.kind === 'open';
  }

  get workers(): readonly RunWorker[] {
    return this.#workers;
  }

  /** Which runs before it this one is compared with; undefined while they are asked for. */
  get peers(): Peers | undefined {
    return this.#peers;
  }

  /** There are enough of them, as far as is known, to say where something stands. */
  get comparable(): boolean {
    return this.#peers === undefined || this.#peers.runs >= STANDING_NEEDS;
  }

  /** Where the run stands among its peers; null where that is not known. */
  get standing(): Standing | null {
    return this.#standing;
  }

  /** History of a function by key, of the peers' tasks; undefined while it is asked for. */
  get past(): ReadonlyMap<string, Past> | undefined {
    return this.#past;
  }

  /** Makespans of the peers, in no order. */
  get pastMakespans(): readonly number[] {
    return this.#pastMakespans;
  }

  /** There is enough to draw the page: of a past run its rows too, so that it is not seen as one that has just begun. */
  get ready(): boolean {
    void this.#version;
    const summary = this.#summary;
    if (summary === undefined || this.#index === undefined) return false;
    return this.table.seq > 0 || summary.live || summary.last_seq === 0 || this.#link?.kind === 'waiting';
  }

  open(): () => void {
    const { live, run } = this.#deps;
    const unsubscribe = live.subscribeRun(run, {
      frame: (frame) => this.#hear(frame),
      summary: (summary) => {
        this.#hearSummary(summary);
      },
      restarted: () => {
        this.#restart();
      },
      status: (link) => {
        this.#link = link;
      },
      error: (problem) => {
        if (this.#summary === undefined) this.#fail(problem);
      },
    });
    this.#link = live.state;
    void this.load();
    return () => {
      this.#abort.abort();
      clearTimeout(this.#again);
      unsubscribe();
    };
  }

  /** Asks for what is asked for once; again after a failure. */
  async load(): Promise<void> {
    const { api, run, track } = this.#deps;
    const { signal } = this.#abort;
    clearTimeout(this.#again);
    this.#again = undefined;
    void this.#loadWorkers(); // at the same time as the rest: lanes are painted with their names
    void this.#loadLayout().then((layout) => {
      if (this.#renewal === undefined) this.#layout = layout;
    });
    try {
      const [summary, graph] = await track(Promise.all([api.run(run, {}, signal), api.graph(run, signal)]));
      if (this.#renewal === undefined) {
        this.takeSummary(summary);
        this.#takeGraph(graph);
      }
      this.#problem = undefined;
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
      return;
    }
    this.#compare();
  }

  /** The picture of the graph; null without: the page has lanes and tables. */
  async #loadLayout(): Promise<Layout | null> {
    const { api, run, track } = this.#deps;
    try {
      return await track(api.layout(run, {}, this.#abort.signal));
    } catch {
      return null;
    }
  }

  /** Compares with other runs from now on, as soon as the run itself is known. */
  compareWith(scope: PeerScope): void {
    if (scope === this.#scope) return;
    this.#scope = scope;
    if (this.#summary !== undefined) this.#compare();
  }

  #compare(): void {
    if (this.#scope === undefined) return;
    void this.#loadPast(this.#scope);
    void this.#loadPeers(this.#scope);
  }

  /** Says why there is nothing to show; what is not available now is requested again. */
  #fail(problem: unknown): void {
    this.#problem = problem;
    if (isAway(problem)) this.#again ??= setTimeout(() => void this.load(), AGAIN_MS);
  }

  /** A summary that came with the stream, or in answer to what the page asked the service to do. */
  takeSummary(summary: RunSummary): void {
    const ended = this.#summary?.live === true && !summary.live;
    this.#summary = summary;
    if (summary.imported !== null) this.#fold.markRecorded();
    if (!ended) return;
    void this.#loadWorkers();
    if (this.#scope !== undefined) void this.#loadPeers(this.#scope); // where it stands is known only now
  }

  #hear(frame: Frame): boolean {
    if (this.#renewal === undefined) return this.#apply(frame);
    if (!this.#renewal.takeFrame(frame)) return false;
    this.#renew();
    return true;
  }

  #hearSummary(summary: RunSummary): void {
    if (this.#renewal === undefined) {
      if (this.#index === undefined || this.#index.graph.hash === summary.graph_hash) {
        this.takeSummary(summary);
        return;
      }
      this.#restart();
    }
    this.#renewal!.takeSummary(summary);
    this.#renew();
  }

  /** What the stream brings from now on is of another version of the run. */
  #restart(): void {
    if (this.#renewal === undefined) this.#renewal = new Renewal();
    else this.#renewal.restart();
  }

  /** Shows another version of the run if all of it is here, and asks for what is not. */
  #renew(): void {
    const ready = this.#renewal?.ready;
    if (ready !== undefined) {
      const { version, drawn } = ready;
      if (!this.#renewal!.shown(version)) this.#renewal = undefined;
      const carryOver = this.#deps.onrenew(version.summary!);
      this.#layout = drawn.layout;
      this.takeSummary(version.summary!);
      this.#index = undefined; // the table and the index of before do not fit together with those of now
      for (const frame of version.frames) this.#apply(frame);
      this.#index = new GraphIndex(drawn.graph, this.table);
      this.#edition++;
      carryOver();
      void this.#loadWorkers();
      if (this.#summary?.status !== 'running') this.#compare();
    }
    if (this.#renewal?.lacksGraph === true && !this.#isDrawing) void this.#draw();
  }

  /** Asks for the graph of the version that comes, until it is the one that is answered. */
  async #draw(): Promise<void> {
    const { api, run, track } = this.#deps;
    this.#isDrawing = true;
    let drawn: Drawn | undefined;
    try {
      const [graph, layout] = await Promise.all([track(api.graph(run, this.#abort.signal)), this.#loadLayout()]);
      drawn = { graph, layout: layout?.hash === graph.hash ? layout : null };
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      if (!isAway(error)) this.#problem = error;
    }
    if (drawn !== undefined) this.#renewal?.takeDrawn(drawn);
    setTimeout(
      () => {
        this.#isDrawing = false;
        if (!this.#abort.signal.aborted) this.#renew();
      },
      drawn === undefined ? AGAIN_MS : 0,
    );
  }

  #takeGraph(graph: Graph): void {
    this.#index = new GraphIndex(graph, this.table);
    this.#version++;
  }

  #apply(frame: Frame): boolean {
    if (!this.#fold.apply(frame)) return false;
    if (frame.more) return true;
    this.#index?.update();
    this.#deps.onbatch(this.table);
    this.#version++;
    const workers = workerNews(this.table);
    if (workers !== this.#workerNews) {
      // Of a run that is over, the workers that were requested with it are complete.
      if (this.#workerNews >= 0 || !this.table.ended) void this.#loadWorkers();
      this.#workerNews = workers;
    }
    return true;
  }

  async #loadWorkers(): Promise<void> {
    const { api, run, track } = this.#deps;
    try {
      const { workers } = await track(api.runWorkers(run, this.#abort.signal));
      this.#workers = workers;
    } catch {
      // Lanes have numbers where names are missing.
    }
  }

  async #loadPast(scope: PeerScope): Promise<void> {
    const { api, run, track } = this.#deps;
    const query = { metric: 'execute_ns', group_by: 'function', quantiles: [0.25, 0.5, 0.75], bins: BINS } as const;
    let past: ReadonlyMap<string, Past>;
    try {
      const history = await track(api.stats({ ...query, before: run, peers: scope }, this.#abort.signal));
      past = pastByFunction(history.groups);
    } catch {
      past = new Map(); // ranks say that there is nothing to compare with
    }
    if (scope === this.#scope) this.#past = past;
  }

  async #loadPeers(scope: PeerScope): Promise<void> {
    const { api, run, track } = this.#deps;
    const { signal } = this.#abort;
    try {
      const [list, summary] = await track(
        Promise.all([
          api.runs({ before: run, peers: scope, limit: PEERS }, signal),
          api.run(run, { peers: scope }, signal),
        ]),
      );
      if (scope !== this.#scope) return;
      this.#peers = list.peers;
      this.#pastMakespans = list.runs.map((one) => one.makespan_ns);
      this.#standing = summary.standing;
    } catch {
      // The header leaves out what it cannot compare.
    }
  }
}

/** How often workers have come and gone, and that one has claimed a task: what it prepared before is complete then. */
function workerNews(table: RunTable): number {
  let marks = table.worker.subarray(0, table.rows).some((worker) => worker !== NO_WORKER) ? 1 : 0;
  for (const { kind } of table.marks) {
    if (kind === MarkKind.workerStarted || kind === MarkKind.workerStopped) marks++;
  }
  return marks;
}
