// The list of runs that is shown: loaded by the page, kept up to date by the live stream, nothing flickering.

import type { QueryOf } from '../../../api/client';
import type { RunList as Answer, RunSummary } from '../../../api/schema';
import type { AppState } from '../../state/app.svelte';
import { fromOf } from '../../state/period';
import { Resource } from '../../state/resource.svelte';
import { allRuns, type RunsQuery } from './runs-url';

/** Runs on one page. */
export const PAGE_RUNS = 50;
/** The list is asked for again at most this often while runs come and go. */
const REFRESH_MS = 1000;
/** Typing pauses this long before the list is asked for. */
const PAUSE_MS = 160;
/** Without a socket changes are not announced: then the list is requested this often. */
const POLL_MS = 5000;

/** The question as the service takes it. */
export function listQuery(query: RunsQuery, nowMs: number): QueryOf<'list-runs'> {
  const from = fromOf(query.period, nowMs);
  return {
    limit: PAGE_RUNS,
    sort: query.sort,
    order: query.order,
    ...(query.text.trim() === '' ? {} : { text: query.text.trim() }),
    ...(query.workflow === '' ? {} : { workflow: query.workflow }),
    ...(query.engine === '' ? {} : { engine: query.engine }),
    ...(query.status.length === 0 ? {} : { status: [...query.status] }),
    ...(query.tag === '' ? {} : { tag: query.tag }),
    ...(query.cursor === '' ? {} : { cursor: query.cursor }),
    ...(from === undefined ? {} : { from }),
  };
}

/** Puts changed runs in their places; `asks` says whether the list has to be requested again to be right. */
export function merge(answer: Answer, changed: readonly RunSummary[]): { answer: Answer; asks: boolean } {
  const byId = new Map(changed.map((run) => [run.run, run]));
  let asks = false;
  const runs = answer.runs.map((old) => {
    const run = byId.get(old.run);
    if (run === undefined) return old;
    byId.delete(old.run);
    if (run.status !== old.status || run.tags.join() !== old.tags.join()) asks = true;
    return run;
  });
  return { answer: { ...answer, runs }, asks: asks || byId.size > 0 };
}

/** The runs of one question. Call `follow` in an effect. */
export class RunList {
  readonly resource: Resource<Answer>;
  #app: AppState;
  #query: RunsQuery = allRuns;
  #timer: number | undefined;
  #asked = false;

  constructor(app: AppState) {
    this.#app = app;
    this.resource = new Resource((work) => app.track(work));
  }

  get runs(): readonly RunSummary[] {
    return this.resource.value?.runs ?? [];
  }

  /** No question waits to be asked. */
  get settled(): boolean {
    return this.#timer === undefined;
  }

  /** Asks another question, once typing pauses; what was shown stays until the answer has come. */
  ask(query: RunsQuery): void {
    this.#query = query;
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.refresh(), this.#asked ? PAUSE_MS : 0);
    this.#asked = true;
  }

  refresh(): void {
    window.clearTimeout(this.#timer);
    this.#timer = undefined;
    const query = listQuery(this.#query, this.#app.api.clock.nowMs(Date.now()));
    void this.resource.load((signal) => this.#app.api.runs(query, signal));
  }

  /** Follows the live stream, and reports runs that have ended; the function it returns ends that. */
  follow(ended: (run: RunSummary) => void): () => void {
    const settled = (): boolean => this.settled;
    this.#app.idleChecks.add(settled);
    const stop = this.#app.live.subscribeRuns((changed) => {
      this.#take(changed, ended);
    });
    const poll = window.setInterval(() => {
      const link = this.#app.live.state;
      const isAnnounced = link.kind === 'open' && link.transport === 'socket';
      if (!isAnnounced && !document.hidden) this.refresh();
    }, POLL_MS);
    return () => {
      stop();
      this.#app.idleChecks.delete(settled);
      window.clearInterval(poll);
      window.clearTimeout(this.#timer);
      this.#timer = undefined;
      this.resource.stop();
    };
  }

  #take(changed: readonly RunSummary[], ended: (run: RunSummary) => void): void {
    let asks = this.resource.error !== undefined;
    const live = new Set(this.runs.filter((run) => run.live).map((run) => run.run));
    this.resource.update((answer) => {
      const merged = merge(answer, changed);
      asks ||= merged.asks;
      return merged.answer;
    });
    for (const run of changed) if (!run.live && live.has(run.run)) ended(run);
    if (asks) this.#refreshSoon();
  }

  #refreshSoon(): void {
    this.#timer ??= window.setTimeout(() => {
      this.#timer = undefined;
      // A slow answer is waited for: asking again would discard it, over and over while runs keep ending.
      if (this.resource.loading) this.#refreshSoon();
      else this.refresh();
    }, REFRESH_MS);
  }
}
